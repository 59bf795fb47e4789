import { describe, expect, it } from 'vitest';
import { createWorld } from './world/world.ts';

const minute = 60_000;
const providerName = 'shop';

/** A Secret beside the usual one, with another key of the same account. */
const secondKey = {
  metadata: { name: 'second', labels: { watched: 'true' } },
  data: { 'api-key': Buffer.from('owner-1-second').toString('base64') },
};

const keys = [
  { keys: 'the same key', second: {} },
  { keys: 'two keys of one account', second: { credentialsSecretRef: { name: 'second', key: 'api-key' } } },
] as const;

describe.each(keys)('two objects that ask for one free name, with $keys', ({ second }) => {
  it.each([0, 5, 100, 5_000])(
    'applied %i ms apart: the older one gets it, the younger one reports that',
    async (apart) => {
      const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
      cluster.put('secrets', secondKey);
      apply('older', { providerName });
      if (apart > 0) await clock.advance(apart);
      apply('younger', { providerName, ...second });
      await clock.advance(5 * minute);
      expect(fakeProvider.made.get(providerName)).toBe(1);
      expect(condition('older', 'Ready')?.status).toBe('True');
      expect(condition('younger', 'Ready')).toMatchObject({ status: 'False', reason: 'NameConflict' });
      expect(fakeProvider.count('CreateMachine')).toBe(1);
      // Once the older one and its VM are gone, the name is free for the other.
      cluster.remove('virtualmachines', 'older');
      await clock.advance(5 * minute);
      expect([cluster.machine('older'), condition('younger', 'Ready')?.status]).toEqual([undefined, 'True']);
      expect([fakeProvider.made.get(providerName), fakeProvider.heldTwice.size]).toEqual([2, 0]);
    },
  );

  it('that existed before the operator started: the older one gets it', async () => {
    const { promise: won, resolve: win } = Promise.withResolvers<void>();
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld(
      {},
      { leadership: { won, fence: () => true } },
    );
    cluster.put('secrets', secondKey);
    apply('older', { providerName });
    apply('younger', { providerName, ...second });
    await clock.advance(minute);
    win();
    await clock.advance(5 * minute);
    expect([fakeProvider.made.get(providerName), condition('older', 'Ready')?.status]).toEqual([1, 'True']);
    expect(condition('younger', 'Ready')?.reason).toBe('NameConflict');
  });
});

describe('two objects that adopt one VM', () => {
  it.each([
    ['by id', (id: number) => ({ adoption: { policy: 'MustExist', id } }) as const],
    ['by name', () => ({ adoption: { policy: 'MustExist', name: 'Web 1' } }) as const],
  ])('%s: the second one reports the owner, and adopts another VM once it names that', async (_, adoption) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const { id } = fakeProvider.add('Web 1');
    const other = fakeProvider.add('Web 2');
    apply('first', adoption(id));
    await clock.advance(minute);
    apply('second', adoption(id));
    await clock.advance(minute);
    expect(condition('second', 'Ready')).toMatchObject({
      reason: 'HeldByOtherObject',
      message: `VM ${id} belongs to the object default/first; delete this object, which keeps the VM: kubectl -n default delete vps second; to adopt another VM, change spec.adoption`,
    });
    cluster.change('second', { spec: { adoption: { id: other.id, name: null } } });
    await clock.advance(minute);
    expect(cluster.machine('second')?.status).toMatchObject({ id: other.id, origin: 'Adopted' });
  });

  it('an object that has a VM adopts no other one, and reports it', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const { id } = fakeProvider.add('Web 1');
    apply('first');
    await clock.advance(minute);
    const before = cluster.machine('first')?.status?.id;
    cluster.change('first', { spec: { adoption: { policy: 'MustExist', name: 'Web 1' } } });
    await clock.advance(minute);
    expect(cluster.machine('first')?.status).toMatchObject({ id: before, origin: 'Created' });
    expect(condition('first', 'Ready')?.message).toContain(`spec.adoption names VM "Web 1", which isn't adopted`);
    apply('second', { adoption: { policy: 'MustExist', name: 'Web 1' } });
    await clock.advance(minute);
    expect(cluster.machine('second')?.status).toMatchObject({ id, origin: 'Adopted' });
  });

  it('adopts none of several VMs of the name until one is named by its id', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const [{ id }] = [fakeProvider.add('Web 1'), fakeProvider.add('Web 1')];
    apply('first', { adoption: { policy: 'MustExist', name: 'Web 1' } });
    await clock.advance(minute);
    const command = `kubectl -n default patch vps first --type merge -p '{"spec":{"adoption":{"id":${id},"name":null}}}'`;
    expect(condition('first', 'Ready')?.reason).toBe('DuplicateMachine');
    expect(condition('first', 'Ready')?.message).toContain(`2 VMs named "Web 1" (ids ${id}, ${id + 1})`);
    expect(condition('first', 'Ready')?.message).toContain(`to adopt VM ${id}: ${command}`);
    cluster.change('first', { spec: { adoption: { id, name: null } } });
    await clock.advance(minute);
    expect(cluster.machine('first')?.status).toMatchObject({ id, origin: 'Adopted' });
  });
});
