import type { FaultRule } from '../../emulator/fault-rule.ts';
import { createRandom, type Random } from '../../emulator/random.ts';
import type { Behaviour } from '../../emulator/behaviour.ts';
import type { PowerCommand } from '../../emulator/transitions.ts';
import type { Api } from '../../test/support/wire-signature.ts';
import type { Point, Treatment } from '../../test/support/wire-proxy.ts';

export interface ScheduleOptions {
  readonly seed: number;
  /** How long things go on. */
  readonly seconds: number;
  readonly objects: number;
}

/** What somebody wants of an object: parts of its spec. */
export interface Wish {
  readonly powerState: 'Running' | 'Halted';
  readonly mode: 'TrySoft' | 'Hard' | 'Soft';
  /** Restarts a machine that runs by then, once. */
  readonly restartRequest?: string;
}

/** What an admission policy does that alters a write: the finalizers in it are gone. */
export interface Alteration {
  readonly kind: 'strip finalizers';
}

/** Something that happens, to whomever. */
export type Deed =
  /** The object shall be there, and so: made, or changed, or made anew once it is gone. */
  | { readonly kind: 'apply'; readonly object: string; readonly wish: Wish }
  | { readonly kind: 'delete'; readonly object: string }
  /** At the provider's own panel, to whatever machine the object has just then. */
  | { readonly kind: 'person'; readonly object: string; readonly does: PowerCommand | 'delete' }
  /** One operator: at once, or whichever is the next that asks an API for a change. The `one` counts from 0, in a circle. */
  | { readonly kind: 'kill'; readonly at: { readonly api: Api; readonly point: Point } }
  | { readonly kind: 'kill'; readonly one: number }
  /** The next requests of this kind are treated so. */
  | {
      readonly kind: 'wire';
      readonly api: Api | 'lease';
      readonly changes: boolean;
      readonly times: number;
      readonly treatment: Treatment | Alteration;
    }
  | { readonly kind: 'cut watches' }
  /** Somebody else writes his name into the Lease, and says no more. */
  | { readonly kind: 'rob lease' }
  /** The API server ends as in a crash, and comes back. */
  | { readonly kind: 'restart API server' }
  /** Faults of the provider's own. */
  | { readonly kind: 'fault'; readonly rule: FaultRule }
  | { readonly kind: 'switches'; readonly switches: Partial<Behaviour> }
  /** The provider denies the VMs of these objects that are on record, in lists and by their ids, for so many milliseconds. */
  | { readonly kind: 'denial'; readonly objects: readonly string[]; readonly milliseconds: number }
  /** The next create creates the VM and is answered with this status, as when a proxy repeats it. Lists show the VM at once. */
  | { readonly kind: 'refused create'; readonly status: number }
  /** The object is deleted together with the Secret that its key is in, which is back after so many milliseconds. */
  | { readonly kind: 'delete with Secret'; readonly object: string; readonly milliseconds: number };

/** `at`: milliseconds from the beginning. */
export type Step = Deed & { readonly after: number };

/** How the provider behaves when nothing is made difficult. */
export const calm = {
  deniedNames: '',
  listLag: 0,
  getLag: 0,
  deletedListLag: 0,
  createAnswer: 'machine',
} as const satisfies Partial<Behaviour>;

/** A new VM is shown at once. */
export const prompt = { listLag: 0, getLag: 0 } as const satisfies Partial<Behaviour>;

/** How long the operator is told that a new machine may be missing from the list: milliseconds. No lag reaches it. */
export const visibilityWindow = 3_000;
const longestLag = 2_500;

/** How it behaves to begin with: the first lists after a create call whose answer was lost say nothing about the machine. */
export const rough = { listLag: longestLag } as const satisfies Partial<Behaviour>;

/** Guests are as the names of their objects say, so that whatever else happens follows from the schedule. */
export const guests = {
  ignoresShutdownNames: '^deaf-',
  bootLoopNames: '^loop-',
  bootLoopAfter: 400,
  bootLoopCount: 1,
} as const satisfies Partial<Behaviour>;

/** Objects that nobody deletes, nor their VMs: a finalizer is released with the evidence of one list, so a denial would leave the VM behind. */
const kept = 'kept-';

/** Longer than the operator is told to wait before it recreates a VM, no denial lasts: milliseconds. */
const longestDenial = 3_000;

/** A stream of deeds, about `every` so many milliseconds one. Each draws from chance of its own. */
interface Stream {
  readonly every: number;
  make(random: Random, objects: readonly string[]): Deed;
}

/** As much as leaves the operator a few seconds now and then to get something done: one that never gets to act does nothing wrong. */
const streams: readonly Stream[] = [
  { every: 400, make: (random, objects) => apply(random, pick(random, objects)) },
  { every: 1_500, make: (random, objects) => ({ kind: 'delete', object: pick(random, deletable(objects)) }) },
  {
    every: 2_000,
    make: (random, objects) => ({
      kind: 'person',
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
  { every: 5_000, make: (random) => ({ kind: 'switches', switches: behaviour(random) }) },
  { every: 4_000, make: (random) => wire(random, 'lease') },
  { every: 30_000, make: () => ({ kind: 'rob lease' }) },
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

/** How long a kill, a fault or a treatment waits for a request that it fits: milliseconds. Or they would gather while there are few. */
export const waitsFor = 3_000;

/** What happens when, and nothing else decides about it: the same options, the same schedule. Pure. In order of time. */
export function createSchedule({ seed, seconds, objects }: ScheduleOptions): readonly Step[] {
  const end = seconds * 1_000;
  const names = objectsOf({ seed, objects });
  const steps: Step[] = appear(seed, names, end / 5);
  for (const [index, stream] of streams.entries()) {
    const random = chance(seed, index + 2);
    const pause = (): number => random.between(Math.floor(stream.every / 2), Math.ceil(stream.every * 1.5));
    for (let after = pause(); after < end; after += pause()) steps.push({ ...stream.make(random, names), after });
  }
  // Of deeds at one moment, those that were listed first come first.
  return steps.toSorted((a, b) => a.after - b.after);
}

/**
 * Their names: one in ten has a guest that ignores the shutdown signal, one in ten one that does not stay up at first, and one in ten
 * is never deleted.
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

function apply(random: Random, object: string): Deed {
  // Soft never cuts the power, so a guest that ignores the signal would run for ever.
  const mode = pick(random, object.startsWith('deaf-') ? ['TrySoft', 'Hard'] : ['TrySoft', 'TrySoft', 'Soft', 'Hard']);
  const powerState = pick(random, ['Running', 'Running', 'Halted']);
  const restart = random.between(1, 4) === 1 ? { restartRequest: `request-${random.between(1, 1_000_000)}` } : {};
  return { kind: 'apply', object, wish: { powerState, mode, ...restart } };
}

function kill(random: Random): Deed {
  const api = pick(random, ['kubernetes', 'provider', undefined]);
  const point = pick(random, ['before', 'effect', 'answered']);
  return api === undefined ? { kind: 'kill', one: random.between(0, 1) } : { kind: 'kill', at: { api, point } };
}

/** A silence on the side of Kubernetes lasts until the operator's patience ends, so there are few. */
function wire(random: Random, api: Api | 'lease'): Deed {
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

/** All objects, if there are so few that all are kept. */
function deletable(objects: readonly string[]): readonly string[] {
  const others = objects.filter((name) => !name.startsWith(kept));
  return others.length === 0 ? objects : others;
}

function denial(random: Random, objects: readonly string[]): Deed {
  const denied = objects.filter((name) => name.startsWith(kept) && random.between(0, 2) > 0);
  return { kind: 'denial', objects: denied, milliseconds: random.between(200, longestDenial) };
}

/** An admission policy that refuses writes for a while, or alters them. */
function policy(random: Random): Deed {
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

/** The one call that bills, and must not be repeated: its answer is lost in every way there is. */
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

function behaviour(random: Random): Partial<Behaviour> {
  return pick<Partial<Behaviour>>(random, [
    { listLag: random.between(1_000, longestLag) },
    { getLag: random.between(100, longestLag) },
    { deletedListLag: random.between(100, longestLag) },
    { createAnswer: pick(random, ['id', 'success', 'empty']) },
    { ignoredStop: pick(random, ['stays-halting', 'back-to-running', 'stays-running']) },
    { stopTask: pick(random, ['ends-with-signal', 'lasts-until-halted']) },
    calm,
    rough,
    rough,
    rough,
  ]);
}

function chance(seed: number, stream: number): Random {
  return createRandom(Math.imul(seed, 2_654_435_761) ^ Math.imul(stream + 1, 40_503));
}

function pick<const T>(random: Random, from: readonly T[]): T {
  return from[random.between(0, from.length - 1)] as T; // the index is within
}
