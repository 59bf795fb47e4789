import type { FaultRule } from '../../emulator/fault-rule.ts';
import { createRandom, type Random } from '../../emulator/random.ts';
import type { Behavior } from '../../emulator/behavior.ts';
import type { PowerCommand } from '../../emulator/transitions.ts';
import type { Api } from '../../test/support/wire-signature.ts';
import type { Point, Treatment } from '../../test/support/wire-proxy.ts';

export interface ScheduleOptions {
  readonly seed: number;
  /** Duration of the run. */
  readonly seconds: number;
  readonly objects: number;
}

/** The desired state of an object: parts of its spec. */
export interface DesiredState {
  readonly powerState: 'Running' | 'Halted';
  readonly mode: 'TrySoft' | 'Hard' | 'Soft';
  /** Restarts the VM once, if it is running by then. */
  readonly restartRequest?: string;
}

/** What a mutating admission policy does to a write: it removes the finalizers. */
export interface Alteration {
  readonly kind: 'strip finalizers';
}

/** One event of the schedule. */
export type SoakAction =
  /** Creates or changes the object, or recreates it once a deleted one is gone. */
  | { readonly kind: 'apply'; readonly object: string; readonly desired: DesiredState }
  | { readonly kind: 'delete'; readonly object: string }
  /** In the provider's control panel, to the VM that the object has at that time. */
  | { readonly kind: 'console'; readonly object: string; readonly does: PowerCommand | 'delete' }
  /**
   * Kills one operator: immediately by its number (modulo the number of operators), or the next that sends an API a
   * request with an effect.
   */
  | { readonly kind: 'kill'; readonly at: { readonly api: Api; readonly point: Point } }
  | { readonly kind: 'kill'; readonly one: number }
  /** A fault for the next requests of this kind. */
  | {
      readonly kind: 'wire';
      readonly api: Api | 'lease';
      readonly changes: boolean;
      readonly times: number;
      readonly treatment: Treatment | Alteration;
    }
  | { readonly kind: 'cut watches' }
  /** A process that never releases it takes over the Lease. */
  | { readonly kind: 'steal lease' }
  /** The API server is killed, and restarted. */
  | { readonly kind: 'restart API server' }
  /** A fault or a switch of the emulated provider. */
  | { readonly kind: 'fault'; readonly rule: FaultRule }
  | { readonly kind: 'switches'; readonly switches: Partial<Behavior> }
  /** The provider hides the recorded VMs of these objects, in lists and by their ids, for this many milliseconds. */
  | { readonly kind: 'denial'; readonly objects: readonly string[]; readonly milliseconds: number }
  /**
   * The next create creates the VM and is answered with this status, as when a proxy repeats it. Lists show the VM
   * immediately.
   */
  | { readonly kind: 'refused create'; readonly status: number }
  /** The object is deleted together with the Secret of its key, which is restored after this many milliseconds. */
  | { readonly kind: 'delete with Secret'; readonly object: string; readonly milliseconds: number };

/** `after`: milliseconds from the start. */
export type Step = SoakAction & { readonly after: number };

/** The provider's behavior without difficulties. */
export const undisturbed = {
  deniedNames: '',
  listLag: 0,
  getLag: 0,
  deletedListLag: 0,
  createAnswer: 'machine',
} as const satisfies Partial<Behavior>;

/** A new VM is listed immediately. */
export const withoutLag = { listLag: 0, getLag: 0 } as const satisfies Partial<Behavior>;

/** The operator's visibility window in milliseconds. It is longer than any lag. */
export const visibilityWindow = 3_000;
const longestLag = 2_500;

/** The provider's initial behavior: the first lists after a create call whose response was lost don't show the VM. */
export const lagging = { listLag: longestLag } as const satisfies Partial<Behavior>;

/** Guests behave by the names of their objects, so that the schedule determines everything. */
export const guests = {
  ignoresShutdownNames: '^deaf-',
  bootLoopNames: '^loop-',
  bootLoopAfter: 400,
  bootLoopCount: 1,
} as const satisfies Partial<Behavior>;

/**
 * Prefix of objects that are never deleted, nor their VMs: a finalizer is released with the evidence of one list, so a
 * denial would leave the VM behind.
 */
const kept = 'kept-';

/** No denial lasts longer than the operator waits before it recreates a VM: milliseconds. */
const longestDenial = 3_000;

/** A stream of actions, one about every `every` milliseconds, with separate random numbers. */
interface Stream {
  readonly every: number;
  make(random: Random, objects: readonly string[]): SoakAction;
}

/** Sparse enough that the operator makes progress: an operator that never gets to act would pass every check. */
const streams: readonly Stream[] = [
  { every: 400, make: (random, objects) => apply(random, pick(random, objects)) },
  { every: 1_500, make: (random, objects) => ({ kind: 'delete', object: pick(random, deletable(objects)) }) },
  {
    every: 2_000,
    make: (random, objects) => ({
      kind: 'console',
      object: pick(random, deletable(objects)),
      does: pick(random, ['start', 'stop', 'restart', 'kill', 'kill', 'delete']),
    }),
  },
  { every: 12_000, make: (random) => kill(random) },
  { every: 1_000, make: (random) => wire(random, 'provider') },
  { every: 2_500, make: (random) => wire(random, 'kubernetes') },
  { every: 10_000, make: () => ({ kind: 'cut watches' }) },
  { every: 2_500, make: (random) => ({ kind: 'fault', rule: fault(random) }) },
  { every: 2_000, make: (random) => ({ kind: 'fault', rule: lostCreate(random) }) },
  { every: 5_000, make: (random) => ({ kind: 'switches', switches: behavior(random) }) },
  { every: 4_000, make: (random) => wire(random, 'lease') },
  { every: 30_000, make: () => ({ kind: 'steal lease' }) },
  { every: 80_000, make: () => ({ kind: 'restart API server' }) },
  { every: 24_000, make: (random, objects) => denial(random, objects) },
  { every: 6_000, make: (random) => ({ kind: 'refused create', status: pick(random, [400, 409, 422]) }) },
  { every: 4_000, make: (random) => policy(random) },
  {
    every: 20_000,
    make: (random, objects) => ({
      kind: 'delete with Secret',
      object: pick(random, deletable(objects)),
      milliseconds: random.between(500, 3_000),
    }),
  },
];

/**
 * How long a kill or fault waits for a matching request, in milliseconds. Without a limit, they would accumulate while
 * there are few requests.
 */
export const waitsFor = 3_000;

/** The complete schedule, in order of time: the same options give the same schedule. Pure. */
export function createSchedule({ seed, seconds, objects }: ScheduleOptions): readonly Step[] {
  const end = seconds * 1_000;
  const names = objectsOf({ seed, objects });
  const steps: Step[] = appear(seed, names, end / 5);
  for (const [index, stream] of streams.entries()) {
    const random = chance(seed, index + 2);
    const pause = (): number => random.between(Math.floor(stream.every / 2), Math.ceil(stream.every * 1.5));
    for (let after = pause(); after < end; after += pause()) steps.push({ ...stream.make(random, names), after });
  }
  // Actions at the same time keep the order of the streams.
  return steps.toSorted((a, b) => a.after - b.after);
}

/**
 * The names of the objects: one in ten has a guest that ignores the shutdown signal, one in ten one that halts again at
 * first, and one in ten is never deleted.
 */
export function objectsOf({ seed, objects }: Pick<ScheduleOptions, 'seed' | 'objects'>): readonly string[] {
  const random = chance(seed, 0);
  return Array.from({ length: objects }, (_, index) => {
    const guest = pick(random, ['deaf', 'loop', 'kept', 'vm', 'vm', 'vm', 'vm', 'vm', 'vm', 'vm']);
    return `${guest}-${String(index + 1).padStart(3, '0')}`;
  });
}

function appear(seed: number, names: readonly string[], within: number): Step[] {
  const random = chance(seed, 1);
  return names.map((object, index) => {
    const after = Math.floor((index * within) / names.length);
    return { ...apply(random, object), after };
  });
}

function apply(random: Random, object: string): SoakAction {
  // Soft never cuts the power, so a guest that ignores the signal would run permanently.
  const mode = pick(random, object.startsWith('deaf-') ? ['TrySoft', 'Hard'] : ['TrySoft', 'TrySoft', 'Soft', 'Hard']);
  const powerState = pick(random, ['Running', 'Running', 'Halted']);
  const restart = random.between(1, 4) === 1 ? { restartRequest: `request-${random.between(1, 1_000_000)}` } : {};
  return { kind: 'apply', object, desired: { powerState, mode, ...restart } };
}

function kill(random: Random): SoakAction {
  const api = pick(random, ['kubernetes', 'provider', undefined]);
  const point = pick(random, ['before', 'effect', 'answered']);
  return api === undefined ? { kind: 'kill', one: random.between(0, 1) } : { kind: 'kill', at: { api, point } };
}

/** A request to Kubernetes without response lasts until the operator's timeout, so there are few. */
function wire(random: Random, api: Api | 'lease'): SoakAction {
  const at = pick(random, ['before', 'effect']);
  const milliseconds = random.between(100, 1_500);
  const treatment = pick<Treatment>(random, [
    { kind: 'reset', at },
    { kind: 'reset', at },
    { kind: 'delay', at, milliseconds },
    { kind: 'delay', at, milliseconds },
    { kind: 'refuse', status: pick(random, [500, 502, 503]) },
    { kind: 'refuse', status: 429, retryAfter: '1' },
    api === 'provider' || random.between(1, 10) === 1 ? { kind: 'hang', at } : { kind: 'reset', at },
  ]);
  return { kind: 'wire', api, changes: random.between(0, 2) > 0, times: random.between(1, 3), treatment };
}

/** All objects, if there are so few that all are of the kind that is never deleted. */
function deletable(objects: readonly string[]): readonly string[] {
  const others = objects.filter((name) => !name.startsWith(kept));
  return others.length === 0 ? objects : others;
}

function denial(random: Random, objects: readonly string[]): SoakAction {
  const denied = objects.filter((name) => name.startsWith(kept) && random.between(0, 2) > 0);
  return { kind: 'denial', objects: denied, milliseconds: random.between(200, longestDenial) };
}

/** An admission policy that refuses or changes writes for a while. */
function policy(random: Random): SoakAction {
  const reason = pick(random, ['Invalid', 'Forbidden']);
  const message = 'denied by a policy of the soak';
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message };
  const refusal = { kind: 'refuse', status: reason === 'Invalid' ? 422 : 403, body } as const;
  const treatment = pick<Treatment | Alteration>(random, [refusal, refusal, { kind: 'strip finalizers' }]);
  return { kind: 'wire', api: 'kubernetes', changes: true, times: random.between(1, 3), treatment };
}

function fault(random: Random): FaultRule {
  return pick<FaultRule>(random, [
    { when: 'after', method: 'POST', action: { kind: 'status', status: 500, body: 'oops' } },
    { when: 'after', method: 'POST', action: { kind: 'truncate' } },
    { when: 'before', method: 'POST', action: { kind: 'hang' } },
    { when: 'after', operation: 'DeleteMachine', action: { kind: 'reset' } },
    { when: 'instead', operation: 'ListMachines', action: { kind: 'status', status: 200, body: '{}' } },
    { when: 'instead', operation: 'ListMachines', action: { kind: 'truncate' } },
    { when: 'after', operation: 'ListMachines', action: { kind: 'drip', bytes: 2_000, everyMs: 20 } },
  ]);
}

/** The only call that incurs charges and must not be repeated: its response is lost in every possible way. */
function lostCreate(random: Random): FaultRule {
  const action = pick<FaultRule['action']>(random, [
    { kind: 'reset' },
    { kind: 'hang' },
    { kind: 'garbage' },
    { kind: 'truncate' },
    { kind: 'status', status: 500, body: 'oops' },
  ]);
  return { when: 'after', operation: 'CreateMachine', action };
}

function behavior(random: Random): Partial<Behavior> {
  return pick<Partial<Behavior>>(random, [
    { listLag: random.between(1_000, longestLag) },
    { getLag: random.between(100, longestLag) },
    { deletedListLag: random.between(100, longestLag) },
    { createAnswer: pick(random, ['id', 'success', 'empty']) },
    { ignoredStop: pick(random, ['stays-halting', 'back-to-running', 'stays-running']) },
    { stopTask: pick(random, ['ends-with-signal', 'lasts-until-halted']) },
    undisturbed,
    lagging,
    lagging,
    lagging,
  ]);
}

function chance(seed: number, stream: number): Random {
  return createRandom(Math.imul(seed, 2_654_435_761) ^ Math.imul(stream + 1, 40_503));
}

function pick<const T>(random: Random, from: readonly T[]): T {
  return from[random.between(0, from.length - 1)] as T; // `as`: the index is in range.
}
