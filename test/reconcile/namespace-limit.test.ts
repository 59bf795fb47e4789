import { expect, it } from 'vitest';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import { usualSpec } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** The most VMs that there were at any time, counted each second for so many minutes. */
async function mostWithin({ clock, fakeProvider }: World, minutes: number): Promise<number> {
  let most = fakeProvider.machines.size;
  for (let second = 0; second < minutes * 60; second += 1) {
    await clock.advance(1_000);
    most = Math.max(most, fakeProvider.machines.size);
  }
  return most;
}

async function createSharedWorld(orphanNamespaces: readonly string[] = []): Promise<World> {
  const world = await createWorld({
    maxMachinesPerNamespace: 2,
    defaultCredentialsSecret: { namespace: 'ops', name: 'shared', key: undefined },
    defaultCredentialsNamespaces: ['default'],
    defaultCredentialsOrphanNamespaces: orphanNamespaces,
  });
  const data = { 'api-key': Buffer.from('owner-1').toString('base64') };
  world.cluster.put('secrets', { metadata: { namespace: 'ops', name: 'shared', labels: { watched: 'true' } }, data });
  world.cluster.remove('secrets', 'vps247-credentials');
  await world.clock.advance(0);
  return world;
}

it.each([
  ['with its own key', () => createWorld({ maxMachinesPerNamespace: 2 })],
  ["with the operator's key, and permission", () => createSharedWorld(['default'])],
])('objects that are deleted and leave their VMs free no quota: %s', async (_, begin) => {
  const world = await begin();
  const { apply, clock, cluster, condition, fakeProvider } = world;
  for (const name of names) {
    apply(name, { deletionPolicy: 'Retain' });
    expect(await mostWithin(world, 2)).toBeLessThanOrEqual(2);
    cluster.remove('virtualmachines', name);
    await clock.advance(minute);
  }
  expect(fakeProvider.machines.size).toBe(2);
  apply('g');
  await clock.advance(2 * minute);
  expect(condition('g', 'Ready')).toMatchObject({
    reason: 'NamespaceLimitReached',
    message: expect.stringMatching(/has reached its limit of 2 VMs .*deleted objects left 1, 2 running/),
  });
  // A VM deleted at the provider frees quota.
  fakeProvider.machines.delete(1);
  expect(await mostWithin(world, 5)).toBe(2);
  expect(condition('g', 'Ready')?.status).toBe('True');
});

it('creates a VM as soon as a list confirms that one left running is gone', async () => {
  const { apply, clock, cluster, fakeProvider } = await createWorld({ maxMachinesPerNamespace: 2 });
  apply('a', { deletionPolicy: 'Retain' });
  apply('b');
  await clock.advance(minute);
  cluster.remove('virtualmachines', 'a');
  await clock.advance(minute);
  for (let round = 0; round < 3; round += 1) {
    apply(`waiting-${round}`, { deletionPolicy: 'Retain' });
    await clock.advance(2 * minute + 20_000 * round);
    const [creates, lists] = [fakeProvider.count('CreateMachine'), fakeProvider.count('ListMachines')];
    const left = [...fakeProvider.machines.values()].find(({ name }) => !name.startsWith('b-'));
    fakeProvider.machines.delete(left?.id ?? 0);
    while (fakeProvider.count('ListMachines') === lists) await clock.advance(100);
    await clock.advance(300);
    expect(fakeProvider.count('CreateMachine')).toBe(creates + 1);
    await clock.advance(minute);
    cluster.remove('virtualmachines', `waiting-${round}`);
    await clock.advance(minute);
  }
});

it('can adopt a VM again that was left running, and create no other', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxMachinesPerNamespace: 1 });
  apply('a', { deletionPolicy: 'Retain' });
  await clock.advance(minute);
  cluster.remove('virtualmachines', 'a');
  const other = fakeProvider.add('other');
  await clock.advance(minute);
  apply('b', { adoption: { policy: 'MustExist', id: other.id } });
  await clock.advance(2 * minute);
  expect(condition('b', 'Ready')?.reason).toBe('NamespaceLimitReached');
  apply('c', { adoption: { policy: 'MustExist', id: 1 } });
  await clock.advance(2 * minute);
  expect(condition('c', 'Ready')?.status).toBe('True');
});

it('does not give more VMs to a tenant who removes the finalizer and all records from paused objects', async () => {
  const world = await createWorld({ maxMachinesPerNamespace: 2 });
  const { apply, clock, cluster, condition } = world;
  for (const name of names) {
    apply(name);
    expect(await mostWithin(world, 1)).toBeLessThanOrEqual(2);
    const written = Object.keys(cluster.machine(name)?.metadata.annotations ?? {});
    const none = Object.fromEntries(written.map((key) => [key, null]));
    cluster.change(name, { metadata: { finalizers: [], annotations: { ...none, 'vps247.com/paused': 'true' } } });
    await clock.advance(1_000);
  }
  for (const name of names) cluster.change(name, { metadata: { annotations: { 'vps247.com/paused': null } } });
  expect(await mostWithin(world, 10)).toBe(2);
  expect(names.filter((name) => condition(name, 'Ready')?.status === 'True')).toHaveLength(2);
});

it('does not give more VMs to a tenant who deletes such objects before a restart either', async () => {
  const world = await createWorld({ maxMachinesPerNamespace: 2 });
  const { apply, clock, cluster, fakeProvider } = world;
  for (const name of names) {
    apply(name);
    expect(await mostWithin(world, 2)).toBeLessThanOrEqual(2);
    cluster.change(name, { metadata: { finalizers: [], annotations: { 'vps247.com/paused': 'true' } } });
    cluster.remove('virtualmachines', name);
    await clock.advance(1_000);
  }
  expect(fakeProvider.machines.size).toBe(2);
});

it.each([
  ['the finalizer', createWorld, { finalizers: [finalizer] }],
  ['a create intent', createWorld, { annotations: { [annotations.createPending]: '{}' } }],
  [
    "the finalizer and the mark of the operator's key",
    () => createSharedWorld(),
    { finalizers: [finalizer], annotations: { [annotations.defaultCredentials]: 'true' } },
  ],
])('does not give more VMs to a tenant who writes %s into a manifest', async (_, begin, metadata) => {
  const world = await begin({ maxMachinesPerNamespace: 2 });
  const { apply, cluster, clock, condition } = world;
  const spec = { ...usualSpec, adoption: { policy: 'IfExists' } };
  for (const name of names)
    cluster.put('virtualmachines', { metadata: { name, ...metadata }, spec, status: { observedGeneration: -1 } });
  expect(await mostWithin(world, 3)).toBeLessThanOrEqual(2);
  expect(condition('a', 'Ready')?.reason).toBe('NamespaceLimitReached');
  for (const name of names) cluster.remove('virtualmachines', name);
  await clock.advance(5 * minute);
  // It harms only its own namespace, and that not for good.
  for (const name of ['x', 'y', 'z']) apply(name);
  expect(await mostWithin(world, 5)).toBe(2);
});

it.each([
  { what: 'create', spec: {} },
  { what: 'adoption', spec: { adoption: { policy: 'MustExist', id: 1 } } },
] as const)(
  'passes the place of an object that is paused just before its $what is stored to another object',
  async ({ spec }) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxMachinesPerNamespace: 1 });
    fakeProvider.add('legacy');
    let isPaused = false;
    cluster.holds = (write) => {
      if (write !== 'patch a' || isPaused) return undefined;
      isPaused = true;
      cluster.change('a', { metadata: { annotations: { 'vps247.com/paused': 'true' } } });
      return undefined;
    };
    apply('a', spec);
    await clock.advance(minute);
    expect(condition('a', 'Synced')?.reason).toBe('Paused');
    apply('b');
    await clock.advance(minute);
    expect(condition('b', 'Ready')?.status).toBe('True');
  },
);

it('counts VMs that were left running, however many objects are created and deleted afterwards', async () => {
  const world = await createWorld({ maxMachinesPerNamespace: 2 });
  const { apply, clock, cluster, fakeProvider } = world;
  for (const name of ['a', 'b']) apply(name, { deletionPolicy: 'Retain' });
  await clock.advance(minute);
  for (const name of ['a', 'b']) cluster.remove('virtualmachines', name);
  const many = Array.from({ length: 1_000 }, (_, index) => `forged-${index}`);
  for (const name of many) {
    const metadata = { name, annotations: { [annotations.createPending]: '{}', [annotations.paused]: 'true' } };
    cluster.put('virtualmachines', { metadata, spec: usualSpec, status: { observedGeneration: -1 } });
  }
  await clock.advance(minute);
  for (const name of many) cluster.remove('virtualmachines', name);
  await clock.advance(5 * minute);
  for (const name of ['c', 'd']) apply(name);
  await clock.advance(5 * minute);
  expect(fakeProvider.machines.size).toBe(2);
});

it.each<{ because: string; change: object; back: object }>([
  { because: 'Retain', change: { spec: { deletionPolicy: 'Retain' } }, back: { spec: { deletionPolicy: 'Delete' } } },
  {
    because: 'Observe',
    change: { spec: { managementPolicy: 'Observe' } },
    back: { spec: { managementPolicy: 'Manage' } },
  },
  {
    because: 'Retain, and the record of the key taken off',
    change: {
      metadata: { annotations: { 'vps247.com/default-credentials': null } },
      spec: { deletionPolicy: 'Retain' },
    },
    back: {
      metadata: { annotations: { 'vps247.com/default-credentials': 'true' } },
      spec: { deletionPolicy: 'Delete' },
    },
  },
])(
  "leaves nothing running without permission in the account of the operator's key: $because",
  async ({ change, back }) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createSharedWorld();
    apply('web');
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.internal?.usesDefaultCredentials).toBe(true);
    cluster.change('web', change as Record<string, unknown>);
    await clock.advance(minute);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(minute);
    expect(condition('web', 'DeletionBlocked')).toMatchObject({
      status: 'True',
      reason: 'OrphanNotPermitted',
      message: expect.stringContaining('ask your cluster administrator'),
    });
    expect(fakeProvider.machines.size).toBe(1);
    cluster.change('web', back as Record<string, unknown>);
    await clock.advance(3 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
  },
);

it('deletes the object without permission when the VM is gone, and where a key of the namespace shows the VM', async () => {
  const { apply, clock, cluster, fakeProvider } = await createSharedWorld();
  apply('gone', { deletionPolicy: 'Retain', onExternalDelete: 'Report' });
  apply('own', { deletionPolicy: 'Retain' });
  await clock.advance(minute);
  fakeProvider.machines.delete(1);
  const data = { 'api-key': Buffer.from('owner-1').toString('base64') };
  cluster.put('secrets', { metadata: { name: 'mine', labels: { watched: 'true' } }, data });
  cluster.change('own', { spec: { credentialsSecretRef: { name: 'mine' } } });
  await clock.advance(5 * minute);
  for (const name of ['gone', 'own']) cluster.remove('virtualmachines', name);
  await clock.advance(minute);
  expect([cluster.machine('gone'), cluster.machine('own'), fakeProvider.machines.size]).toEqual([
    undefined,
    undefined,
    1,
  ]);
});

it('passes the place of an object whose create the provider refused to another object', async () => {
  const { apply, clock, condition, fakeProvider } = await createWorld({ maxMachinesPerNamespace: 1 });
  fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'Unprocessable', status: 422 }]);
  apply('a');
  await clock.advance(minute);
  expect(condition('a', 'Ready')?.reason).toBe('CreateRefused');
  apply('b');
  await clock.advance(minute);
  expect(condition('b', 'Ready')?.status).toBe('True');
});
