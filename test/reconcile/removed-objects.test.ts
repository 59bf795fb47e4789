import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const lost = { class: 'UnknownOutcome', code: 'ConnectionLost' } as const;
const refused = { class: 'Terminal', code: 'Unprocessable', status: 422 } as const;

const names = [
  ['its own', {}],
  ['a chosen', { providerName: 'plain' }],
] as const;

/** `kubectl delete` in the same moment as `kubectl apply`: the deletion takes effect when `call` arrives at the provider. */
function deleteAt(world: World, call: 'CreateMachine', name = 'web'): void {
  world.fakeProvider.holds = (operation) => {
    if (operation !== call || world.cluster.machine(name) === undefined) return undefined;
    world.cluster.finishDeletion(name);
    return undefined;
  };
}

describe.each(names)(
  'an object that the API server removes although the finalizer is stored, under %s name',
  (_, spec) => {
    it.each([
      { answer: 'answered', accident: undefined },
      { answer: 'lost after it took effect', accident: { ...lost, hasEffect: true } },
      { answer: 'lost before it took effect', accident: lost },
      { answer: 'refused although it took effect', accident: { ...refused, hasEffect: true } },
      { answer: 'refused', accident: refused },
      { answer: 'never sent', accident: { class: 'Retry', code: 'ConnectFailed' } },
    ] as const)('leaves no VM when its create call is $answer', async ({ accident }) => {
      const world = await createWorld();
      const { apply, clock, cluster, complaints, fakeProvider } = world;
      if (accident !== undefined) fakeProvider.accidents.set('CreateMachine', [accident]);
      deleteAt(world, 'CreateMachine');
      apply('web', spec);
      await clock.advance(10 * minute);
      expect(cluster.machine('web')).toBeUndefined();
      expect(fakeProvider.count('CreateMachine')).toBe(1);
      expect(fakeProvider.machines.size).toBe(0);
      expect(complaints.filter((one) => one.startsWith('Reconciler error'))).toEqual([]);
      const [calls, writes] = [fakeProvider.calls.length, cluster.writes.length];
      await clock.advance(10 * minute);
      // At most one list a minute, as of an account without subscribers.
      expect([fakeProvider.calls.length - calls <= 10, cluster.writes.length - writes]).toEqual([true, 0]);
    });

    it.each([{ after: 1_000 }, { after: 60_000 }])(
      'leaves no VM when it is removed $after ms after the VM was recorded',
      async ({ after }) => {
        const { apply, clock, cluster, fakeProvider } = await createWorld();
        apply('web', spec);
        for (let steps = 0; cluster.machine('web')?.status?.id === undefined && steps < 1_000; steps += 1)
          await clock.advance(10);
        await clock.advance(after);
        cluster.finishDeletion('web');
        await clock.advance(10 * minute);
        expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('DeleteMachine')]).toEqual([
          undefined,
          0,
          1,
        ]);
      },
    );

    it('leaves no VM, and no error in the log, when the watch shows the removal only after the VM is recorded', async () => {
      const { apply, clock, cluster, complaints, fakeProvider } = await createWorld();
      fakeProvider.holds = (operation) => {
        if (operation === 'CreateMachine') cluster.finishDeletion('web', { reportedAfter: 1_000 });
        return undefined;
      };
      apply('web', spec);
      await clock.advance(10 * minute);
      expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
      expect(complaints.filter((one) => !one.startsWith('Object was removed'))).toEqual([]);
    });

    it('gets no VM when the removal is known before the create call', async () => {
      const world = await createWorld();
      const { apply, clock, cluster, fakeProvider } = world;
      cluster.admission = (write, object) => {
        // Stored and, before the answer arrives, removed.
        if (write === 'patch web') queueMicrotask(() => cluster.machine('web') && cluster.finishDeletion('web'));
        return object;
      };
      apply('web', spec);
      await clock.advance(10 * minute);
      expect(cluster.machine('web')).toBeUndefined();
      expect(fakeProvider.count('CreateMachine')).toBe(0);
    });

    it('keeps its VM with deletionPolicy Retain, and frees its name', async () => {
      const world = await createWorld();
      const { apply, clock, cluster, fakeProvider } = world;
      deleteAt(world, 'CreateMachine');
      apply('web', { ...spec, deletionPolicy: 'Retain' });
      await clock.advance(10 * minute);
      expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('DeleteMachine')]).toEqual([
        undefined,
        1,
        0,
      ]);
    });

    it('leaves no VM when another replica has become the leader meanwhile', async () => {
      const { promise: won, resolve: win } = Promise.withResolvers<void>();
      let leader: 'first' | 'second' = 'first';
      const world = await createWorld({}, { leadership: { won: Promise.resolve(), fence: () => leader === 'first' } });
      const leadership = { won, fence: () => leader === 'second' };
      const second = await createWorld({}, { leadership, beside: world });
      const { apply, clock, cluster, fakeProvider } = world;
      fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
      fakeProvider.holds = (operation) => {
        if (operation !== 'CreateMachine') return undefined;
        cluster.finishDeletion('web');
        leader = 'second';
        return undefined;
      };
      apply('web', spec);
      await clock.advance(minute);
      win();
      await clock.advance(10 * minute);
      expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
      await second.stop();
    });
  },
);

describe('an object of another installation that is removed while it is created', () => {
  it('is left to that installation', async () => {
    const leads = { won: Promise.resolve(), fence: () => true };
    const world = await createWorld(
      {},
      { leadership: leads, withoutBystanders: 'the other installation reports each of them' },
    );
    const leadership = { ...leads, installation: 'other/vps247' };
    const beside = await createWorld({}, { leadership, beside: world });
    deleteAt(world, 'CreateMachine');
    world.apply('web');
    await world.clock.advance(10 * minute);
    const warning = 'Object was removed during its create, deleting its VM';
    const kept = [world, beside].filter(({ complaints }) => complaints.includes(warning));
    expect([kept.length, world.fakeProvider.machines.size]).toEqual([1, 0]);
  });
});

describe('a regular removal by the API server', () => {
  it('leaves the VM when the object is deleted in etcd long after the finalizer was stored', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(10 * minute);
    cluster.finishDeletion('web');
    await clock.advance(10 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('DeleteMachine')]).toEqual([
      undefined,
      1,
      0,
    ]);
  });

  it('leaves the VM of an object whose finalizer a user removed', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(minute);
    cluster.remove('virtualmachines', 'web');
    cluster.change('web', { metadata: { finalizers: [] } });
    await clock.advance(10 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size, fakeProvider.count('DeleteMachine')]).toEqual([
      undefined,
      1,
      0,
    ]);
  });

  it('lets a new object of the name report the VM that is left', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, complaints, condition, fakeProvider } = world;
    fakeProvider.broken.set('DeleteMachine', { class: 'Wait', code: 'Busy', status: 406 });
    deleteAt(world, 'CreateMachine');
    apply('web');
    await clock.advance(minute);
    fakeProvider.holds = () => undefined;
    apply('web');
    await clock.advance(10 * minute);
    expect(complaints).toContain('Orphaned VM of removed object, its name is in use again');
    expect(condition('web', 'Ready')?.reason).toBe('OrphanCandidateFound');
    expect(cluster.machine('web')?.metadata.annotations?.[annotations.createPending]).toBeUndefined();
    expect(fakeProvider.machines.size).toBe(1);
  });

  it('lets a new object of the name not exceed the limit of the namespace', async () => {
    const world = await createWorld({ orphanCandidates: 'Report', maxMachinesPerNamespace: 1 });
    const { apply, clock, condition, fakeProvider } = world;
    fakeProvider.broken.set('DeleteMachine', { class: 'Wait', code: 'Busy', status: 406 });
    deleteAt(world, 'CreateMachine');
    apply('web');
    await clock.advance(minute);
    fakeProvider.holds = () => undefined;
    apply('web');
    await clock.advance(10 * minute);
    expect(condition('web', 'Ready')).toMatchObject({
      reason: 'NamespaceLimitReached',
      message: expect.stringContaining('deleted objects left 1 running'),
    });
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});
