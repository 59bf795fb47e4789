import { beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { registerSecret } from '../../src/telemetry/redact.ts';
import { life } from '../faults/life.ts';
import { createFaultyWorld, type FaultyWorld, keys, minute } from '../faults/world.ts';
import { Search } from './search.ts';

const password = 'pl4nted-p4ssword+/0';
/** Of another account, and as every key that is read registered. */
const foreignKey = keys.others;
const values = [keys.ours, foreignKey, password];
const search = new Search({ markers: [], values });

beforeAll(() => registerSecret(new Secret(foreignKey)));

/** Every text of a VM or a catalog that the operator reads, however deep. */
const fields: Readonly<Record<string, (text: string) => Readonly<Record<string, unknown>>>> = {
  name: (name) => ({ name }),
  hostname: (hostname) => ({ hostname }),
  region_name: (text) => ({ region_name: text }),
  package_name: (text) => ({ package_name: text }),
  os_template_name: (text) => ({ os_template_name: text }),
  state: (state) => ({ state }),
  'last_task.name': (name) => ({ last_task: { id: 1, name, status: 'pending' } }),
  'last_task.progress': (progress) => ({ last_task: { id: 1, name: 'VmStart', status: 'failed', progress } }),
  'last_task.status': (status) => ({ last_task: { id: 1, name: 'VmStart', status } }),
  ip_allocations: (text) => ({ ip_allocations: [{ first: text, gateway: text, prefixlen: text }] }),
  created_at: (text) => ({ created_at: text, updated_at: text }),
  id: (id) => ({ region_id: id, owner_id: id }),
};

const spellings: Readonly<Record<string, (secret: string) => string>> = {
  'as it is': (secret) => secret,
  'in capitals': (secret) => `<${secret.toUpperCase()}>`,
  'as a URL': (secret) => `https://h/?k=${encodeURIComponent(secret)}`,
  'as JSON': (secret) => JSON.stringify({ secret }),
  'in base64': (secret) => Buffer.from(`k=${secret}`).toString('base64'),
  'kept apart by what is not seen': (secret) => `${secret.slice(0, 5)}\u200b${secret.slice(5)}`,
};

/** All that users can read: objects in each version, events, metrics, and log lines of level warn and above. */
async function shown(world: FaultyWorld): Promise<string> {
  const { versions, events } = world.cluster;
  return [JSON.stringify(versions), JSON.stringify(events), ...world.complaints, await world.metricsPage()].join('\n');
}

async function expectNothingShown(world: FaultyWorld): Promise<void> {
  const text = await shown(world);
  expect(await search.text(text)).toEqual([]);
  expect(await search.text(text.toLowerCase())).toEqual([]);
  expect(await search.text(text.replaceAll('\ufffd', ''))).toEqual([]);
  // JSON spells controls, and leaves these as they are.
  expect(text).not.toMatch(/[\u0080-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]|\\u00[01]/);
}

describe.each(Object.entries(fields))('a provider that quotes in %s', (field, fieldsWith) => {
  // One secret is enough to have a name hidden as a whole, so that none may hide another one there.
  const quoted = field === 'name' ? values.map((value) => [value]) : [values];
  const quotes = Object.entries(spellings).flatMap(([how, spell]) =>
    quoted.map((secrets) => ({ how, text: secrets.map(spell).join(' ') })),
  );

  test.each(quotes)('a secret, $how: is not visible anywhere', { timeout: 60_000 }, async ({ text }) => {
    const world = await createFaultyWorld({}, { adopted: [1_001, 1_002], leadsTo: ['DeleteOfRunningVm'] });
    world.apply('seen', { managementPolicy: 'Observe', adoption: { policy: 'MustExist', id: 1_001 } });
    world.apply('there', { adoption: { policy: 'MustExist', id: 1_002 } });
    await world.clock.advance(minute / 2);
    const edited = { initial_password: password, ...fieldsWith(`${text}\u202e\u001b[31m`) };
    world.emulator.addFault({
      method: 'GET',
      when: 'after',
      times: 'always',
      action: { kind: 'edit', fields: edited },
    });
    for (const step of life) {
      step.ask(world);
      await world.clock.advance(2 * minute);
    }
    world.apply('unknown', { region: { name: 'Atlantis' } });
    await world.clock.advance(minute);
    await expectNothingShown(world);
  });
});

test('an error that quotes a value of an earlier list is reported without it', async () => {
  const world = await createFaultyWorld();
  world.apply('web');
  await world.clock.advance(minute);
  const secret = world.emulator.machines().map(({ id }) => id)[0];
  const rows = { initial_password: password };
  world.emulator.addFault({
    method: 'GET',
    when: 'after',
    times: 'always',
    action: { kind: 'edit', fields: rows, id: secret ?? 0 },
  });
  await world.clock.advance(2 * minute);
  world.emulator.clearFaults();
  const body = { error: `${password} of ${keys.ours} and ${foreignKey}\u202e\nX-Api-Key: ${keys.ours}` };
  world.emulator.addFault({ when: 'instead', times: 'always', action: { kind: 'status', status: 500, body } });
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  await world.clock.advance(5 * minute);
  expect(world.condition('web', 'Synced')?.message).toContain('[redacted] of [redacted] and [redacted]');
  await expectNothingShown(world);
});
