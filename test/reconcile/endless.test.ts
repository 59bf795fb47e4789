import { describe, expect, test } from 'vitest';
import type { MachineState } from '../../src/domain/machine.ts';
import { bothFinalizers } from './world/cluster.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const hour = 60 * minute;

/** One object whose VM has fallen into a state that it never leaves by itself. */
async function createStuck(state: MachineState, spec: Parameters<World['apply']>[1] = {}): Promise<World> {
  const world = await createWorld();
  world.apply('web', spec);
  await world.clock.advance(minute);
  world.fakeProvider.set(1, { state });
  await world.clock.advance(2 * minute);
  return world;
}

const endless: readonly MachineState[] = ['Unknown', 'Pending', 'Starting', 'Halting'];
const written = ({ fakeProvider }: World, since: number) =>
  fakeProvider.calls.filter(({ operation, at }) => at >= since && /^(Start|Stop|Kill|Restart|Delete)/.test(operation));

describe('a VM in a state that does not end', () => {
  test.each(endless)(
    '%s: DELETE is sent ten minutes after the state began, and the object is removed',
    async (state) => {
      const world = await createStuck(state, { powerOff: { mode: 'Soft', gracePeriodSeconds: 1 } });
      const { fakeProvider, clock, cluster } = world;
      const since = clock.monotonic();
      fakeProvider.deletable = [state];
      cluster.remove('virtualmachines', 'web');
      await clock.advance(7 * minute);
      expect([written(world, since), cluster.machine('web')?.metadata.finalizers]).toEqual([[], bothFinalizers]);
      await clock.advance(3 * minute);
      expect(fakeProvider.count('DeleteMachine')).toBe(1);
      expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
    },
  );

  test.each(endless)(
    '%s, and the provider refuses: its message is reported, and DELETE is retried with exponential backoff',
    async (state) => {
      const world = await createStuck(state, { powerOff: { mode: 'Soft', gracePeriodSeconds: 1 } });
      const { fakeProvider, clock, cluster, condition } = world;
      cluster.remove('virtualmachines', 'web');
      await clock.advance(12 * minute);
      expect(condition('web', 'Ready')).toMatchObject({
        reason: 'Deleting',
        message: `the provider refuses DeleteMachine for now (400: VM is ${state}); the operator tries again`,
      });
      await clock.advance(hour);
      expect(condition('web', 'Ready')).toMatchObject({
        reason: 'PowerTransitionStuck',
        message: expect.stringMatching(
          /refused DeleteMachine .*\(400: VM is .*\); the operator tries again with exponential/,
        ),
      });
      expect(condition('web', 'DeletionBlocked')?.status).toBe('True');
      const calls = fakeProvider.count('DeleteMachine');
      expect(calls).toBeLessThan(60);
      const [writes, since] = [cluster.writes.length, clock.monotonic()];
      await clock.advance(hour);
      expect(fakeProvider.count('DeleteMachine', since)).toBeGreaterThanOrEqual(11);
      expect(fakeProvider.count('DeleteMachine', since)).toBeLessThanOrEqual(13);
      expect(cluster.writes.length).toBe(writes);
      fakeProvider.deletable = [state];
      await clock.advance(6 * minute);
      expect(cluster.machine('web')).toBeUndefined();
    },
  );

  test('Halting, while power cut and DELETE are refused for an hour: both are retried until one is accepted', async () => {
    const world = await createStuck('Halting', { powerOff: { mode: 'TrySoft', gracePeriodSeconds: 60 } });
    const { fakeProvider, clock, cluster } = world;
    const busy = { class: 'Wait', code: 'Busy', status: 406 } as const;
    fakeProvider.broken.set('KillMachine', busy);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(hour);
    expect(fakeProvider.count('KillMachine')).toBeGreaterThan(5);
    expect(cluster.machine('web')).toBeDefined();
    fakeProvider.broken.delete('KillMachine');
    await clock.advance(10 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
  });

  test.each(endless)(
    '%s, and the object is not deleted: no call is sent, and no message reports one',
    async (state) => {
      const world = await createStuck(state);
      const { clock, condition } = world;
      const since = clock.monotonic();
      await clock.advance(hour);
      expect(written(world, since)).toEqual([]);
      const { message = '' } = condition('web', 'Synced') ?? {};
      const shown = `${message} ${condition('web', 'Ready')?.message}`;
      expect(shown).toMatch(/sends (nothing|no power call) until that changes/);
      expect(shown).not.toMatch(/again/);
    },
  );
});
