import { expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

/** An operator with its own key, of owner 1, for a namespace without one. */
async function createSharedWorld(): Promise<World & { putShared(ownerId: number): void }> {
  const world = await createWorld({
    defaultCredentialsSecret: { namespace: 'ops', name: 'shared', key: undefined },
    defaultCredentialsNamespaces: ['default'],
  });
  const putShared = (ownerId: number): void => {
    const data = { 'api-key': Buffer.from(`owner-${ownerId}`).toString('base64') };
    world.cluster.put('secrets', { metadata: { namespace: 'ops', name: 'shared', labels: { watched: 'true' } }, data });
  };
  putShared(1);
  world.cluster.remove('secrets', 'vps247-credentials');
  await world.clock.advance(0);
  return { ...world, putShared };
}

it('manages a VM from create to delete', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createSharedWorld();
  apply('web');
  await clock.advance(10_000);
  expect(condition('web', 'Ready')?.status).toBe('True');
  expect(cluster.machine('web')?.metadata.annotations?.[annotations.defaultCredentials]).toBe('true');
  cluster.remove('virtualmachines', 'web');
  await clock.advance(minute);
  expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([
    undefined,
    0,
    1,
  ]);
});

it('does not replace the key with which a VM was created, even if its account is empty', async () => {
  const { apply, clock, cluster, condition, putShared, restart, fakeProvider, useKeyOf } = await createSharedWorld();
  useKeyOf(2);
  apply('web');
  await clock.advance(10_000);
  expect(condition('web', 'Ready')?.status).toBe('True');
  // As when a namespace is deleted: in whatever order. With the process goes the key that the provider accepted last.
  cluster.remove('secrets', 'vps247-credentials');
  cluster.remove('virtualmachines', 'web');
  await restart();
  await clock.advance(10 * minute);
  expect(condition('web', 'Synced')?.reason).toBe('CredentialsMissing');
  expect([fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([1, 1]);
  putShared(1);
  useKeyOf(2);
  await clock.advance(2 * minute);
  expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
});

it('stays in use for the objects that began with it when their namespace gets a key', async () => {
  const { apply, clock, condition, fakeProvider, useKeyOf } = await createSharedWorld();
  apply('old');
  await clock.advance(10_000);
  useKeyOf(2);
  apply('new');
  await clock.advance(10 * minute);
  expect(['old', 'new'].map((name) => condition(name, 'Ready')?.status)).toEqual(['True', 'True']);
  expect([...fakeProvider.machines.values()].map(({ ownerId }) => ownerId)).toEqual([1, 2]);
});

it('works at once after it is fixed', async () => {
  const { apply, clock, cluster, condition, putShared } = await createSharedWorld();
  cluster.put('secrets', { metadata: { namespace: 'ops', name: 'shared', labels: { watched: 'true' } }, data: {} });
  apply('web');
  await clock.advance(1_000);
  expect(condition('web', 'Synced')?.message).toContain(
    "the operator's default API key can't be used; ask your cluster administrator",
  );
  putShared(1);
  await clock.advance(5_000);
  expect(condition('web', 'Ready')?.status).toBe('True');
});

it('adopts no VM, and deletes none that was to be adopted', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createSharedWorld();
  const { id } = fakeProvider.add('theirs');
  apply('web', { adoption: { policy: 'MustExist', id } });
  await clock.advance(minute);
  expect(condition('web', 'Synced')?.status).toBe('False');
  expect(condition('web', 'Ready')?.status).not.toBe('True');
  expect(cluster.machine('web')?.metadata.annotations?.[annotations.machine]).toBeUndefined();
  cluster.remove('virtualmachines', 'web');
  await clock.advance(minute);
  expect([cluster.machine('web'), fakeProvider.machines.get(id)?.state]).toEqual([undefined, 'Running']);
});

it('adopts no VM after an edited annotation', async () => {
  const { apply, clock, cluster, fakeProvider } = await createSharedWorld();
  const { id, name } = fakeProvider.add('theirs');
  apply('web');
  await clock.advance(10_000);
  const { uid } = cluster.machine('web')?.metadata ?? {};
  const forged = JSON.stringify({ id, uid, name });
  cluster.change('web', { metadata: { annotations: { [annotations.machine]: forged } } });
  cluster.remove('virtualmachines', 'web');
  await clock.advance(minute);
  expect(cluster.machine('web')).toBeUndefined();
  expect([...fakeProvider.machines.values()].map((machine) => [machine.id, machine.state])).toEqual([[id, 'Running']]);
});

it('gives no access to other VMs to an object whose namespace gets a key that the provider has not accepted yet', async () => {
  const { apply, clock, cluster, condition, fakeProvider, useKeyOf } = await createSharedWorld();
  const { id } = fakeProvider.add('theirs');
  apply('thief', { adoption: { policy: 'MustExist', id } });
  await clock.advance(minute);
  expect(condition('thief', 'Ready')?.reason).toBe('AdoptionNotPermitted');
  fakeProvider.holds = (_, ownerId) => (ownerId === 2 ? new Promise(() => {}) : undefined);
  useKeyOf(2);
  await clock.advance(10 * minute);
  const { metadata, status } = cluster.machine('thief') ?? {};
  expect(metadata?.annotations?.[annotations.machine]).toBeUndefined();
  expect([status?.id, status?.origin, status?.state]).toEqual([undefined, undefined, undefined]);
});

it.each([
  ['removes the annotation', { metadata: { annotations: { [annotations.defaultCredentials]: null } } }],
  ['names another Secret', { spec: { credentialsSecretRef: { name: 'other' } } }],
])('leaves no VM running without permission when a tenant %s', async (_, edit) => {
  const { apply, clock, cluster, condition, restart, fakeProvider } = await createSharedWorld();
  apply('web', { deletionPolicy: 'Retain' });
  await clock.advance(minute);
  cluster.change('web', edit);
  // With the process goes the key that the provider accepted last.
  await restart();
  cluster.remove('virtualmachines', 'web');
  await clock.advance(10 * minute);
  expect(condition('web', 'DeletionBlocked')).toMatchObject({ status: 'True', reason: 'OrphanNotPermitted' });
  expect([cluster.machine('web') === undefined, fakeProvider.machines.size]).toEqual([false, 1]);
});
