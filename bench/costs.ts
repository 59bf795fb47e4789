/** What a fleet costs by its size, and what each machine of it does. Pure. */
import type { Chart } from './curve.ts';
import type { Results } from './results.ts';
import { summarize } from './times.ts';

/** One cost, as it is read off a run. */
interface Cost {
  readonly what: string;
  readonly unit: string;
  readonly of: (results: Results) => number;
  /** Whether it is the fleet's, of which each machine has its part; else each change's, however many machines are idle. */
  readonly isShared: boolean;
}

const reaction = ({ flips }: Results) => summarize(flips.map((flip) => flip.reaction));

const costs: readonly Cost[] = [
  {
    what: 'start until all are observed',
    unit: 's',
    of: ({ starts }) => summarize(starts.map(({ milliseconds }) => milliseconds)).p50 / 1_000,
    isShared: true,
  },
  {
    what: 'CPU of a start',
    unit: 's',
    of: ({ starts }) => summarize(starts.map(({ span }) => span.cpuSeconds)).p50,
    isShared: true,
  },
  {
    what: 'CPU a minute, idle',
    unit: 's',
    of: ({ steady }) => (steady.cpuSeconds / steady.seconds) * 60,
    isShared: true,
  },
  { what: 'memory, idle', unit: 'MiB', of: ({ steady }) => steady.residentBytes / 2 ** 20, isShared: true },
  { what: 'spec change → provider, p50', unit: 'ms', of: (results) => reaction(results).p50, isShared: false },
  { what: 'spec change → provider, p99', unit: 'ms', of: (results) => reaction(results).p99, isShared: false },
];

/** How much more a machine may cost among ten times as many: straight but for what the measurement itself varies. */
const straight = 1.3;

export interface Growth {
  readonly what: string;
  readonly unit: string;
  /** For each size, in the order of the runs. */
  readonly values: readonly number[];
  /** The largest run's to the one before it: of each machine for what all share, else of each change. */
  readonly ratio: number;
  readonly isStraight: boolean;
}

/** How each cost grows over runs of growing size; two at least. */
export function growthOf(runs: readonly Results[]): readonly Growth[] {
  const [before, last] = runs.slice(-2);
  if (before === undefined || last === undefined) throw new Error('growth takes two runs');
  return costs.map(({ what, unit, of, isShared }) => {
    const ratio = isShared ? of(last) / last.size / (of(before) / before.size) : of(last) / of(before);
    return { what, unit, values: runs.map(of), ratio, isStraight: ratio <= straight };
  });
}

/** The charts of the costs: those of a change in one, each of the others by itself. */
export function chartsOf(runs: readonly Results[]): readonly Chart[] {
  const line = ({ what, of }: Cost, name = what) => ({
    name,
    points: runs.map((results) => ({ size: results.size, value: of(results) })),
  });
  const [start, startCpu, idleCpu, memory, p50, p99] = costs;
  if (!start || !startCpu || !idleCpu || !memory || !p50 || !p99) throw new Error('a cost is missing');
  return [
    { title: 'Start until all are observed', unit: 'seconds', lines: [line(start, 'time'), line(startCpu, 'CPU')] },
    { title: 'Idle', unit: 'CPU seconds a minute', lines: [line(idleCpu, 'CPU')] },
    { title: 'Memory, idle', unit: 'MiB', lines: [line(memory, 'resident')] },
    {
      title: 'Spec change → provider',
      unit: 'ms',
      lines: [line(p50, 'p50'), line(p99, 'p99')],
    },
  ];
}
