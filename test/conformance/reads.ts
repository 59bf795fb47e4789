import { describe, expect, test } from 'vitest';
import { machineShape, osTemplateShape, packageShape, regionShape } from './shapes.ts';
import { call, itemOf, itemsOf, type Fields, type Target } from './target.ts';

export const machineWrappers = ['virtual_machine', 'vm'];
/** Far beyond what any provider has handed out. */
export const noSuchId = 999_999_999_999;

const catalog: readonly (readonly [name: string, shape: Fields])[] = [
  ['regions', regionShape],
  ['packages', packageShape],
  ['os_templates', osTemplateShape],
];

/** What reading shows; it changes nothing and costs nothing. */
export function describeReads(target: Target): void {
  describe('machines', () => {
    test('GET /virtual_machines is a 200 with a list of complete VMs, each once', async () => {
      const reply = await call(target, 'GET', '/virtual_machines');
      expect(reply.status).toBe(200);
      expect(reply.headers.get('content-type')).toMatch(/json/);
      const machines = itemsOf(reply, 'virtual_machines', machineWrappers);
      for (const machine of machines) expect(machine).toMatchObject(machineShape);
      expect(new Set(machines.map(({ id }) => id)).size).toBe(machines.length);
    });

    test('GET /virtual_machines/{id} returns the same as the list', async () => {
      const machines = itemsOf(await call(target, 'GET', '/virtual_machines'), 'virtual_machines', machineWrappers);
      expect(machines.length).toBeGreaterThanOrEqual(target.fewestMachines);
      for (const { id, name, owner_id, created_at } of machines.slice(0, 3)) {
        const reply = await call(target, 'GET', `/virtual_machines/${id}`);
        expect(reply.status).toBe(200);
        expect(itemOf(reply, machineWrappers)).toMatchObject({ ...machineShape, id, name, owner_id, created_at });
      }
    });

    test('GET /virtual_machines/{id} of an unknown VM is a 404', async () => {
      expect((await call(target, 'GET', `/virtual_machines/${noSuchId}`)).status).toBe(404);
    });
  });

  describe('the catalog', () => {
    test.each(catalog)('GET /%s is a list of complete entries, each also available by its id', async (name, shape) => {
      const reply = await call(target, 'GET', `/${name}`);
      expect(reply.status).toBe(200);
      const entries = itemsOf(reply, name);
      expect(entries).not.toEqual([]);
      for (const entry of entries) {
        expect(entry).toMatchObject(shape);
        const single = await call(target, 'GET', `/${name}/${String(entry['id'])}`);
        expect(single.status).toBe(200);
        expect(itemOf(single)).toEqual(entry);
      }
    });

    test.each(catalog)('GET /%s/{id} of an unknown entry is a 404', async (name) => {
      expect((await call(target, 'GET', `/${name}/${noSuchId}`)).status).toBe(404);
    });

    test('refers only to its own entries', async () => {
      const [regions, packages, templates] = await Promise.all(
        catalog.map(async ([name]) => itemsOf(await call(target, 'GET', `/${name}`), name)),
      );
      expect(idsIn(packages)).toEqual(expect.arrayContaining((regions ?? []).flatMap((r) => r['package_ids'])));
      expect(idsIn(templates)).toEqual(expect.arrayContaining((packages ?? []).flatMap((p) => p['os_template_ids'])));
    });
  });

  describe('clients without a key', () => {
    test.each(['a-key-of-no-account', ''])('such as "%s" are rejected without any data', async (apiKey) => {
      for (const path of ['/virtual_machines', '/regions', '/virtual_machines/1']) {
        const reply = await call({ ...target, apiKey }, 'GET', path);
        const isPage = reply.status === 200 && /html/.test(reply.headers.get('content-type') ?? '');
        expect(isPage ? 'a page' : reply.status).toBeOneOf([401, 403, 302, 303, 307, 'a page']);
        expect(reply.text).not.toMatch(/"(state|country_code)"/);
      }
    });
  });
}

function idsIn(entries: readonly Fields[] = []): unknown[] {
  return entries.map(({ id }) => id);
}
