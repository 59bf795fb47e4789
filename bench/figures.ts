/** From what was read to the figures of the table: which floor, and what each must be. Pure. */
import { type Span, sumWithout } from './readings.ts';
import type { Figure, Section } from './table.ts';
import { summarize } from './times.ts';

/** Between two lists of an account, at the operator's default settings: seconds. */
const urgentPoll = 1;
/** The idle poll is 60 s and varies by a tenth. */
const shortestIdlePoll = 54;

const catalogue = ['ListRegions', 'ListPackages', 'ListOsTemplates'];

/** `busySeconds`: from the first request to the last object being as asked. */
export function figuresOfCreates(objects: number, busySeconds: number, span: Span): Section {
  return {
    title: `${objects} creates`,
    figures: [
      exactly(span, 'CreateMachine', objects),
      lists(span, busySeconds, 1),
      { what: 'catalogue', measured: sumOf(span, catalogue), floor: 3, must: { equal: 3 }, note: 'each list once' },
      noOther(span, ['CreateMachine', 'ListMachines', ...catalogue]),
      ...kubernetesWrites(span, 'create', objects, { floor: 2, most: 5 }),
    ],
  };
}

export function figuresOfSteadyState(objects: number, span: Span): Section {
  const polls = Math.floor(span.seconds / shortestIdlePoll) + 1;
  return {
    title: `${objects} machines, ${span.seconds.toFixed(0)} s of nothing to do`,
    figures: [
      {
        what: 'ListMachines',
        measured: span.provider['ListMachines'] ?? 0,
        floor: Math.floor(span.seconds / 60),
        must: { notExceed: polls },
        note: 'one a minute, however many machines',
      },
      noOther(span, ['ListMachines']),
      { what: 'Kubernetes writes', measured: sumWithout(span.kubernetesWrites), floor: 0, must: { equal: 0 } },
      { what: 'CPU of the operator', measured: span.cpuSeconds, digits: 2, unit: 's', floor: 0 },
      { what: 'memory of the operator', measured: span.residentBytes / 2 ** 20, unit: 'MiB', note: 'resident' },
    ],
  };
}

/** What one flip of spec.powerState took. Milliseconds. */
export interface Flip {
  /** A PATCH like it, made just before on an object that nobody watches, until its answer. */
  readonly probe: number;
  /** From before the PATCH was sent until the provider received the power call. */
  readonly reaction: number;
}

export function figuresOfFlips(flips: readonly Flip[], busySeconds: number, span: Span): Section {
  const { length } = flips;
  const probe = summarize(flips.map((flip) => flip.probe));
  const reaction = summarize(flips.map((flip) => flip.reaction));
  const ratio = (value: number): string => `${(value / probe.p50).toFixed(1)} × the PATCH`;
  return {
    title: `${length} power flips, one after the other`,
    figures: [
      exactly(span, 'StopMachine', length / 2),
      exactly(span, 'StartMachine', length / 2),
      lists(span, busySeconds, length),
      noOther(span, ['StopMachine', 'StartMachine', 'ListMachines']),
      ...kubernetesWrites(span, 'flip', length, { floor: 1, most: 2 }),
      {
        what: 'a PATCH by itself, p50',
        measured: probe.p50,
        digits: 1,
        unit: 'ms',
        note: `${probe.min.toFixed(1)}–${probe.max.toFixed(1)} ms; the same change to an object nobody watches`,
      },
      {
        what: 'PATCH sent → provider called, p50',
        measured: reaction.p50,
        unit: 'ms',
        floor: probe.p50,
        note: `${ratio(reaction.p50)}; ${reaction.min}–${reaction.max} ms`,
      },
      {
        what: 'PATCH sent → provider called, p99',
        measured: reaction.p99,
        unit: 'ms',
        floor: probe.p50,
        note: `${ratio(reaction.p99)}${reaction.p99 === reaction.max ? `; the slowest of ${length}` : ''}`,
      },
    ],
  };
}

export interface Left {
  readonly objects: number;
  readonly machines: number;
}

export function figuresOfDeletes(objects: number, busySeconds: number, span: Span, left: Left): Section {
  return {
    title: `${objects} deletes`,
    figures: [
      exactly(span, 'StopMachine', objects),
      exactly(span, 'DeleteMachine', objects),
      exactly(span, 'GetMachine', objects, 'the 404 that shows it is gone'),
      // One shows that all are halted, one that all are gone.
      lists(span, busySeconds, 2),
      noOther(span, ['StopMachine', 'DeleteMachine', 'GetMachine', 'ListMachines']),
      ...kubernetesWrites(span, 'delete', objects, { floor: 1, most: 2.5 }),
      { what: 'objects left', measured: left.objects, floor: 0, must: { equal: 0 } },
      { what: 'machines left', measured: left.machines, floor: 0, must: { equal: 0 } },
    ],
  };
}

/** What must not have happened in the whole run. */
export interface Mishaps {
  readonly duplicates: number;
  readonly forbidden: number;
}

export function figuresOfMishaps({ duplicates, forbidden }: Mishaps): Section {
  return {
    title: 'the whole run',
    figures: [
      { what: 'names held twice', measured: duplicates, floor: 0, must: { equal: 0 } },
      { what: 'calls in a wrong state', measured: forbidden, floor: 0, must: { equal: 0 } },
    ],
  };
}

function exactly({ provider }: Span, operation: string, count: number, note?: string): Figure {
  const measured = provider[operation] ?? 0;
  return { what: operation, measured, floor: count, must: { equal: count }, ...(note === undefined ? {} : { note }) };
}

/** One list a poll at most; the first comes at once, and the last may begin as the time ends. */
function lists({ provider }: Span, busySeconds: number, floor: number): Figure {
  return {
    what: 'ListMachines',
    measured: provider['ListMachines'] ?? 0,
    floor,
    must: { notExceed: Math.ceil(busySeconds / urgentPoll) + 1 },
    note: `one a second at most, in ${busySeconds.toFixed(1)} s`,
  };
}

function noOther({ provider }: Span, named: readonly string[]): Figure {
  const others = Object.keys(provider).filter((operation) => !named.includes(operation));
  return {
    what: 'other provider calls',
    measured: sumWithout(provider, ...named),
    floor: 0,
    must: { equal: 0 },
    note: others.join(', '),
  };
}

function sumOf({ provider }: Span, operations: readonly string[]): number {
  return operations.reduce((sum, operation) => sum + (provider[operation] ?? 0), 0);
}

/** All but events, which are for people and may be dropped; then each resource by itself. */
function kubernetesWrites(
  { kubernetesWrites: counts }: Span,
  each: string,
  times: number,
  { floor, most }: { readonly floor: number; readonly most: number },
): readonly Figure[] {
  return [
    {
      what: `Kubernetes writes per ${each}`,
      measured: sumWithout(counts, 'events') / times,
      digits: 2,
      floor,
      must: { notExceed: most },
      note: 'without events',
    },
    ...['virtualmachines', 'virtualmachines/status', 'secrets', 'events'].map((resource) => ({
      what: `  ${resource}`,
      measured: (counts[resource] ?? 0) / times,
      digits: 2,
    })),
  ];
}
