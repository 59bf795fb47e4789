import { expect, it } from 'vitest';
import { createWorld } from './world/world.ts';

const minute = 60_000;

/** etcd is put back to a moment when the object was there and its machine was not: the UID stays, all we stored is gone. */
it('an object that is restored from a backup of before the create recognizes its VM', async () => {
  const { apply, clock, cluster, condition, restart, fakeProvider } = await createWorld();
  apply('web');
  const before = cluster.machine('web');
  await clock.advance(minute);
  expect([...fakeProvider.made.values()]).toEqual([1]);

  cluster.put('virtualmachines', { ...before, metadata: { ...before?.metadata } });
  await restart();
  await clock.advance(5 * minute);
  expect([...fakeProvider.made.values()]).toEqual([1]);
  expect(condition('web', 'Ready')?.status).toBe('True');
});

it('a record whose VM has another name is not acted on', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
  const { id } = fakeProvider.add('theirs');
  apply('web', { managementPolicy: 'Plan' });
  await clock.advance(minute);
  const { uid } = cluster.machine('web')?.metadata ?? {};
  const providerName = `web-${uid?.slice(0, 8)}`;
  const record = { id, origin: 'Created', providerName, internal: { objectUID: uid } };
  cluster.change('web', { spec: { managementPolicy: 'Manage' }, status: record });
  await clock.advance(5 * minute);
  expect(condition('web', 'Ready')?.reason).toBe('IdentityMismatch');
  expect(cluster.machine('web')?.status?.providerName).toBe(providerName);
  expect(fakeProvider.calls.filter(({ operation }) => !operation.startsWith('List'))).toEqual([]);
});
