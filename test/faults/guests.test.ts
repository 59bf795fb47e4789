import { describe, expect, test } from 'vitest';
import type { Behavior } from '../../emulator/behavior.ts';
import { expectDone, life, patience, stepOf, take } from './life.ts';
import { createFaultyWorld, type FaultyWorld, hour, minute } from './world.ts';

const ignoredStops = ['stays-halting', 'back-to-running', 'stays-running'] as const;
const halt = stepOf('StopMachine');
const written = (world: FaultyWorld) => world.writes().map(({ operation }) => operation);

function createDeafWorld(ignoredStop: Behavior['ignoredStop'], more: Partial<Behavior> = {}): Promise<FaultyWorld> {
  return createFaultyWorld({ ignoredStop, ignoresShutdownNames: '^web-0', ...more });
}

describe('a guest that ignores the shutdown signal', () => {
  test.each(ignoredStops)('%s: its power is cut once, after the grace period', async (ignoredStop) => {
    const world = await createDeafWorld(ignoredStop);
    for (const step of life) await take(world, step);
    expect(written(world)).toEqual([
      'CreateMachine',
      'StopMachine',
      'KillMachine',
      'StartMachine',
      'RestartMachine',
      'KillMachine',
      'DeleteMachine',
    ]);
    const [, stop, kill] = world.writes();
    expect((kill?.at ?? 0) - (stop?.at ?? 0)).toBeGreaterThanOrEqual(minute);
    expect((kill?.at ?? 0) - (stop?.at ?? 0)).toBeLessThanOrEqual(minute + 15_000);
    expect(world.emulator.ledger.forbiddenTransitions()).toEqual([]);
  });

  test.each([10, -10])('has its grace period when the wall clock is set back by %i minutes', async (minutes) => {
    const world = await createDeafWorld('stays-halting');
    await take(world, stepOf('CreateMachine'));
    halt.ask(world);
    await world.clock.advance(20_000);
    world.clock.setBack(minutes * minute);
    await world.clock.advance(39_000);
    expect(written(world)).toEqual(['CreateMachine', 'StopMachine']);
    await world.clock.advance(2 * minute);
    expectDone(world, halt);
    expect(written(world)).toEqual(['CreateMachine', 'StopMachine', 'KillMachine']);
  });

  test('that is halted again after its halt was called off gets another signal and its grace period', async () => {
    const world = await createDeafWorld('stays-running');
    await take(world, stepOf('CreateMachine'));
    halt.ask(world);
    await world.clock.advance(30_000);
    world.cluster.change('web', { spec: { powerState: 'Running' } });
    await world.clock.advance(50_000);
    halt.ask(world);
    await world.clock.advance(59_000);
    expect(written(world)).toEqual(['CreateMachine', 'StopMachine', 'StopMachine']);
    await world.clock.advance(minute);
    expect(written(world).slice(3)).toEqual(['KillMachine']);
  });

  test.each(ignoredStops)(
    '%s, and a power cut is refused while it halts: halted, or reported as stuck',
    async (ignoredStop) => {
      const world = await createDeafWorld(ignoredStop, { killWhileHalting: '406' });
      await take(world, stepOf('CreateMachine'));
      halt.ask(world);
      await world.clock.advance(hour);
      if (ignoredStop === 'stays-halting')
        expect(world.condition('web', 'Synced')?.reason).toBe('PowerTransitionStuck');
      else expectDone(world, halt);
      world.emulator.setSwitches({ killWhileHalting: '200' });
      await world.clock.advance(hour);
      expectDone(world, halt);
      world.judge();
    },
  );

  test.each(ignoredStops)('%s, and the object is deleted: no DELETE before the VM is halted', async (ignoredStop) => {
    const world = await createDeafWorld(ignoredStop);
    await take(world, stepOf('CreateMachine'));
    await take(world, stepOf('DeleteMachine'));
    expect(written(world)).toEqual(['CreateMachine', 'StopMachine', 'KillMachine', 'DeleteMachine']);
  });

  test.each(ignoredStops)(
    '%s, and mode Soft: its power is never cut, and it is reported as stuck',
    async (ignoredStop) => {
      const world = await createDeafWorld(ignoredStop);
      world.apply('web', { powerOff: { mode: 'Soft', gracePeriodSeconds: 60 } });
      await world.clock.advance(patience);
      halt.ask(world);
      await world.clock.advance(hour);
      expect(written(world)).not.toContain('KillMachine');
      expect(world.condition('web', 'Synced')?.reason).toBe('PowerTransitionStuck');
      world.cluster.change('web', { spec: { powerOff: { mode: 'TrySoft' } } });
      await world.clock.advance(patience);
      expectDone(world, halt);
      world.judge();
    },
  );
});

describe('a power cut that boots the VM again', () => {
  test('is repeated with exponential backoff until the VM is halted some other way', async () => {
    const world = await createFaultyWorld({ killEffect: 'resets' });
    await take(world, stepOf('CreateMachine'));
    stepOf('KillMachine').ask(world);
    await world.clock.advance(hour);
    const kills = world.writes().filter(({ operation }) => operation === 'KillMachine');
    expect(kills.length).toBeLessThanOrEqual(8);
    expect(world.condition('web', 'Synced')?.reason).toBe('PowerTransitionStuck');
    world.emulator.setSwitches({ killEffect: 'halts' });
    await world.clock.advance(hour);
    expectDone(world, stepOf('KillMachine'));
    world.judge();
  });
});

describe('a guest that halts again as soon as it is up', () => {
  test.each([1, 2, 3])('%i times: reported, and Ready once it stays up', async (bootLoopCount) => {
    const world = await createFaultyWorld({ bootLoopNames: '^web-0', bootLoopCount, bootLoopAfter: 200 });
    await take(world, stepOf('CreateMachine'));
    expect(world.writes().filter(({ operation }) => operation === 'StartMachine')).toHaveLength(bootLoopCount);
    if (bootLoopCount > 1) expect(world.reasons('web')).toContain('StartBackoff');
    expect(world.cluster.machine('web')?.status?.startFailure).toBeUndefined();
  });

  test('permanently: reported, and deleted all the same', async () => {
    const world = await createFaultyWorld({ bootLoopNames: '^web-0', bootLoopAfter: 200 });
    stepOf('CreateMachine').ask(world);
    await world.clock.advance(hour);
    expect(world.reasons('web')).toContain('StartBackoff');
    await take(world, stepOf('DeleteMachine'));
    expect(world.emulator.ledger.forbiddenTransitions()).toEqual([]);
  });
});
