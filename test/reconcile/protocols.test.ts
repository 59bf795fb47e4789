import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { createWorld } from './world/world.ts';

const minute = 60_000;
const lost = { class: 'UnknownOutcome', code: 'ConnectionLost' } as const;

describe('a VM that was deleted outside the operator', () => {
  it('is recreated once, under the same name, when its deletion is confirmed', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    for (const name of ['a', 'b', 'c', 'd', 'e']) apply(name);
    await clock.advance(2 * minute);
    const { id = 0, providerName = '' } = cluster.machine('a')?.status ?? {};
    fakeProvider.machines.delete(id);
    await clock.advance(8 * minute);
    expect(condition('a', 'Ready')?.status).toBe('True');
    expect(cluster.machine('a')?.status).toMatchObject({ id: 6, providerName });
    expect([fakeProvider.made.get(providerName), fakeProvider.count('CreateMachine')]).toEqual([2, 6]);
    expect(fakeProvider.heldTwice.size).toBe(0);
  });

  it('is recreated once although the answer is lost and the process dies', async () => {
    const { apply, clock, cluster, condition, fakeProvider, restart } = await createWorld();
    for (const name of ['a', 'b', 'c', 'd', 'e']) apply(name);
    await clock.advance(2 * minute);
    const { id = 0, providerName = '' } = cluster.machine('a')?.status ?? {};
    fakeProvider.machines.delete(id);
    fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
    while (fakeProvider.count('CreateMachine') < 6) await clock.advance(1_000);
    await restart();
    await clock.advance(5 * minute);
    expect(condition('a', 'Ready')?.status).toBe('True');
    expect([fakeProvider.made.get(providerName), fakeProvider.heldTwice.size]).toEqual([2, 0]);
  });

  it('is recreated also without the annotation: the status is the record', async () => {
    const { apply, clock, cluster, condition, fakeProvider, restart } = await createWorld();
    for (const name of ['a', 'b', 'c', 'd', 'e']) apply(name, { providerName: name });
    await clock.advance(2 * minute);
    cluster.replace('a');
    fakeProvider.machines.delete(cluster.machine('a')?.status?.id ?? 0);
    await restart();
    await clock.advance(10 * minute);
    expect(condition('a', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('CreateMachine')).toBe(6);
  });
});

describe('a restart', () => {
  const once = { restartRequest: 'once' };

  it('is performed once for each request', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    cluster.change('web', { spec: once });
    await clock.advance(5 * minute);
    expect([fakeProvider.restarts, cluster.machine('web')?.status?.lastRestartRequest]).toEqual([1, 'once']);
    cluster.change('web', { spec: { restartRequest: 'twice' } });
    await clock.advance(5 * minute);
    expect([fakeProvider.restarts, cluster.machine('web')?.status?.lastRestartRequest]).toEqual([2, 'twice']);
    expect(cluster.machine('web')?.status?.operation).toBeUndefined();
  });

  it.each([
    { because: 'lost after it took effect', accident: { ...lost, hasEffect: true } },
    { because: 'lost before it took effect', accident: lost },
    { because: 'refused as busy', accident: { class: 'Wait', code: 'Busy', status: 406 } },
    { because: 'never sent', accident: { class: 'Retry', code: 'ConnectFailed' } },
  ] as const)('is performed once when the call is $because', async ({ accident }) => {
    const { apply, clock, cluster, fakeProvider, restart } = await createWorld();
    apply('web');
    await clock.advance(minute);
    // Each action updates the provider's time of the last action, which later shows whether the restart was performed.
    fakeProvider.set(1, { updatedAt: new Date(clock.now()).toISOString() });
    await clock.advance(minute);
    fakeProvider.accidents.set('RestartMachine', [accident]);
    cluster.change('web', { spec: once });
    await clock.advance(5);
    await restart();
    await clock.advance(10 * minute);
    expect([fakeProvider.restarts, cluster.machine('web')?.status?.lastRestartRequest]).toEqual([1, 'once']);
  });

  it('is not repeated when the status is lost', async () => {
    const { apply, clock, cluster, fakeProvider, restart } = await createWorld();
    apply('web');
    await clock.advance(minute);
    cluster.change('web', { spec: once });
    await clock.advance(5 * minute);
    cluster.wipeStatus('web');
    await restart();
    await clock.advance(5 * minute);
    expect([fakeProvider.restarts, cluster.machine('web')?.status?.lastRestartRequest]).toEqual([1, 'once']);
  });
});

describe('a shutdown whose call is answered late', () => {
  it('gives the guest its whole grace period from the answer on', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    const takes = 20_000;
    fakeProvider.holds = (operation) =>
      operation === 'StopMachine' ? new Promise((resolve) => clock.schedule(takes, resolve)) : undefined;
    cluster.change('web', { spec: { powerState: 'Halted' } });
    const step = 500;
    for (let steps = 0; fakeProvider.count('KillMachine') === 0 && steps < 1_000; steps += 1) {
      await clock.advance(step);
      // The guest ignores it.
      if (fakeProvider.machines.get(1)?.state === 'Halted') fakeProvider.set(1, { state: 'Halting' });
    }
    const at = (wanted: string): number => fakeProvider.calls.find(({ operation }) => operation === wanted)?.at ?? 0;
    expect(at('KillMachine') - at('StopMachine')).toBeGreaterThanOrEqual(takes + minute);
  });
});

describe('an adoption', () => {
  it('gives a VM to one of two objects that ask for it at the same moment', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const { id } = fakeProvider.add('legacy');
    const adoption = { policy: 'MustExist', id } as const;
    apply('one', { adoption });
    apply('two', { adoption });
    await clock.advance(5 * minute);
    const reasons = ['one', 'two'].map((name) => condition(name, 'Synced')?.reason).toSorted();
    expect(reasons).toEqual(['Available', 'HeldByOtherObject']);
    const records = ['one', 'two'].map((name) => cluster.machine(name)?.metadata.annotations?.[annotations.machine]);
    expect(records.filter((record) => record !== undefined)).toHaveLength(1);
    expect(fakeProvider.count('CreateMachine')).toBe(0);
  });

  it('finds by its name a VM that is newer than the last list', async () => {
    const { apply, clock, condition, events, fakeProvider } = await createWorld();
    apply('other');
    await clock.advance(5 * minute);
    fakeProvider.add('Web 1');
    apply('web', { adoption: { policy: 'MustExist', name: 'Web 1' } });
    await clock.advance(5_000);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect(events('web').filter((event) => event.startsWith('AdoptionTargetNotFound'))).toEqual([]);
  });

  it('leaves the VM when the object is deleted', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const { id } = fakeProvider.add('legacy');
    apply('web', { adoption: { policy: 'MustExist', id } });
    await clock.advance(minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 1]);
    expect(fakeProvider.calls.filter(({ operation }) => /Stop|Kill|Delete/.test(operation))).toEqual([]);
  });

  it('leaves the VM also when the status was lost before, and reports the remedy', async () => {
    const { apply, clock, cluster, condition, fakeProvider, restart } = await createWorld();
    const { id } = fakeProvider.add('legacy');
    apply('web', { adoption: { policy: 'MustExist', id } });
    await clock.advance(minute);
    cluster.wipeStatus('web');
    cluster.change('web', { spec: { adoption: { policy: 'Never', id: null } } });
    await restart();
    await clock.advance(minute);
    expect(condition('web', 'Synced')?.reason).toBe('IdentityUnproven');
    expect(condition('web', 'Synced')?.message).toContain(
      `to adopt the VM: kubectl -n default patch vps web --type merge -p '{"spec":{"adoption":{"policy":"MustExist","id":${id}}}}';`,
    );
    cluster.change('web', { spec: { adoption: { policy: 'MustExist', id } } });
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.origin).toBe('Adopted');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 1]);
  });
});

describe('a chosen name that another object has', () => {
  it('is used at once when the other object releases it', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    apply('old', { providerName: 'chosen' });
    await clock.advance(minute);
    apply('new', { providerName: 'chosen' });
    await clock.advance(minute);
    expect(condition('new', 'Synced')?.reason).toBe('NameConflict');
    cluster.remove('virtualmachines', 'old');
    while (cluster.machine('old') !== undefined) await clock.advance(100);
    await clock.advance(1_000);
    expect([fakeProvider.count('CreateMachine'), fakeProvider.heldTwice.size]).toEqual([2, 0]);
  });
});

describe('a chosen name that another VM takes at the last moment', () => {
  it.each([
    { because: 'its answer was lost', isStored: true },
    { because: 'it was not stored', isStored: false },
  ])('is not adopted for a create intent without a call: $because', async ({ isStored }) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    const failure = { write: 'patch web', reason: 'Timeout', isStored } as const;
    cluster.failures.push(...Array.from({ length: 1_000 }, () => failure));
    apply('web', { providerName: 'chosen' });
    while (cluster.failures.length === 1_000) await clock.advance(100);
    fakeProvider.add('chosen');
    await clock.advance(5 * minute);
    cluster.failures.splice(0);
    expect(condition('web', 'Synced')?.reason).toBe('NameTaken');
    expect(cluster.machine('web')?.metadata.annotations?.[annotations.machine]).toBeUndefined();
    cluster.remove('virtualmachines', 'web');
    await clock.advance(5 * minute);
    expect([cluster.machine('web'), fakeProvider.count('DeleteMachine'), fakeProvider.count('CreateMachine')]).toEqual([
      undefined,
      0,
      0,
    ]);
  });
});

describe('a key that is changed', () => {
  it('is replaced without a moment in which the state is unknown', async () => {
    const { apply, clock, cluster, condition, useKeyOf } = await createWorld();
    apply('web');
    await clock.advance(2 * minute);
    const writes = cluster.writes.length;
    useKeyOf(1);
    await clock.advance(5 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    // It is the same key: that the Secret has another version is worth no write.
    expect(cluster.writes.slice(writes)).toEqual([]);
  });

  it('and changed back before it was verified leaves all as it was', async () => {
    const { apply, clock, cluster, fakeProvider, useKeyOf } = await createWorld();
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'Timeout' });
    useKeyOf(2);
    await clock.advance(10);
    useKeyOf(1);
    fakeProvider.broken.clear();
    await clock.advance(2 * minute);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
  });

  it('to one of another account is reported, and no call is sent with it', async () => {
    const { apply, clock, condition, fakeProvider, useKeyOf } = await createWorld();
    apply('web');
    fakeProvider.add('theirs', { ownerId: 2 });
    await clock.advance(2 * minute);
    useKeyOf(2);
    await clock.advance(minute);
    expect(condition('web', 'Synced')?.reason).toBe('AccountMismatch');
    await clock.advance(60 * minute);
    useKeyOf(1);
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});

describe('a key of an account without VMs', () => {
  it('never confirms the deletion of a VM, and deletes nothing', async () => {
    const { apply, clock, cluster, condition, fakeProvider, useKeyOf } = await createWorld();
    apply('kept');
    apply('leaving');
    await clock.advance(2 * minute);
    useKeyOf(2);
    await clock.advance(minute);
    cluster.remove('virtualmachines', 'leaving');
    await clock.advance(60 * minute);
    expect(condition('kept', 'Synced')?.reason).toBe('AbsenceUnconfirmed');
    expect(cluster.machine('leaving')).toBeDefined();
    expect([fakeProvider.count('CreateMachine'), fakeProvider.machines.size]).toEqual([2, 2]);
    useKeyOf(1);
    await clock.advance(5 * minute);
    expect(condition('kept', 'Ready')?.status).toBe('True');
    expect([cluster.machine('leaving'), fakeProvider.machines.size]).toEqual([undefined, 1]);
  });

  it('creates nothing while a create with the previous key is unresolved', async () => {
    const { apply, clock, condition, fakeProvider, restart, useKeyOf } = await createWorld();
    fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
    apply('web');
    await clock.advance(1_000);
    useKeyOf(2);
    await restart();
    await clock.advance(60 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('AccountMismatch');
    expect(fakeProvider.count('CreateMachine')).toBe(1);
    useKeyOf(1);
    await clock.advance(5 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });

  it('releases the last VM of an account after a restart, since the key is the same', async () => {
    const { apply, clock, cluster, fakeProvider, restart } = await createWorld();
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.machines.clear();
    await restart();
    cluster.remove('virtualmachines', 'web');
    await clock.advance(5 * minute);
    expect(cluster.machine('web')).toBeUndefined();
  });
});

describe('a VM of an earlier object of the same name', () => {
  it('holds up a second VM until the user decides', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
    fakeProvider.add('web-0badcafe');
    apply('web');
    await clock.advance(10 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('OrphanCandidateFound');
    expect(cluster.machine('web')?.status?.orphanCandidates).toEqual([{ id: 1, name: 'web-0badcafe' }]);
    expect(fakeProvider.count('CreateMachine')).toBe(0);
    cluster.change('web', { spec: { adoption: { policy: 'MustExist', id: 1 } } });
    await clock.advance(minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(cluster.machine('web')?.status).toMatchObject({ id: 1, origin: 'Adopted', providerName: 'web-0badcafe' });
    expect(cluster.machine('web')?.status?.orphanCandidates).toBeUndefined();
    expect(fakeProvider.count('CreateMachine')).toBe(0);
  });

  it('does not count when another object records it', async () => {
    const { apply, clock, condition, fakeProvider } = await createWorld();
    const { id } = fakeProvider.add('web-0badcafe');
    apply('old', { adoption: { policy: 'MustExist', id } });
    await clock.advance(minute);
    apply('web');
    await clock.advance(minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});

describe('a requested reconciliation', () => {
  it('is acknowledged in the status once it is done, and costs a list', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(5 * minute);
    const lists = fakeProvider.count('ListMachines');
    cluster.change('web', { metadata: { annotations: { [annotations.reconcileRequestedAt]: 'now' } } });
    await clock.advance(3_000);
    expect(cluster.machine('web')?.status?.lastHandledReconcileAt).toBe('now');
    expect(fakeProvider.count('ListMachines') - lists).toBe(1);
  });
});

describe('limits of the operator', () => {
  const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);

  it('never exceeds the limit of VMs in a namespace, however many objects ask at once, and continues when one is deleted', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxMachinesPerNamespace: 3 });
    for (const name of names) apply(name);
    await clock.advance(5 * minute);
    expect(fakeProvider.machines.size).toBe(3);
    const waiting = names.filter((name) => condition(name, 'Synced')?.reason === 'NamespaceLimitReached');
    expect(waiting).toHaveLength(7);
    const made = names.find((name) => !waiting.includes(name)) ?? '';
    cluster.remove('virtualmachines', made);
    while (cluster.machine(made) !== undefined) await clock.advance(100);
    await clock.advance(1_000);
    expect([fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([3, 4]);
    await clock.advance(5 * minute);
    expect([fakeProvider.machines.size, fakeProvider.count('CreateMachine')]).toEqual([3, 4]);
  });

  it('deletes no more VMs in a minute than allowed', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld({ maxDeletesPerMinute: 2 });
    for (const name of names) apply(name, { powerState: 'Halted' });
    await clock.advance(5 * minute);
    const startedAt = clock.monotonic();
    for (const name of names) cluster.remove('virtualmachines', name);
    await clock.advance(10 * minute);
    expect(fakeProvider.machines.size).toBe(0);
    const times = fakeProvider.calls
      .filter(({ operation }) => operation === 'DeleteMachine')
      .map(({ at }) => at - startedAt);
    expect(times).toHaveLength(10);
    for (const [index, at] of times.slice(2).entries()) expect(at - (times[index] ?? 0)).toBeGreaterThanOrEqual(minute);
  });
});

describe('a guest that never stays up for a minute', () => {
  it.each([1_500, 20_000, 45_000])(
    'is reported, and started with exponential backoff, when it stays up for %i ms',
    async (up) => {
      const { apply, clock, condition, fakeProvider } = await createWorld();
      apply('web');
      let wasRunning = false;
      const reasons = new Set<string | undefined>();
      for (let second = 0; second < 3_600; second += 1) {
        const isRunning = fakeProvider.machines.get(1)?.state === 'Running';
        if (isRunning && !wasRunning) clock.schedule(up, () => fakeProvider.set(1, { state: 'Halted' }));
        wasRunning = isRunning;
        await clock.advance(1_000);
        reasons.add(condition('web', 'Ready')?.reason);
      }
      expect(reasons).toContain('StartBackoff');
      expect(fakeProvider.count('StartMachine')).toBeLessThanOrEqual(20);
    },
  );
});

describe('a VM that lists leave out while a read by its id shows it', () => {
  it('is kept, and read with exponential backoff', async () => {
    const { apply, clock, condition, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.listed = () => false;
    await clock.advance(5 * minute);
    const since = clock.monotonic();
    await clock.advance(60 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('GetMachine', since)).toBeLessThanOrEqual(130);
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});
