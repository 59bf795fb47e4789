import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readiness } from '../support/control-plane.ts';
import { passwordMarker } from '../../emulator/fleet.ts';
import { ClusterUnderAttack, type Tenant } from './cluster-under-attack.ts';
import { watchHealth } from './health.ts';
import type { Answer, Fields } from './hostile-provider.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let site: ClusterUnderAttack;
let health: string;
const lies: (() => void)[] = [];

beforeAll(async () => {
  site = await ClusterUnderAttack.open('provider');
  const operator = await site.run({ settings: { 'stuck-after': '2s' } });
  health = (await operator.addresses).health;
});
afterEach(() => {
  for (const end of lies.splice(0)) end();
});
afterAll(() => site?.close());

const notFound: Answer = { status: 404, body: { error: 'Not found' } };

/** Objects that are Ready, with the ids of their VMs. */
async function readyObjects(tenant: Tenant, count: number): Promise<ReadonlyMap<string, number>> {
  const names = Array.from({ length: count }, (_, index) => `web-${index}`);
  for (const name of names) await tenant.create(name);
  const ids = new Map<string, number>();
  for (const name of names) ids.set(name, (await tenant.untilReady(name)).status?.id ?? 0);
  return ids;
}

/** All objects are as before, after the provider has reported correctly again for a while. */
async function expectUnchanged(tenant: Tenant, ids: ReadonlyMap<string, number>): Promise<void> {
  await site.untilListed(tenant.owner, 4);
  expect(site.provider.created(tenant.owner)).toHaveLength(ids.size);
  for (const [name, id] of ids) expect((await tenant.untilReady(name)).status?.id).toBe(id);
}

describe('wrong reports about existence', () => {
  it.each([1, 2, 3])('one empty list and one 404 recreate nothing in an account of %i', async (count) => {
    const tenant = await site.tenant(`empty-${count}`, { owner: 100 + count });
    const ids = await readyObjects(tenant, count);
    let empties = 0;
    const denied = new Set<number>();
    lies.push(
      site.provider.lie(({ operation, owner, id }) => {
        if (owner !== tenant.owner) return undefined;
        if (operation === 'List' && empties < 1) {
          empties += 1;
          return { status: 200, body: [] };
        }
        if (operation !== 'Get' || id === undefined || denied.has(id)) return undefined;
        denied.add(id);
        return notFound;
      }),
    );
    await site.untilListed(tenant.owner, 2);
    await expectUnchanged(tenant, ids);
    expect(tenant.writes).toHaveLength(count);
  });

  it('a fleet of ten of which three are hidden for 2.5 s gets no second VM', async () => {
    const tenant = await site.tenant('hidden', { owner: 110 });
    const ids = await readyObjects(tenant, 10);
    const hidden = new Set([...ids.values()].slice(0, 3));
    const stop = site.provider.lieAboutVms((vm) => (hidden.has(Number(vm['id'])) ? undefined : vm));
    await sleep(2_500);
    stop();
    await expectUnchanged(tenant, ids);
  });

  it('a VM that is hidden for ten polls gets no second one, and the object reports what is missing', async () => {
    const tenant = await site.tenant('hidden-long', { owner: 111 });
    const ids = await readyObjects(tenant, 1);
    const stop = site.provider.lieAboutVms((vm) => (ids.get('web-0') === vm['id'] ? undefined : vm));
    lies.push(stop);
    await tenant.until('web-0', 'is not Ready', (object) => readiness(object) !== 'True/Available');
    await site.untilListed(tenant.owner, 10);
    expect(site.provider.created(tenant.owner)).toHaveLength(1);
    stop();
    await expectUnchanged(tenant, ids);
  });

  it('deleting an object is not completed by one list that lacks its VM', async () => {
    const tenant = await site.tenant('hidden-delete', { owner: 112 });
    const ids = await readyObjects(tenant, 1);
    let empties = 0;
    lies.push(
      site.provider.lie(({ operation, owner }) => {
        if (operation !== 'List' || owner !== tenant.owner || empties >= 1) return undefined;
        empties += 1;
        return { status: 200, body: [] };
      }),
    );
    await tenant.delete('web-0');
    await tenant.untilGone('web-0');
    expect(tenant.vms).toEqual([]);
    expect(tenant.writes.at(-1)).toBe(`Delete ${ids.get('web-0')}`);
  });
});

describe('a create call that is refused and has an effect', () => {
  const refusals = [400, 402, 404, 409, 410, 422];

  it('is known by the next list: the VM belongs to the object', async () => {
    const tenant = await site.tenant('refused', { owner: 120 });
    let at = 0;
    lies.push(
      site.provider.lie(({ operation, owner, truth }) => {
        if (operation !== 'Create' || owner !== tenant.owner) return undefined;
        truth();
        at += 1;
        return { status: refusals[at - 1] ?? 422, body: { errors: { name: ['has already been taken'] } } };
      }),
    );
    const names = refusals.map((status) => `web-${status}`);
    for (const name of names) await tenant.create(name);
    for (const name of names) await tenant.untilReady(name);
    expect(site.provider.created(tenant.owner)).toHaveLength(refusals.length);
    for (const name of names) await tenant.delete(name);
    for (const name of names) await tenant.untilGone(name);
    expect(tenant.vms).toEqual([]);
  });

  it('leaves no VM behind when the object is deleted before a list shows it', async () => {
    const tenant = await site.tenant('refused-delete', { owner: 121 });
    let isRefused = false;
    lies.push(
      site.provider.lie(({ operation, owner, truth }) => {
        if (owner !== tenant.owner) return undefined;
        if (operation === 'List' && isRefused) return { ...truth(), delay: 1_500 };
        if (operation !== 'Create') return undefined;
        truth();
        isRefused = true;
        return { status: 422, body: { errors: { name: ['has already been taken'] } } };
      }),
    );
    await tenant.create('web');
    await site.admin.until('the create call was refused', async () => isRefused);
    await sleep(300);
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
  });
});

/** A value for each field that no schema of Kubernetes, or no clock, accepts. */
const oddFields: readonly (readonly [name: string, fields: Fields])[] = [
  ['created-late', { created_at: '9999-12-31T23:59:59-12:00' }],
  ['created-early', { created_at: '0000-01-01T00:00:00+14:00' }],
  ['created-leap', { created_at: '2016-12-31T23:59:60Z' }],
  ['created-february', { created_at: '2025-02-30T12:00:00.000Z' }],
  ['created-word', { created_at: 'yesterday' }],
  ['created-far', { created_at: '+275760-09-13T00:00:00.000Z' }],
  ['updated-late', { updated_at: '9999-12-31T23:59:59.999-12:00' }],
  ['updated-future', { updated_at: '2999-01-01T00:00:00.000Z' }],
  ['updated-number', { updated_at: 1e300 }],
  ['hostname-long', { hostname: 'h'.repeat(100_000) }],
  ['hostname-object', { hostname: { toString: 'x' } }],
  ['hostname-surrogate', { hostname: 'a\uD800b' }],
  ['region-id', { region_id: Number.MAX_SAFE_INTEGER, region_name: 'r'.repeat(300) }],
  ['region-negative', { region_id: -1 }],
  ['package-text', { package_id: '000000000000001', package_name: ['a'] }],
  ['template-huge', { os_template_id: 1e21, os_template_name: '\u0000' }],
  ['task-long', { last_task: { id: 1, name: 't'.repeat(5_000), status: 's'.repeat(5_000), progress: -1 } }],
  ['task-array', { last_task: [1, 2, 3] }],
  [
    'addresses-many',
    { ip_allocations: Array.from({ length: 2_000 }, (_, n) => ({ first: `10.1.${n >> 8}.${n & 255}` })) },
  ],
  [
    'addresses-odd',
    { ip_allocations: [null, 5, { first: '1.2.3.4', prefixlen: 4e9, gateway: 'fe80::1%eth0' }, { first: [] }] },
  ],
  ['addresses-object', { ip_allocations: { first: '1.2.3.4' }, ip_assignments: 'none' }],
  ['password-object', { initial_password: { a: 1 } }],
  ['transfer-negative', { transfer: -1, month_transfer: 1e308, unbilled_hours: 'NaN' }],
  ['transfer-fraction', { transfer: 0.1, month_transfer: 2 ** 60, unbilled_hours: 1e-9 }],
  ['unknown', { constructor: 1, toString: 'z', ['x'.repeat(100_000)]: 'y' }],
];

describe('unusual values', () => {
  it('in any one field prevent neither Ready nor a deletion', async () => {
    const tenant = await site.tenant('odd', { owner: 130 });
    lies.push(
      site.provider.lieAboutVms((vm) => {
        const odd = oddFields.find(([name]) => String(vm['name']).startsWith(`${name}-`));
        return odd === undefined ? vm : { ...vm, ...odd[1] };
      }),
    );
    await Promise.all(oddFields.map(([name]) => tenant.create(name)));
    for (const [name] of oddFields) await tenant.untilReady(name);
    await Promise.all(oddFields.map(([name]) => tenant.delete(name)));
    for (const [name] of oddFields) await tenant.untilGone(name);
    expect(tenant.vms).toEqual([]);
    expect(site.provider.created(tenant.owner)).toHaveLength(oddFields.length);
  });

  it('an unmanaged VM that cannot be read affects no other object', async () => {
    const tenant = await site.tenant('unmanaged', { owner: 131 });
    const odd: readonly Fields[] = [
      { name: null },
      { name: 7 },
      { name: undefined },
      { state: null },
      { state: undefined },
      { name: { first: 'x' }, state: [] },
      { owner_id: 'root', name: '' },
    ];
    const ids = odd.map((_, index) => site.provider.plant(tenant.owner, `unmanaged-${index}`));
    lies.push(site.provider.lieAboutVms((vm) => ({ ...vm, ...odd[ids.indexOf(Number(vm['id']))] })));
    await tenant.create('web');
    await tenant.untilReady('web');
    await tenant.change('web', { powerState: 'Halted' });
    await tenant.until('web', 'is halted', (object) => object.status?.state === 'Halted');
    await tenant.untilReady('web');
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms.map(({ id }) => id)).toEqual(ids);
  });

  it('of the state prevent no deletion, and the message reports the call', async () => {
    const tenant = await site.tenant('states', { owner: 132 });
    const states = ['error', 'pending', 'suspended', 'migrating', ''];
    const names = states.map((_, index) => `state-${index}`);
    for (const name of names) await tenant.create(name);
    for (const name of names) await tenant.untilReady(name);
    // A VM whose state has no meaning can be deleted at the provider, which refuses only a running one.
    lies.push(
      site.provider.lie(({ operation, owner, id, truth }) => {
        if (operation !== 'Delete' || owner !== tenant.owner || id === undefined) return undefined;
        const name = tenant.vms.find((vm) => vm.id === id)?.name;
        if (name === undefined) return truth();
        site.provider.destroy(id);
        return { status: 204 };
      }),
      site.provider.lieAboutVms((vm) => {
        const index = names.findIndex((name) => String(vm['name']).startsWith(`${name}-`));
        return index < 0 || vm['owner_id'] !== tenant.owner ? vm : { ...vm, state: states[index] };
      }),
    );
    await site.untilListed(tenant.owner, 2);
    for (const name of names) await tenant.delete(name);
    for (const name of names) await tenant.untilGone(name);
    expect(tenant.vms).toEqual([]);
  });
});

describe('text of the provider', () => {
  const escape = '\u001B[31m';
  const newlines = '\r\n\u2028\u2029\u0085';
  const bidi = '\u202E\u2066\u061C';
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const forbidden = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/;

  it('puts no key, password or control character into status, events or the output of kubectl', async () => {
    const tenant = await site.tenant('text', { owner: 140 });
    const password = `${passwordMarker}hostile-quoted-everywhere`;
    const poison = `${escape}x${bidi}${newlines} ${tenant.apiKey} ${password}`;
    lies.push(
      site.provider.lieAboutVms((vm) =>
        vm['owner_id'] !== tenant.owner
          ? vm
          : {
              ...vm,
              initial_password: password,
              hostname: poison,
              region_name: poison,
              package_name: poison,
              os_template_name: poison,
              last_task: { id: 1, name: poison, status: poison, progress: null },
              state: String(vm['name']).startsWith('state') ? poison : vm['state'],
            },
      ),
      site.provider.lie(({ operation, owner, truth }) => {
        if (owner !== tenant.owner) return undefined;
        const answer = truth();
        if (operation === 'Regions' || operation === 'Packages' || operation === 'OsTemplates') {
          return { ...answer, body: [...(answer.body as Fields[]), { id: 2, name: poison, description: poison }] };
        }
        if (operation === 'Stop') return { status: 400, body: { errors: { base: [poison], password } } };
        return undefined;
      }),
    );
    await tenant.create('web');
    await tenant.create('state');
    await tenant.create('template', { osTemplate: { name: 'none' } });
    await tenant.create('region', { region: { name: 'none' } });
    await tenant.untilReady('web');
    for (const name of ['state', 'template', 'region']) await tenant.untilReported(name);
    await tenant.change('web', { powerState: 'Halted' });
    await site.untilListed(tenant.owner, 4);

    const shown: string[] = [];
    for (const name of ['web', 'state', 'template', 'region']) {
      const object = await tenant.object(name);
      const events = await tenant.events(name);
      for (const text of textsIn([object?.status, object?.metadata.annotations, events])) shown.push(text);
    }
    const kubectl = [
      await tenant.describe('web'),
      await tenant.describe('template'),
      (await tenant.kubectl('get', 'vps', '-o', 'wide')).stdout,
      (await tenant.kubectl('get', 'events')).stdout,
    ];
    for (const secret of [tenant.apiKey, password]) {
      expect([...shown, ...kubectl].filter((text) => text.includes(secret))).toEqual([]);
    }
    expect(shown.filter((text) => forbidden.test(text) || text.includes('\n'))).toEqual([]);
    expect(kubectl.filter((text) => forbidden.test(text))).toEqual([]);
  });

  it('of the worst form blocks nothing', async () => {
    const tenant = await site.tenant('slow', { owner: 141 });
    const other = await site.tenant('slow-other', { owner: 142 });
    const worst = [
      '<script',
      '<',
      '<!--',
      '&',
      'password=',
      '"password":"',
      ' ',
      '\u0000',
      '{"',
      '[',
      'token',
      '\\u',
      '<a ',
      "'",
    ];
    const bodies = worst.flatMap((piece) => {
      const text = piece.repeat(Math.ceil(420_000 / piece.length));
      return [text, JSON.stringify({ error: text }), JSON.stringify({ errors: [text] }), `<html>${text}`];
    });
    const script = JSON.stringify({ error: '<script'.repeat(60_000) });
    let [lists, creates] = [0, 0];
    lies.push(
      site.provider.lie(({ operation, owner }) => {
        if (owner !== tenant.owner) return undefined;
        if (operation === 'List' && (lists += 1) <= 2) return compressed(script, lists === 1 ? 200 : 500);
        if (operation !== 'Create') return undefined;
        creates += 1;
        return compressed(bodies[creates % bodies.length] ?? '', creates % 2 === 0 ? 201 : 400);
      }),
    );
    const watch = watchHealth(health);
    await Promise.all(bodies.map((_, index) => tenant.create(`web-${index}`)));
    await other.create('web');
    await other.untilReady('web');
    await site.admin.until('every body was sent', async () => creates >= bodies.length);
    await site.untilListed(other.owner);
    const { largestGap, failures } = await watch.stop();
    expect(failures).toBe(0);
    expect(largestGap).toBeLessThan(5_000);
  });
});

describe('connections', () => {
  it('that the other side dropped while they were idle leave no write with an unknown outcome', async () => {
    await site.run({ settings: { 'poll-interval': '20s' } });
    const tenant = await site.tenant('idle', { owner: 150 });
    await tenant.create('web');
    await tenant.untilReady('web');
    site.provider.killIdleConnections(4_000);
    try {
      await sleep(8_000);
      const before = Date.now();
      await tenant.change('web', { powerState: 'Halted' });
      await tenant.until('web', 'is halted', (object) => object.status?.state === 'Halted');
      // An unknown outcome costs a minute.
      expect(Date.now() - before).toBeLessThan(40_000);
      expect(tenant.writes.filter((call) => call.startsWith('Stop'))).toHaveLength(1);
    } finally {
      site.provider.killIdleConnections(Infinity);
    }
  });
});

/** A few hundred bytes on the wire for as much text as one likes. */
function compressed(body: string, status: number): Answer {
  return { status, headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(body) };
}

/** Every text in a value of JSON. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
