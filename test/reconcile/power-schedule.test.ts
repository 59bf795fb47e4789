import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { succeeded } from '../../src/domain/failure.ts';
import type { MachineState } from '../../src/domain/machine.ts';
import { createManualClock } from '../support/clock.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
/** The clock of a world starts at midnight. */
const hourly = { timeZone: 'UTC', halted: [{ from: '30 * * * *', to: '45 * * * *' }] };

const calls = ({ fakeProvider }: World): readonly string[] =>
  fakeProvider.calls.map(({ operation }) => operation).filter((operation) => !/^(List|Get)/.test(operation));
const stateOf = ({ cluster }: World): string | undefined => cluster.machine('web')?.status?.state;
/** Until when it is halted, and when it is halted next. */
const timesOf = ({ cluster }: World): readonly (string | undefined)[] => {
  const { haltedUntil, nextHaltTime } = cluster.machine('web')?.status ?? {};
  return [haltedUntil, nextHaltTime];
};
const readyOf = (world: World): string => {
  const { status, reason } = world.condition('web', 'Ready') ?? {};
  return `${status}/${reason}`;
};

/** `web` runs with the schedule since midnight. */
async function scheduled(spec: Parameters<World['apply']>[1] = {}): Promise<World> {
  const world = await createWorld();
  world.apply('web', { powerSchedule: hourly, ...spec });
  await world.clock.advance(10 * minute);
  return world;
}

/** `web` runs with the schedule and a power call that leads through these states, 7 s each. */
async function slowly(
  call: 'restartMachine' | 'stopMachine',
  states: readonly MachineState[],
  spec: Parameters<World['apply']>[1],
): Promise<World> {
  const clock = createManualClock();
  const world = await createWorld(
    {},
    {
      clock,
      through: (provider, _, fakeProvider) => ({
        ...provider,
        [call]: (id: number) => {
          for (const [index, state] of states.entries())
            clock.schedule(index * 7_000, () => fakeProvider.set(id, { state }));
          return Promise.resolve(succeeded(undefined));
        },
      }),
    },
  );
  world.apply('web', { powerSchedule: hourly, ...spec });
  return world;
}

describe('a power schedule', () => {
  it('halts and starts the VM once for each window, and shows until when it is halted', async () => {
    const world = await scheduled();
    expect([readyOf(world), stateOf(world), timesOf(world)]).toEqual([
      'True/Available',
      'Running',
      [undefined, '2026-01-01T00:30:00Z'],
    ]);
    await world.clock.advance(30 * minute);
    expect([readyOf(world), stateOf(world), timesOf(world)]).toEqual([
      'True/HaltedBySchedule',
      'Halted',
      ['2026-01-01T00:45:00Z', undefined],
    ]);
    await world.clock.advance(15 * minute);
    expect([readyOf(world), stateOf(world), timesOf(world)]).toEqual([
      'True/Available',
      'Running',
      [undefined, '2026-01-01T01:30:00Z'],
    ]);
    await world.clock.advance(120 * minute);
    const window = ['StopMachine', 'StartMachine'];
    expect(calls(world)).toEqual(['CreateMachine', ...window, ...window, ...window]);
    expect(world.events('web').join('\n')).not.toContain('PowerDrift');
  });

  it('writes nothing between its changes', async () => {
    const world = await scheduled();
    const before = world.cluster.writes.length;
    await world.clock.advance(19 * minute);
    expect(world.cluster.writes.length).toBe(before);
    await world.clock.advance(6 * minute);
    const inWindow = world.cluster.writes.length;
    await world.clock.advance(9 * minute);
    expect(world.cluster.writes.length).toBe(inWindow);
  });

  it('never starts a VM whose spec halts it, and halts it no second time', async () => {
    const world = await scheduled({ powerState: 'Halted' });
    await world.clock.advance(120 * minute);
    expect([readyOf(world), calls(world)]).toEqual(['True/Available', ['CreateMachine', 'StopMachine']]);
    expect(timesOf(world)).toEqual([undefined, undefined]);
  });

  it('is suspended by the annotation until its time, and shows that', async () => {
    const world = await scheduled();
    world.cluster.change('web', {
      metadata: { annotations: { [annotations.keepRunningUntil]: '2026-01-01T00:40:00Z' } },
    });
    await world.clock.advance(minute);
    expect(timesOf(world)).toEqual([undefined, '2026-01-01T00:40:00Z']);
    await world.clock.advance(24 * minute);
    expect([calls(world), timesOf(world)]).toEqual([['CreateMachine'], [undefined, '2026-01-01T00:40:00Z']]);
    expect(world.condition('web', 'Ready')?.message).toContain(
      'spec.powerSchedule would halt it, but vps247.com/keep-running-until keeps it running until 2026-01-01T00:40:00Z',
    );
    await world.clock.advance(7 * minute);
    expect([readyOf(world), calls(world)]).toEqual(['True/HaltedBySchedule', ['CreateMachine', 'StopMachine']]);
  });

  it('starts the VM at once when the annotation is set in a window', async () => {
    const world = await scheduled();
    await world.clock.advance(25 * minute);
    world.cluster.change('web', {
      metadata: { annotations: { [annotations.keepRunningUntil]: '2026-01-01T00:45:00Z' } },
    });
    await world.clock.advance(2 * minute);
    expect([readyOf(world), stateOf(world)]).toEqual(['True/Available', 'Running']);
    await world.clock.advance(20 * minute);
    expect(calls(world)).toEqual(['CreateMachine', 'StopMachine', 'StartMachine']);
  });

  it('counts a restart that is requested in a window as handled', async () => {
    const world = await scheduled();
    await world.clock.advance(25 * minute);
    world.cluster.change('web', { spec: { restartRequest: 'once' } });
    await world.clock.advance(25 * minute);
    expect(world.cluster.machine('web')?.status?.lastRestartRequest).toBe('once');
    expect(calls(world)).toEqual(['CreateMachine', 'StopMachine', 'StartMachine']);
  });

  it('halts a VM that is started in a window outside the operator again, as drift', async () => {
    const world = await scheduled();
    await world.clock.advance(25 * minute);
    world.fakeProvider.set(world.cluster.machine('web')?.status?.id ?? 0, { state: 'Running' });
    await world.clock.advance(5 * minute);
    expect([readyOf(world), calls(world)]).toEqual([
      'True/HaltedBySchedule',
      ['CreateMachine', 'StopMachine', 'StopMachine'],
    ]);
    expect(world.events('web').join('\n')).toContain(
      'is running but spec.powerSchedule halts it until 2026-01-01T00:45:00Z',
    );
  });

  it.each([
    ['the restart was sent just before it', 1],
    ['the VM is halted for its restart', 8],
    ['the VM starts again', 14],
  ])('halts a VM after its restart at the begin of a window, where %s', async (_when, seconds) => {
    const states = ['Halting', 'Halted', 'Starting', 'Running'] as const;
    const world = await slowly('restartMachine', states, { powerDriftPolicy: 'Report' });
    await world.clock.advance(30 * minute - seconds * 1_000);
    world.cluster.change('web', { spec: { restartRequest: 'once' } });
    await world.clock.advance(3 * minute);
    expect([readyOf(world), stateOf(world)]).toEqual(['True/HaltedBySchedule', 'Halted']);
    await world.clock.advance(20 * minute);
    expect([readyOf(world), stateOf(world)]).toEqual(['True/Available', 'Running']);
    expect(calls(world)).toEqual(['CreateMachine', 'StopMachine', 'StartMachine']);
    expect(world.cluster.machine('web')?.status?.lastRestartRequest).toBe('once');
    expect(world.events('web').join('\n')).not.toContain('PowerDrift');
  });

  it.each([
    ['Correct', 'TrySoft', 28],
    ['Report', 'TrySoft', 28],
    ['Correct', 'TrySoft', 280],
    ['Report', 'Soft', 280],
  ] as const)(
    'that is suspended before the guest follows the shutdown signal starts the VM after that, with drift policy %s, mode %s, and a guest that follows after %i s',
    async (powerDriftPolicy, mode, seconds) => {
      const states = [...Array.from({ length: seconds / 7 }, () => 'Running' as const), 'Halted' as const];
      const world = await slowly('stopMachine', states, {
        powerDriftPolicy,
        powerOff: { mode, gracePeriodSeconds: 60 },
      });
      await world.clock.advance(30 * minute + 10_000);
      world.cluster.change('web', {
        metadata: { annotations: { [annotations.keepRunningUntil]: '2026-01-01T00:45:00Z' } },
      });
      await world.clock.advance(5_000);
      expect([readyOf(world), stateOf(world)]).toEqual(['True/Available', 'Running']);
      await world.clock.advance(6 * minute);
      expect([readyOf(world), calls(world)]).toEqual(['True/Available', ['CreateMachine', 'StartMachine']]);
      expect(world.cluster.machine('web')?.status?.operation).toBeUndefined();
      expect(world.events('web').join('\n')).not.toMatch(/PowerDrift|StartBackoff/);
    },
  );

  it('that is added, changed or removed takes effect immediately', async () => {
    const world = await scheduled({
      powerSchedule: { timeZone: 'UTC', halted: [{ from: '0 5 * * *', to: '0 6 * * *' }] },
    });
    world.cluster.change('web', {
      spec: { powerSchedule: { timeZone: 'Asia/Kathmandu', halted: [{ from: '50 5 * * *', to: '0 7 * * *' }] } },
    });
    await world.clock.advance(2 * minute);
    expect([readyOf(world), world.cluster.machine('web')?.status?.haltedUntil]).toEqual([
      'True/HaltedBySchedule',
      '2026-01-01T01:15:00Z',
    ]);
    world.cluster.change('web', { spec: { powerSchedule: null } });
    await world.clock.advance(2 * minute);
    expect([readyOf(world), calls(world)]).toEqual([
      'True/Available',
      ['CreateMachine', 'StopMachine', 'StartMachine'],
    ]);
  });
});

describe('a schedule that changes while no operator runs', () => {
  it.each([
    { what: 'in a window', away: 25, expected: ['StopMachine'] },
    { what: 'after it', away: 40, expected: [] },
    { what: 'in a later window', away: 85, expected: ['StopMachine'] },
  ])('is caught up with once by an operator that returns $what', async ({ away, expected }) => {
    const world = await scheduled();
    await world.stop();
    await world.clock.advance(away * minute);
    const later = await createWorld({}, { beside: world });
    await later.clock.advance(5 * minute);
    expect(calls(later)).toEqual(['CreateMachine', ...expected]);
  });

  it('halts a VM that a user started in between by a shutdown signal, not by the one of the earlier window', async () => {
    const world = await scheduled();
    await world.clock.advance(20 * minute + 1_000);
    await world.stop();
    expect(world.cluster.machine('web')?.status?.operation?.type).toBe('Stop');
    await world.clock.advance(10 * minute);
    world.fakeProvider.set(world.cluster.machine('web')?.status?.id ?? 0, { state: 'Running' });
    await world.clock.advance(55 * minute);
    const later = await createWorld({}, { beside: world });
    await later.clock.advance(5 * minute);
    expect([readyOf(later), calls(later)]).toEqual([
      'True/HaltedBySchedule',
      ['CreateMachine', 'StopMachine', 'StopMachine'],
    ]);
  });

  it('is followed when the wall clock is set back', async () => {
    const world = await scheduled();
    await world.clock.advance(25 * minute);
    expect(readyOf(world)).toBe('True/HaltedBySchedule');
    world.clock.setBack(20 * minute);
    await world.clock.advance(60 * minute);
    // 00:35 became 00:15: it ran until 00:30, and from 00:45 on.
    expect([readyOf(world), stateOf(world)]).toEqual(['True/Available', 'Running']);
    const [, ...powers] = calls(world);
    expect(powers.filter((operation) => operation === 'StartMachine').length).toBe(
      powers.filter((operation) => operation === 'StopMachine').length,
    );
  });
});

/** Seconds around the begin and the end of a window, at which the leader changes. */
const edges = [-30, -1, 0, 1, 3, 30].flatMap((offset) => [30 * 60 + offset, 45 * 60 + offset]);

describe('a change of the leader at the edges of windows', () => {
  it.each(edges)('%i s after the hour leads to one stop and one start for each window', async (seconds) => {
    const world = await scheduled();
    await world.clock.advance(seconds * 1_000 - 10 * minute);
    await world.restart();
    await world.clock.advance(120 * minute - seconds * 1_000);
    const window = ['StopMachine', 'StartMachine'];
    expect(calls(world)).toEqual(['CreateMachine', ...window, ...window]);
    expect(world.events('web').join('\n')).not.toMatch(/PowerDrift|StartBackoff/);
  });
});

describe('a schedule that cannot be read', () => {
  const broken = { ...hourly, timeZone: 'Europe/Atlantis' };

  it('creates no VM until it is corrected', async () => {
    const world = await scheduled({ powerSchedule: broken });
    expect([readyOf(world), calls(world)]).toEqual(['False/InvalidSchedule', []]);
    world.cluster.change('web', { spec: { powerSchedule: hourly } });
    await world.clock.advance(5 * minute);
    expect([readyOf(world), calls(world)]).toEqual(['True/Available', ['CreateMachine']]);
  });

  it('leaves the power of the VM as it is, and blocks no deletion', async () => {
    const world = await scheduled();
    world.cluster.change('web', { spec: { powerSchedule: broken } });
    await world.clock.advance(60 * minute);
    expect([readyOf(world), calls(world)]).toEqual(['False/InvalidSchedule', ['CreateMachine']]);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect(calls(world).at(-1)).toBe('DeleteMachine');
  });
});
