/** The goals, compared with the results of a run. Pure. */
import { cpuRatios } from './costs.ts';
import { sumWithout } from './readings.ts';
import type { Flip, Measured, Results } from './results.ts';
import { summarize } from './times.ts';

/** One goal. All columns are text, because their values have different units. */
export interface Target {
  readonly what: string;
  readonly measured: string;
  /** The minimum for any operator. */
  readonly floor: string;
  /** A comparable operator built with controller-runtime, measured once: two cores, 1,000 objects. */
  readonly controllerRuntime: string;
  readonly goal: string;
  readonly isMet: boolean;
  readonly note: string;
}

/** The operator's default rate limit: calls a second, and the burst. */
const rateLimit = { rate: 10, burst: 20 } as const;

/** The chart's memory limit in MiB. */
const memoryLimit = 384;

/** How many of so many calls at once must wait for the rate limit. */
export function waiting(calls: number): number {
  return Math.max(0, calls - rateLimit.burst);
}

/** The minimum number of seconds for so many calls within the rate limit. */
export function rateLimitedFloor(calls: number): number {
  return waiting(calls) / rateLimit.rate;
}

export function targetsOf(results: Results): readonly Target[] {
  return [
    ...countsOf(results),
    ...writeCostsOf(results),
    ...reactionsOf(results),
    ...attackOf(results),
    ...startOf(results),
    ...restOf(results),
  ];
}

function countsOf({ size, steady, creating, bursting, flipping, deleting }: Results): readonly Target[] {
  const { withPassword, withoutPassword } = creating;
  const lists = steady.provider['ListMachines'] ?? 0;
  const reads = (lists / steady.seconds) * 60;
  const writes = sumWithout(steady.kubernetesWrites, 'leases');
  const otherReads = sumWithout(steady.provider, 'ListMachines');
  const createLists = withPassword.span.provider['ListMachines'] ?? 0;
  const calls = (bursting.span.provider['StopMachine'] ?? 0) + (bursting.span.provider['StartMachine'] ?? 0);
  const perTransition = calls / bursting.objects;
  return [
    {
      what: `provider reads a minute, ${size} VMs idle`,
      measured: `${reads.toFixed(1)} lists, ${writes} writes`,
      floor: '1 list',
      controllerRuntime: '923 of 1,000',
      goal: '1 list, 0 writes',
      isMet: reads <= 60 / 54 && otherReads === 0 && writes === 0,
      note: `${lists} in ${steady.seconds.toFixed(0)} s; writes are those to Kubernetes`,
    },
    {
      what: `provider lists for ${withPassword.objects} creates`,
      measured: String(createLists),
      floor: '1 a poll',
      controllerRuntime: '1,000',
      goal: '1 a poll',
      isMet: createLists <= Math.ceil(withPassword.busySeconds) + 1,
      note: `in ${withPassword.busySeconds.toFixed(1)} s; one poll a second while VMs change`,
    },
    {
      what: 'provider writes per power transition',
      measured: perTransition.toFixed(2),
      floor: '1',
      controllerRuntime: '1.0',
      goal: '1.0 exactly',
      isMet: perTransition === 1,
      note: `${bursting.objects} power changes`,
    },
    {
      ...writesOf('create', withPassword, 5 + waiting(withPassword.objects) / withPassword.objects, '2', '3'),
      goal: '≤ 5, and 1 for a wait',
      note: 'finalizer and intent; status record; annotation; password Secret; status when the VM runs; one more if it waits for the rate limit for more than a second',
    },
    {
      ...writesOf('create without a password Secret', withoutPassword, 4, '2', '3'),
      note: 'the same without the Secret',
    },
    {
      ...writesOf('power change', flipping, 2, '1', '2'),
      note: 'status when the call is accepted, and when the VM has changed',
    },
    { ...writesOf('delete', deleting, 2.5, '1', '2.5'), note: 'status that reports the shutdown; finalizer' },
  ];
}

function writeCostsOf({ writeCosts }: Results): readonly Target[] {
  if (writeCosts === undefined) return [];
  return (['spec', 'status'] as const).map((kind) => {
    const { p50, min, max } = cpuRatios(writeCosts, kind, 'apiServer');
    const etcd = cpuRatios(writeCosts, kind, 'etcd');
    return {
      what: `API server CPU per write: ${kind}`,
      measured: `${p50.toFixed(2)} × a plain resource`,
      floor: '1 ×',
      controllerRuntime: '1 ×',
      goal: '≤ 1.3 ×',
      isMet: p50 <= 1.3,
      note: `${min.toFixed(2)}–${max.toFixed(2)} ×; etcd ${etcd.p50.toFixed(2)} ×; objects of ${writeCosts.bytes.own} and ${writeCosts.bytes.plain} bytes`,
    };
  });
}

function writesOf(
  each: string,
  { objects, span }: Measured,
  most: number,
  floor: string,
  controllerRuntime: string,
): Omit<Target, 'note'> {
  const writes = sumWithout(span.kubernetesWrites, 'events', 'leases') / objects;
  return {
    what: `Kubernetes writes per ${each}`,
    measured: writes.toFixed(2),
    floor,
    controllerRuntime,
    goal: `≤ ${most}`,
    isMet: writes <= most,
  };
}

/** A reaction time as a multiple of PATCHes at the same time. */
function ratioOf(flips: readonly Flip[]): number {
  return summarize(flips.map(({ reaction }) => reaction)).p50 / summarize(flips.map(({ probe }) => probe)).p50;
}

/** How much longer a reaction takes under attack, in PATCHes of the same minute: the API server is attacked as well. */
function attackOf({ flips, attack }: Results): readonly Target[] {
  if (attack === undefined) return [];
  const ratio = ratioOf(attack.flips) / ratioOf(flips);
  const peak = (attack.peakBytes ?? Number.NaN) / 2 ** 20;
  return [
    {
      what: 'one hostile tenant: latency of the others',
      measured: `${ratio.toFixed(1)} ×`,
      floor: '1 ×',
      controllerRuntime: '-',
      goal: '≤ 1.5 ×',
      isMet: ratio <= 1.5,
      note: `p50 of ${attack.flips.length} power changes, as a ratio to PATCHes of the same time, during ${attack.rounds} changes of keys and values of 100 kB`,
    },
    {
      what: 'one hostile tenant: peak memory',
      measured: Number.isNaN(peak) ? 'not available' : `${peak.toFixed(0)} MiB`,
      floor: '-',
      controllerRuntime: '-',
      goal: `≤ ${memoryLimit} MiB, the chart's limit`,
      isMet: !(peak > memoryLimit),
      note: 'resident memory',
    },
  ];
}

function reactionsOf({ flips, bursts, creating, outage }: Results): readonly Target[] {
  const probe = summarize(flips.map((flip) => flip.probe));
  const reaction = summarize(flips.map((flip) => flip.reaction));
  const ratio = (part: 'p50' | 'p99'): number => reaction[part] / probe.p50;
  const react = (part: 'p50' | 'p99', most: number, controllerRuntime: string): Target => ({
    what: `spec change → request at the provider, ${part}`,
    measured: `${ratio(part).toFixed(1)} × PATCH`,
    floor: '1 ×',
    controllerRuntime,
    goal: `≤ ${most} ×`,
    isMet: ratio(part) <= most,
    note: `${reaction[part]} ms, compared with ${probe.p50.toFixed(1)} ms (${probe.min.toFixed(1)}–${probe.max.toFixed(1)}) of the PATCH alone; ${flips.length} power changes`,
  });
  const probes = summarize(bursts.map((burst) => burst.probe));
  const lastCalls = summarize(bursts.map(({ lastCall }) => lastCall));
  const burst = lastCalls.p50 / probes.p50;
  const { withPassword } = creating;
  const floor = rateLimitedFloor(withPassword.objects);
  const afterOutage = outage.afterList ?? outage.milliseconds;
  return [
    react('p50', 1.2, '1.2 ×'),
    react('p99', 2, '1.6 ×'),
    ...insideOf(flips),
    {
      what: 'power changes at once → last request at the provider',
      measured: `${burst.toFixed(1)} × PATCHes`,
      floor: '1 ×',
      controllerRuntime: '1.9 × (20 to 10.6 s)',
      goal: '≤ 1.9 ×',
      isMet: burst <= 1.9,
      note: `${lastCalls.p50.toFixed(1)} s (${lastCalls.min.toFixed(1)}–${lastCalls.max.toFixed(1)}), compared with ${probes.p50.toFixed(1)} s of the PATCHes alone`,
    },
    {
      what: `${withPassword.objects} creates`,
      measured: `${withPassword.busySeconds.toFixed(1)} s`,
      floor: `${floor.toFixed(1)} s with the rate limit`,
      controllerRuntime: '-',
      goal: '≤ 1.15 × floor',
      isMet: withPassword.busySeconds <= 1.15 * floor,
      note: `rate limit: ${rateLimit.rate} a second after a burst of ${rateLimit.burst}`,
    },
    {
      what: `API server back after ${outage.downSeconds} s → change at the provider`,
      measured: `${(afterOutage / 1_000).toFixed(1)} s, ${outage.restarts} restarts`,
      floor: '-',
      controllerRuntime: '-',
      goal: '≤ 1 s, no restart',
      isMet: afterOutage <= 1_000 && outage.restarts === 0,
      note: `from when it had accepted the PATCH and answered a list of one object to a bare client; ${(outage.milliseconds / 1_000).toFixed(1)} s from the PATCH`,
    },
  ];
}

function insideOf(flips: readonly Flip[]): readonly Target[] {
  const inside = flips.flatMap((flip) => flip.inside ?? []);
  if (inside.length === 0) return [];
  const request = summarize(inside.map((one) => one.request)).p50;
  const hops = summarize(inside.map(({ eventToCall }) => eventToCall));
  return (
    [
      ['p50', 1],
      ['p99', 3],
    ] as const
  ).map(([part, most]) => ({
    what: `watch event → request at the provider, ${part}`,
    measured: `${hops[part].toFixed(1)} ms`,
    floor: `${request.toFixed(1)} ms, a bare request`,
    controllerRuntime: '-',
    goal: `≤ ${most} ms`,
    isMet: hops[part] <= most,
    note: `${inside.length} power changes, from when a watch that reads nothing received the event`,
  }));
}

function startOf({ size, starts }: Results): readonly Target[] {
  const time = summarize(starts.map(({ milliseconds }) => milliseconds / 1_000));
  const list = summarize(starts.map(({ listMilliseconds }) => listMilliseconds / 1_000));
  const peaks = starts.map(({ peakBytes }) => peakBytes ?? Number.NaN);
  const peak = Math.max(...peaks) / 2 ** 20;
  return [
    {
      what: `start → all ${size} observed`,
      measured: `${time.p50.toFixed(1)} s`,
      floor: `list, ${list.p50.toFixed(1)} s`,
      controllerRuntime: '0.7 s at 1,000',
      goal: '≤ 3 s at 10,000',
      isMet: time.p50 <= 3,
      note: `${time.min.toFixed(1)}–${time.max.toFixed(1)} s, ${(time.p50 / list.p50).toFixed(1)} × the list alone`,
    },
    {
      what: 'peak memory of a start',
      measured: Number.isNaN(peak) ? 'not available' : `${peak.toFixed(0)} MiB`,
      floor: '-',
      controllerRuntime: '-',
      goal: '≤ 180 MB at 10,000',
      isMet: peak * 2 ** 20 <= 180e6,
      note: 'resident memory',
    },
  ];
}

function restOf({ steady }: Results): readonly Target[] {
  const cpu = (steady.cpuSeconds / steady.seconds) * 60;
  return [
    {
      what: 'CPU a minute, idle',
      measured: `${cpu.toFixed(2)} s`,
      floor: '-',
      controllerRuntime: '0.6 s at 1,000',
      goal: '< 0.6 s at 10,000',
      isMet: cpu < 0.6,
      note: '',
    },
    {
      what: 'memory, idle',
      measured: `${(steady.residentBytes / 2 ** 20).toFixed(0)} MiB`,
      floor: '-',
      controllerRuntime: '52 MB at 1,000',
      goal: '≤ 130 MB at 10,000',
      isMet: steady.residentBytes <= 130e6,
      note: 'resident memory',
    },
  ];
}
