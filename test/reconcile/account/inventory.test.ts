import { expect, test } from 'vitest';
import { createAccountWorld, minute, priced } from './world.ts';

const hour = 60 * minute;
const fine = { Ready: 'True InventoryCurrent', CredentialsValid: 'True Accepted', InventoryComplete: 'True Complete' };

test('shows owner, managed and unmanaged VMs, the catalog and the price of a month', async () => {
  const world = await createAccountWorld();
  world.apply('web');
  await world.clock.advance(minute);
  const [web] = world.fakeProvider.machines.values();
  world.fakeProvider.set(web?.id ?? 0, { package: { id: 2, name: 'Basic' } });
  const legacy = world.fakeProvider.add('legacy', {
    state: 'Halted',
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 1, name: 'Budget' },
    addresses: [{ version: 4, address: '203.0.113.7' }],
  });
  await world.clock.advance(minute);
  world.applyAccount('main');
  await world.clock.advance(1_000);
  expect(world.status('main')).toMatchObject({
    observedGeneration: 1,
    ownerId: 1,
    machines: { total: 2, managed: 1, unmanaged: 1 },
    unmanaged: [
      {
        id: legacy.id,
        name: 'legacy',
        state: 'Halted',
        region: { id: 1, name: 'Amsterdam 1' },
        package: { id: 1, name: 'Budget' },
        address: '203.0.113.7',
      },
    ],
    catalog: {
      regions: [{ id: 1, name: 'Amsterdam 1' }],
      packages: [
        { id: 1, name: 'Budget', prices: [{ currency: 'EUR', perMonth: '4.00' }] },
        { id: 2, name: 'Basic', prices: [{ currency: 'EUR', perMonth: '9.90' }] },
      ],
      osTemplates: [{ id: 3, name: 'Debian 13' }],
    },
    estimate: { monthlyPrice: '13.90', currency: 'EUR', unpriced: 0 },
  });
  expect(world.conditions('main')).toEqual(fine);
  expect(world.complaints).toEqual([]);
});

test('lists the VMs of a key that no VirtualMachine uses, and stops when the Account is deleted', async () => {
  const world = await createAccountWorld();
  await world.clock.advance(10 * minute);
  expect(world.fakeProvider.calls).toEqual([]);
  world.applyAccount('main');
  world.fakeProvider.add('legacy');
  await world.clock.advance(10 * minute);
  expect(world.status('main')?.machines).toEqual({ total: 1, managed: 0, unmanaged: 1 });
  expect(new Set(world.fakeProvider.calls.map(({ operation }) => operation))).toEqual(new Set(['ListMachines']));
  world.cluster.remove('accounts', 'main');
  await world.clock.advance(1_000);
  const before = world.fakeProvider.calls.length;
  await world.clock.advance(hour);
  expect(world.fakeProvider.calls.length).toBe(before);
});

test('writes nothing in an idle hour, and reads the catalog once an hour', async () => {
  const world = await createAccountWorld();
  world.apply('web');
  world.fakeProvider.add('legacy');
  world.applyAccount('main');
  world.applyAccount('second');
  await world.clock.advance(5 * minute);
  const [writes, reads] = [world.cluster.writes.length, world.catalogReads()];
  const from = world.clock.now();
  await world.clock.advance(5 * hour);
  expect(world.cluster.writes.length).toBe(writes);
  expect(world.catalogReads() - reads).toBe(5);
  // As many lists as without an Account.
  const lists = world.fakeProvider.count('ListMachines', world.clock.monotonic() - (world.clock.now() - from));
  expect(lists).toBeLessThanOrEqual(5 * 60 + 5);
});

test('is written at most once a minute while VMs come and go', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main');
  await world.clock.advance(minute);
  const before = world.writes('main');
  for (let index = 0; index < 10; index += 1) {
    world.apply(`web-${index}`);
    world.fakeProvider.add(`legacy-${index}`);
    await world.clock.advance(minute / 2);
  }
  expect(world.writes('main') - before).toBeLessThanOrEqual(5);
  await world.clock.advance(3 * minute);
  expect(world.status('main')?.machines).toEqual({ total: 20, managed: 10, unmanaged: 10 });
});

test('a VM of another namespace under the same key counts as managed, also directly after a restart', async () => {
  const world = await createAccountWorld();
  world.cluster.put('secrets', {
    metadata: { namespace: 'team-b', name: 'vps247-credentials' },
    data: { 'api-key': Buffer.from('owner-1').toString('base64') },
  });
  world.apply('web');
  world.applyAccount('main', {}, 'team-b');
  await world.clock.advance(3 * minute);
  expect(world.status('main', 'team-b')?.machines).toEqual({ total: 1, managed: 1, unmanaged: 0 });
  const seen = new Set<number>();
  await world.restart();
  for (let index = 0; index < 200; index += 1) {
    await world.clock.advance(1_000);
    seen.add(world.status('main', 'team-b')?.machines?.unmanaged ?? -1);
  }
  expect([...seen]).toEqual([0]);
});

test('never shows a VM that is being created as unmanaged, whatever its name', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  const seen = new Set<number>();
  for (let index = 0; index < 12; index += 1) {
    world.apply(`web-${index}`, index % 2 === 0 ? { providerName: `site-${index}` } : {});
    for (let second = 0; second < 20; second += 1) {
      await world.clock.advance(1_000);
      seen.add(world.status('main')?.machines?.unmanaged ?? -1);
    }
  }
  expect([...seen]).toEqual([0]);
});

test('a VM whose name an object asks for in vain is unmanaged', async () => {
  const world = await createAccountWorld();
  world.fakeProvider.add('site');
  world.apply('web', { providerName: 'site' });
  world.applyAccount('main');
  await world.clock.advance(4 * minute);
  expect(world.condition('web', 'Ready')?.reason).toBe('NameTaken');
  expect(world.status('main')?.machines).toEqual({ total: 1, managed: 0, unmanaged: 1 });
});

test('shows prices in the currency that the spec names, and says why without it', async () => {
  const world = await createAccountWorld();
  world.offer.packages = [priced(1, 'Budget', { EUR: '4.00', USD: '4.50' }), priced(2, 'Basic', { USD: '10.00' })];
  world.fakeProvider.add('a', { package: { id: 1 } });
  world.fakeProvider.add('b', { package: { id: 2 } });
  world.fakeProvider.add('c');
  world.applyAccount('main');
  await world.clock.advance(1_000);
  const message = 'the packages have prices in EUR, USD; set spec.currency';
  expect(world.status('main')?.estimate).toEqual({ unpriced: 3, message });
  world.cluster.put('accounts', {
    metadata: { name: 'main', generation: 2, uid: 'other' },
    spec: { credentialsSecretRef: { name: 'vps247-credentials', key: 'api-key' }, currency: 'USD' },
    status: { observedGeneration: -1 },
  });
  await world.clock.advance(1_000);
  expect(world.status('main')?.estimate).toEqual({ monthlyPrice: '14.50', currency: 'USD', unpriced: 1 });
});

test('keeps the last inventory while many VMs are missing, and accepts the loss when lists agree', async () => {
  const world = await createAccountWorld();
  for (let index = 0; index < 20; index += 1) world.fakeProvider.add(`legacy-${index}`);
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  world.fakeProvider.listed = ({ id }) => id > 10;
  await world.clock.advance(2 * minute);
  expect(world.status('main')?.machines?.total).toBe(20);
  expect(world.conditions('main')).toEqual({
    Ready: 'False MassDisappearance',
    CredentialsValid: 'True Accepted',
    InventoryComplete: 'False MassDisappearance',
    Reconciling: 'True MassDisappearance',
  });
  world.fakeProvider.listed = () => true;
  await world.clock.advance(2 * minute);
  expect(world.conditions('main')).toEqual(fine);
  world.fakeProvider.listed = ({ id }) => id > 10;
  await world.clock.advance(10 * minute);
  expect(world.status('main')?.machines?.total).toBe(10);
  expect(world.conditions('main')).toEqual(fine);
});

test('keeps the last inventory while the list has entries that cannot be read, and names them', async () => {
  const world = await createAccountWorld();
  for (let index = 0; index < 40; index += 1) world.fakeProvider.add(`legacy-${index}`);
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  world.extra = [107, 109, 108, 112, 111, 110].map((id) => ({ id, problem: 'its name is missing' }));
  await world.clock.advance(2 * minute);
  expect(world.status('main')?.machines?.total).toBe(40);
  expect(world.accountCondition('main', 'InventoryComplete')).toMatchObject({
    status: 'False',
    reason: 'UnreadableMachines',
    message:
      "the operator can't read the list's entries of the VMs 107, 108, 109, 110, 111 and 1 more; the status shows the inventory of the last complete list",
  });
  world.extra = [];
  await world.clock.advance(2 * minute);
  expect(world.conditions('main')).toEqual(fine);
});

test('the status of an account with long texts stays below 500 KiB', async () => {
  const world = await createAccountWorld();
  const long = '漢'.repeat(255);
  const entries = Array.from({ length: 3_000 }, (_, index) => ({ id: index + 1, name: long }));
  world.offer = { regions: entries, packages: entries, osTemplates: entries };
  for (const { id } of entries.slice(0, 300))
    world.fakeProvider.add(`${id}${long.slice(0, 250)}`, {
      region: { id, name: long },
      package: { id, name: long },
      hostname: long,
    });
  world.applyAccount('main');
  await world.clock.advance(2 * minute);
  const status = world.status('main');
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(500 * 1_024);
  expect(status?.machines).toEqual({ total: 300, managed: 0, unmanaged: 300 });
  const { regions = [], packages = [], osTemplates = [], omitted = 0 } = status?.catalog ?? {};
  expect(regions.length + packages.length + osTemplates.length + omitted).toBe(9_000);
});
