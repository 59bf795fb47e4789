/** The figures of each part of a run, with floor and limit. Pure. */
import { cpuRatios } from './costs.ts';
import { type Span, sumWithout } from './readings.ts';
import type {
  Attack,
  Burst,
  ComparedWrite,
  Flip,
  Left,
  Measured,
  Mishaps,
  Outage,
  Results,
  Start,
  WriteCosts,
} from './results.ts';
import type { Figure, Section } from './table.ts';
import { waiting } from './targets.ts';
import { summarize } from './times.ts';

/** The operator's default polling interval: seconds. */
const urgentPoll = 1;
/** The idle poll is 60 s and varies by a tenth. */
const shortestIdlePoll = 54;

const catalog = ['ListRegions', 'ListPackages', 'ListOsTemplates'];

/**
 * A median is compared with the PATCH of the same run, with a generous limit: an unnecessary wait exceeds it, and a
 * busy host doesn't.
 */
const tripwire = 5;

/** Every part of a run, in the order in which it ran. */
export function sectionsOf(results: Results): readonly Section[] {
  const {
    size,
    starts,
    writeCosts,
    steady,
    flips,
    flipping,
    bursts,
    bursting,
    attack,
    creating,
    deleting,
    outage,
    mishaps,
  } = results;
  return [
    ...(writeCosts === undefined ? [] : [figuresOfWriteCosts(writeCosts)]),
    figuresOfStarts(size, starts),
    figuresOfSteadyState(size, steady),
    figuresOfFlips(flips, flipping),
    figuresOfBursts(bursts, bursting),
    ...(attack === undefined ? [] : [figuresOfAttack(flips, attack)]),
    figuresOfCreates(creating.withPassword, true),
    figuresOfCreates(creating.withoutPassword, false),
    figuresOfDeletes(deleting, deleting.left),
    figuresOfOutage(outage),
    figuresOfMishaps(mishaps),
  ];
}

export function figuresOfWriteCosts(costs: WriteCosts): Section {
  const { writes, bytes, rounds } = costs;
  const p50 = (of: (write: ComparedWrite) => number, kind: 'spec' | 'status'): number =>
    summarize(rounds.map((round) => 1_000 * of(round[kind]))).p50;
  const cpu = (kind: 'spec' | 'status', program: 'apiServer' | 'etcd', name: string): Figure => {
    const ratio = cpuRatios(costs, kind, program);
    return {
      what: `CPU of ${name} per ${kind} PATCH, p50`,
      measured: p50(({ own }) => own[program], kind),
      digits: 1,
      unit: 'ms',
      floor: p50(({ plain }) => plain[program], kind),
      note: `${ratio.p50.toFixed(2)} × a plain custom resource; ${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)} ×`,
    };
  };
  return {
    title: `${rounds.length} × ${writes} writes without an operator`,
    figures: [
      { what: 'size of an object', measured: bytes.own, unit: 'B', floor: bytes.plain, note: 'with managedFields' },
      cpu('spec', 'apiServer', 'kube-apiserver'),
      cpu('status', 'apiServer', 'kube-apiserver'),
      cpu('spec', 'etcd', 'etcd'),
      cpu('status', 'etcd', 'etcd'),
    ],
  };
}

export function figuresOfStarts(size: number, starts: readonly Start[]): Section {
  const time = summarize(starts.map(({ milliseconds }) => milliseconds / 1_000));
  const list = summarize(starts.map(({ listMilliseconds }) => listMilliseconds / 1_000));
  const peaks = starts.map(({ peakBytes }) => peakBytes).filter((bytes) => bytes !== undefined);
  const spans = starts.map(({ span }) => span);
  const sum = (count: (span: Span) => number): number => spans.reduce((total, span) => total + count(span), 0);
  return {
    title: `${starts.length} starts with ${size} VMs`,
    figures: [
      {
        what: 'ListMachines per start',
        measured: sum(({ provider }) => provider['ListMachines'] ?? 0) / starts.length,
        digits: 1,
        floor: 1,
        must: { notExceed: 2 },
        note: 'a second one if the first started before the last object was known',
      },
      {
        what: 'other provider calls',
        measured: sum(({ provider }) => sumWithout(provider, 'ListMachines')),
        floor: 0,
        must: { equal: 0 },
      },
      {
        what: 'Kubernetes writes',
        measured: sum(({ kubernetesWrites: writes }) => sumWithout(writes, 'leases')),
        floor: 0,
        must: { equal: 0 },
        note: 'everything is in sync',
      },
      {
        what: 'reconciliations per object',
        measured: sum(({ passes }) => passes) / starts.length / size,
        digits: 2,
        floor: 1,
      },
      {
        what: 'a list in pages alone, p50',
        measured: list.p50,
        digits: 2,
        unit: 's',
        note: `${list.min.toFixed(2)}–${list.max.toFixed(2)} s`,
      },
      {
        what: 'start → all observed, p50',
        measured: time.p50,
        digits: 2,
        unit: 's',
        floor: list.p50,
        note: `${(time.p50 / list.p50).toFixed(1)} × the list; ${time.min.toFixed(2)}–${time.max.toFixed(2)} s`,
      },
      {
        what: 'CPU until idle',
        measured: sum(({ cpuSeconds }) => cpuSeconds) / starts.length,
        digits: 2,
        unit: 's',
      },
      ...(peaks.length === 0
        ? []
        : [
            {
              what: 'peak memory, p50',
              measured: summarize(peaks).p50 / 2 ** 20,
              unit: 'MiB',
              note: 'resident memory',
            },
          ]),
    ],
  };
}

/**
 * With a password Secret at the default rate of calls, without one at no rate. One that waits for the rate limit for
 * more than a second reports that.
 */
export function figuresOfCreates({ objects, busySeconds, span }: Measured, hasPassword: boolean): Section {
  const most = hasPassword ? 5 + waiting(objects) / objects : 4;
  return {
    title: `${objects} creates, ${hasPassword ? 'with a password Secret' : 'without a password Secret'}`,
    figures: [
      exactly(span, 'CreateMachine', objects),
      lists(span, busySeconds, 1),
      singleReads(span, busySeconds),
      {
        what: 'catalog',
        measured: sumOf(span, catalog),
        floor: 0,
        must: { notExceed: 3 },
        note: 'each list once, unless already known',
      },
      noOther(span, ['CreateMachine', 'ListMachines', 'GetMachine', ...catalog]),
      ...kubernetesWrites(span, 'create', objects, { floor: hasPassword ? 3 : 2, most }),
    ],
  };
}

export function figuresOfSteadyState(objects: number, span: Span): Section {
  const polls = Math.floor(span.seconds / shortestIdlePoll) + 1;
  return {
    title: `${objects} VMs, ${span.seconds.toFixed(0)} s idle`,
    figures: [
      {
        what: 'ListMachines',
        measured: span.provider['ListMachines'] ?? 0,
        floor: Math.floor(span.seconds / 60),
        must: { notExceed: polls },
        note: 'one a minute, for any number of VMs',
      },
      noOther(span, ['ListMachines']),
      {
        what: 'Kubernetes writes',
        measured: sumWithout(span.kubernetesWrites, 'leases'),
        floor: 0,
        must: { equal: 0 },
      },
      ...leases(span),
      {
        what: 'reconciliations',
        measured: span.passes,
        floor: 0,
        must: { equal: 0 },
        note: 'a list requeues only objects whose VM changed',
      },
      { what: 'CPU of the operator', measured: span.cpuSeconds, digits: 2, unit: 's', floor: 0 },
      { what: 'memory of the operator', measured: span.residentBytes / 2 ** 20, unit: 'MiB', note: 'resident memory' },
    ],
  };
}

/** `calm`: the same power changes without an attack. */
export function figuresOfAttack(calm: readonly Flip[], { flips, rounds, peakBytes }: Attack): Section {
  const before = summarize(calm.map(({ reaction }) => reaction));
  const probe = summarize(flips.map((flip) => flip.probe));
  const reaction = summarize(flips.map((flip) => flip.reaction));
  return {
    title: `${flips.length} power changes while another tenant changes ${rounds} keys and values of 100 kB`,
    figures: [
      {
        what: 'a PATCH alone, p50',
        measured: probe.p50,
        digits: 1,
        unit: 'ms',
        note: `${probe.min.toFixed(1)}–${probe.max.toFixed(1)} ms; the API server is under attack too`,
      },
      {
        what: 'PATCH sent → provider called, p50',
        measured: reaction.p50,
        unit: 'ms',
        floor: probe.p50,
        note: `${(reaction.p50 / probe.p50).toFixed(1)} × the PATCH; ${before.p50} ms without the attack`,
      },
      { what: 'PATCH sent → provider called, p99', measured: reaction.p99, unit: 'ms', floor: probe.p50 },
      ...(peakBytes === undefined
        ? []
        : [{ what: 'peak memory, resident', measured: peakBytes / 2 ** 20, unit: 'MiB', must: { notExceed: 384 } }]),
    ],
  };
}

export function figuresOfFlips(flips: readonly Flip[], { busySeconds, span }: Measured): Section {
  const { length } = flips;
  const probe = summarize(flips.map((flip) => flip.probe));
  const reaction = summarize(flips.map((flip) => flip.reaction));
  const ratio = (value: number): string => `${(value / probe.p50).toFixed(1)} × the PATCH`;
  const writes = { floor: 1, most: 2 };
  return {
    title: `${length} power changes, one at a time`,
    figures: [
      exactly(span, 'StopMachine', length / 2),
      exactly(span, 'StartMachine', length / 2),
      lists(span, busySeconds, 0),
      singleReads(span, busySeconds),
      noOther(span, ['StopMachine', 'StartMachine', 'ListMachines', 'GetMachine']),
      ...kubernetesWrites(span, 'power change', length, writes),
      {
        what: 'a PATCH alone, p50',
        measured: probe.p50,
        digits: 1,
        unit: 'ms',
        note: `${probe.min.toFixed(1)}–${probe.max.toFixed(1)} ms; the same change to an object that is not watched`,
      },
      {
        what: 'PATCH sent → provider called, p50',
        measured: reaction.p50,
        unit: 'ms',
        floor: probe.p50,
        must: { notExceed: Math.round(tripwire * probe.p50) },
        note: `${ratio(reaction.p50)}; ${reaction.min}–${reaction.max} ms`,
      },
      {
        what: 'PATCH sent → provider called, p99',
        measured: reaction.p99,
        unit: 'ms',
        floor: probe.p50,
        note: `${ratio(reaction.p99)}${reaction.p99 === reaction.max ? `; the slowest of ${length}` : ''}`,
      },
      ...figuresOfInside(flips),
    ],
  };
}

function figuresOfInside(flips: readonly Flip[]): readonly Figure[] {
  const inside = flips.flatMap((flip) => flip.inside ?? []);
  if (inside.length === 0) return [];
  const request = summarize(inside.map((one) => one.request)).p50;
  const hops = summarize(inside.map(({ eventToCall }) => eventToCall));
  return (['p50', 'p99'] as const).map((part) => ({
    what: `event at a bare watch → provider called, ${part}`,
    measured: hops[part],
    digits: 2,
    unit: 'ms',
    floor: request,
    note: `${(hops[part] / request).toFixed(1)} × a bare request to the provider`,
  }));
}

export function figuresOfBursts(bursts: readonly Burst[], { objects, busySeconds, span }: Measured): Section {
  const each = objects / bursts.length;
  const probes = bursts.map(({ probe }) => probe);
  return {
    title: `${each} power changes at once, ${bursts.length} times`,
    figures: [
      exactly(span, 'StopMachine', objects / 2),
      exactly(span, 'StartMachine', objects / 2),
      lists(span, busySeconds, bursts.length),
      singleReads(span, busySeconds),
      noOther(span, ['StopMachine', 'StartMachine', 'ListMachines', 'GetMachine']),
      ...kubernetesWrites(span, 'power change', objects, { floor: 1, most: 2 }),
      timesOf('as many PATCHes alone', probes),
      timesOf(
        'the PATCHes of the burst',
        bursts.map(({ patches }) => patches),
      ),
      timesOf(
        'first PATCH → last call',
        bursts.map(({ lastCall }) => lastCall),
        summarize(probes).p50,
      ),
    ],
  };
}

export function figuresOfDeletes({ objects, busySeconds, span }: Measured, left: Left): Section {
  return {
    title: `${objects} deletes`,
    figures: [
      exactly(span, 'StopMachine', objects),
      exactly(span, 'DeleteMachine', objects),
      singleReads(span, busySeconds, objects),
      // One shows that all are halted, one that all are gone.
      lists(span, busySeconds, 2),
      noOther(span, ['StopMachine', 'DeleteMachine', 'GetMachine', 'ListMachines']),
      ...kubernetesWrites(span, 'delete', objects, { floor: 1, most: 2.5 }),
      { what: 'objects left', measured: left.objects, floor: 0, must: { equal: 0 } },
      { what: 'VMs left', measured: left.machines, floor: 0, must: { equal: 0 } },
    ],
  };
}

export function figuresOfOutage({ downSeconds, milliseconds, afterList, restarts }: Outage): Section {
  return {
    title: `API server unavailable for ${downSeconds} s`,
    figures: [
      { what: 'starts of the operator', measured: restarts, floor: 0, must: { equal: 0 }, note: 'the operator waits' },
      {
        what: 'PATCH sent → provider called',
        measured: milliseconds / 1_000,
        digits: 1,
        unit: 's',
        note: 'the first PATCH that the API server accepted afterwards',
      },
      ...(afterList === undefined
        ? []
        : [
            {
              what: 'first list answered to a bare client → provider called',
              measured: afterList / 1_000,
              digits: 1,
              unit: 's',
              note: 'a list of one object; from the PATCH if that was later',
            },
          ]),
    ],
  };
}

export function figuresOfMishaps({ duplicates, forbidden }: Mishaps): Section {
  return {
    title: 'the whole run',
    figures: [
      { what: 'duplicate VM names', measured: duplicates, floor: 0, must: { equal: 0 } },
      { what: 'calls that the VM state does not allow', measured: forbidden, floor: 0, must: { equal: 0 } },
    ],
  };
}

function exactly({ provider }: Span, operation: string, count: number, note?: string): Figure {
  const measured = provider[operation] ?? 0;
  return { what: operation, measured, floor: count, must: { equal: count }, ...(note === undefined ? {} : { note }) };
}

/** At most one list for each poll; the first comes immediately, and the last may start as the time ends. */
function lists({ provider }: Span, busySeconds: number, floor: number): Figure {
  return {
    what: 'ListMachines',
    measured: provider['ListMachines'] ?? 0,
    floor,
    must: { notExceed: Math.ceil(busySeconds / urgentPoll) + 1 },
    note: `at most one a second, in ${busySeconds.toFixed(1)} s`,
  };
}

/** The maximum number of VMs that are read one by one instead of a list. */
const maxSingleReads = 16;

/**
 * Instead of lists, when there are many VMs and few of them change; and for each deleted VM the 404 that confirms it.
 */
function singleReads({ provider }: Span, busySeconds: number, gone = 0): Figure {
  return {
    what: 'GetMachine',
    measured: provider['GetMachine'] ?? 0,
    floor: gone,
    must: { from: gone, notExceed: gone + maxSingleReads * (Math.ceil(busySeconds / urgentPoll) + 1) },
    note: gone === 0 ? 'instead of lists' : 'the 404 that confirms the deletion, and instead of lists',
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

/** The median of several measurements. `floor`: what it is compared with. */
function timesOf(what: string, values: readonly number[], floor?: number): Figure {
  const { p50, min, max } = summarize(values);
  const times = floor === undefined ? '' : `${(p50 / floor).toFixed(1)} × the PATCHes; `;
  const note = `${times}${min.toFixed(1)}–${max.toFixed(1)} s`;
  return { what, measured: p50, digits: 1, unit: 's', ...(floor === undefined ? {} : { floor }), note };
}

/** Renewals of the Lease: their number doesn't depend on the number of VMs. */
function leases({ kubernetesWrites: { leases: measured }, seconds }: Span): readonly Figure[] {
  return measured === undefined
    ? []
    : [{ what: '  leases', measured, note: `renewals in ${seconds.toFixed(0)} s, not counted as writes` }];
}

/** All writes except events, which are best effort, and Leases; then each resource separately. */
function kubernetesWrites(
  { kubernetesWrites: counts }: Span,
  each: string,
  times: number,
  { floor, most }: { readonly floor: number; readonly most: number },
): readonly Figure[] {
  return [
    {
      what: `Kubernetes writes per ${each}`,
      measured: sumWithout(counts, 'events', 'leases') / times,
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
