import { afterAll, describe, expect, test } from 'vitest';
import { describeReads, machineWrappers, noSuchId } from './reads.ts';
import { addressesOf, machineShape } from './shapes.ts';
import { call, itemsOf, itemOf, until, type Fields, type Reply, type Target } from './target.ts';

/**
 * Holds a server against what is known of the provider's API: every endpoint, its codes and fields, and the walk of a
 * machine through its states. It speaks plain HTTP and shares no code with the client that it is the other half of.
 * Where the provider's documentation leaves something open, every way that was ever seen passes.
 */
export function describeConformance(name: string, target: Target): void {
  describe(`${name} answers as the provider does`, { timeout: target.timeout }, () => {
    describeReads(target);
    if (target.mayBill) describeLife(target);
  });
}

/** One VM from create to delete: each test starts where the one before ended. */
function describeLife(target: Target): void {
  const name = `conformance-${Date.now()}`;
  let order: Fields;
  let id: unknown;

  const post = (path: string, body?: Fields): Promise<Reply> => call(target, 'POST', `/virtual_machines${path}`, body);
  const read = (): Promise<Reply> => call(target, 'GET', `/virtual_machines/${String(id)}`);
  const machine = async (): Promise<Fields> => itemOf(await read(), machineWrappers);
  const stateIs = async (...states: readonly RegExp[]): Promise<void> => {
    await until(target, `state ${states.join(' or ')}`, async () => {
      const { state, last_task: task } = await machine();
      // The state lags behind the task: a task that is still in progress may change it yet.
      const isBusy = /"status":"(pending|running|queued)"/.test(JSON.stringify(task));
      return !isBusy && states.some((pattern) => pattern.test(String(state)));
    });
  };
  const ofThisName = async (): Promise<readonly Fields[]> => {
    const reply = await call(target, 'GET', '/virtual_machines');
    return itemsOf(reply, 'virtual_machines', machineWrappers).filter((listed) => listed['name'] === name);
  };

  describe('a VM from create to delete', () => {
    afterAll(() => cleanUp(target, name), target.timeout);

    test('the catalog contains what can be created', async () => {
      order = { ...(await cheapest(target)), name };
      expect(Object.values(order)).not.toContain(undefined);
    });

    test.each(['name', 'os_template_id', 'region_id', 'package_id'])('a create without %s is a 400', async (field) => {
      const { [field]: _left, ...incomplete } = order;
      expect((await post('', incomplete)).status).toBe(400);
    });

    test('a create is a 201, with any body, and the VM appears in the list', async () => {
      expect((await post('', order)).status).toBe(201);
      await until(target, 'the machine is listed', async () => {
        id = (await ofThisName())[0]?.['id'];
        return id !== undefined;
      });
    });

    test('a second VM of the same name is refused', async () => {
      expect((await post('', order)).status).toBeOneOf([400, 409, 422]);
      expect(await ofThisName()).toHaveLength(1);
    });

    test('it boots after its creation, and has an address and a password in the end', async () => {
      await until(target, 'it can be read', async () => (await read()).status === 200);
      await stateIs(/^running$/i);
      await until(target, 'address and password', async () => {
        const running = await machine();
        return addressesOf(running).length > 0 && typeof running['initial_password'] === 'string';
      });
      const { name: _name, ...asked } = order;
      expect(await machine()).toMatchObject({ ...machineShape, name });
      expect(await machine()).toMatchObject(
        Object.fromEntries(
          Object.entries(asked)
            .filter(([field]) => field.endsWith('_id'))
            .map(([field, value]) => [field, expect.toSatisfy((shown) => String(shown) === String(value))]),
        ),
      );
    });

    test('a delete while it runs is a 400', async () => {
      expect((await call(target, 'DELETE', `/virtual_machines/${String(id)}`)).status).toBe(400);
      await stateIs(/^running$/i);
    });

    test('stop is accepted, a second one is a 406, and it halts', async () => {
      expect((await post(`/${String(id)}/stop`)).status).toBe(200);
      expect((await post(`/${String(id)}/stop`)).status).toBe(406);
      await stateIs(/^(halted|off|stopped)$/i);
    });

    test('stop of a halted machine is a 406', async () => {
      expect((await post(`/${String(id)}/stop`)).status).toBe(406);
    });

    test('start is accepted, and nothing else during it', async () => {
      expect((await post(`/${String(id)}/start`)).status).toBe(200);
      for (const action of ['stop', 'restart', 'kill']) {
        expect((await post(`/${String(id)}/${action}`)).status, action).toBe(406);
      }
      await stateIs(/^running$/i);
    });

    test('restart is accepted, and it runs again, with a new time', async () => {
      const before = (await machine())['updated_at'];
      expect((await post(`/${String(id)}/restart`)).status).toBe(200);
      await stateIs(/^running$/i);
      expect(Date.parse(String((await machine())['updated_at']))).toBeGreaterThan(Date.parse(String(before)));
    });

    test('kill is accepted, and leaves it halted or, if it is a reset, running', async () => {
      expect((await post(`/${String(id)}/kill`)).status).toBe(200);
      await stateIs(/^(halted|off|stopped)$/i, /^running$/i);
    });

    test('halted, it is deleted by a 204, and disappears from list and id', async () => {
      if (/^running$/i.test(String((await machine())['state']))) await post(`/${String(id)}/stop`);
      await stateIs(/^(halted|off|stopped)$/i);
      expect((await call(target, 'DELETE', `/virtual_machines/${String(id)}`)).status).toBe(204);
      await until(target, 'it cannot be read', async () => (await read()).status === 404);
      await until(target, 'it is not listed', async () => (await ofThisName()).length === 0);
    });

    test.each(['start', 'stop', 'restart', 'kill'])('%s of an unknown VM is a 404', async (action) => {
      expect((await post(`/${noSuchId}/${action}`)).status).toBe(404);
      expect((await post(`/${String(id)}/${action}`)).status).toBe(404);
    });

    test('a delete of an unknown VM is a 404', async () => {
      expect((await call(target, 'DELETE', `/virtual_machines/${noSuchId}`)).status).toBe(404);
    });
  });
}

/** An order for the cheapest package that some region and a Linux template go with. */
async function cheapest(target: Target): Promise<Fields> {
  const listOf = async (name: string) => itemsOf(await call(target, 'GET', `/${name}`), name);
  const templates = (await listOf('os_templates')).filter((template) => template['os_type'] === 'linux');
  const regions = await listOf('regions');
  const packages = (await listOf('packages')).toSorted((a, b) => priceOf(a) - priceOf(b));
  for (const entry of packages) {
    const region = regions.find((candidate) => includes(candidate['package_ids'], entry['id']));
    const template = templates.find((candidate) => includes(entry['os_template_ids'], candidate['id']));
    if (region === undefined || template === undefined) continue;
    return {
      region_id: region['id'],
      package_id: entry['id'],
      os_template_id: template['id'],
      has_private_networking: false,
      has_ipv6: false,
    };
  }
  throw new Error('no package that some region and a Linux template go with');
}

function priceOf(entry: Fields): number {
  return Number(entry['price_hour_usd'] ?? entry['price_hour_eur'] ?? Infinity);
}

function includes(list: unknown, id: unknown): boolean {
  return Array.isArray(list) && list.includes(id);
}

/** Leaves nothing behind that bills, however far the tests came. */
async function cleanUp(target: Target, name: string): Promise<void> {
  await until(target, `no machine "${name}" is left`, async () => {
    const reply = await call(target, 'GET', '/virtual_machines');
    const left = itemsOf(reply, 'virtual_machines', machineWrappers).filter((listed) => listed['name'] === name);
    for (const { id } of left) {
      await call(target, 'POST', `/virtual_machines/${String(id)}/kill`);
      await call(target, 'DELETE', `/virtual_machines/${String(id)}`);
    }
    return left.length === 0;
  });
}
