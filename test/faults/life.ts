import { expect } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { type FaultyWorld, minute } from './world.ts';

/** What a user asks for, and what it comes to at a provider without faults. */
export interface Step {
  readonly name: string;
  readonly ask: (world: FaultyWorld) => void;
  /** The call it takes. */
  readonly write: Operation;
  /** What the object says once that call is accepted. */
  readonly progress: Reason;
  /** How the machine ends; undefined: gone. */
  readonly state: 'running' | 'halted' | undefined;
}

/** A whole life, in which each call that changes something is made once. A further step is a further row. */
export const life: readonly Step[] = [
  {
    name: 'create',
    ask: ({ apply }) => apply('web'),
    write: 'CreateMachine',
    progress: 'Creating',
    state: 'running',
  },
  {
    name: 'halt',
    ask: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Halted' } }),
    write: 'StopMachine',
    progress: 'Stopping',
    state: 'halted',
  },
  {
    name: 'start',
    ask: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Running' } }),
    write: 'StartMachine',
    progress: 'Starting',
    state: 'running',
  },
  {
    name: 'restart',
    ask: ({ cluster }) => cluster.change('web', { spec: { restartRequest: 'once' } }),
    write: 'RestartMachine',
    progress: 'Restarting',
    state: 'running',
  },
  {
    name: 'cut off',
    ask: ({ cluster }) => cluster.change('web', { spec: { powerState: 'Halted', powerOff: { mode: 'Hard' } } }),
    write: 'KillMachine',
    progress: 'Stopping',
    state: 'halted',
  },
  {
    name: 'delete',
    ask: ({ cluster }) => cluster.remove('virtualmachines', 'web'),
    write: 'DeleteMachine',
    progress: 'Deleting',
    state: undefined,
  },
];

/** The step that makes this call. */
export function stepOf(write: Operation): Step {
  const step = life.find((one) => one.write === write);
  if (step === undefined) throw new Error(`no step makes the call ${write}`);
  return step;
}

/** Long enough for any recovery that needs no human: evidence of an unknown outcome, the longest delays of a retry. */
export const patience = 10 * minute;

/** Whether the step is complete, and the object shows it. */
export function expectDone(world: FaultyWorld, { name, state }: Step): void {
  const object = world.cluster.machine('web');
  const ready = world.condition('web', 'Ready');
  const synced = world.condition('web', 'Synced');
  const shown = { object: object?.status?.state?.toLowerCase(), ready: ready?.status, synced: synced?.reason };
  expect([name, world.machineOf('web')?.state, object === undefined ? 'gone' : shown]).toEqual([
    name,
    state,
    state === undefined ? 'gone' : { object: state, ready: 'True', synced: 'Available' },
  ]);
}

/** Asks for the step, gives it time, and holds against the world that it is done and nothing else happened. */
export async function take(world: FaultyWorld, step: Step): Promise<void> {
  step.ask(world);
  await world.clock.advance(patience);
  expectDone(world, step);
  world.judge();
}

/** Something that goes wrong for a while. */
export interface Trouble {
  readonly begin: (world: FaultyWorld) => void | Promise<void>;
  readonly end?: (world: FaultyWorld) => void;
  readonly lasts: number;
}

/**
 * Lives a whole life in which trouble begins just before one step is asked for. `inspect` comes at the end of the
 * trouble, with what was said and done since it began; after it the step is done, and so are all later ones.
 */
export async function liveThrough(
  world: FaultyWorld,
  { begin, end, lasts }: Trouble,
  troubled: Step,
  inspect: (seen: { readonly reasons: readonly string[]; readonly seq: number }) => void,
): Promise<void> {
  for (const step of life) {
    if (step !== troubled) {
      await take(world, step);
      continue;
    }
    const [seq, versions] = [world.seq, world.cluster.versions.length];
    await begin(world);
    step.ask(world);
    await world.clock.advance(lasts);
    inspect({ reasons: world.reasons('web', versions), seq });
    world.judge();
    end?.(world);
    world.emulator.clearFaults();
    await world.clock.advance(patience);
    expectDone(world, step);
    world.judge();
  }
}
