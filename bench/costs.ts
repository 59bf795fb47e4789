/** The cost of a fleet by its size, and of a write compared with that of another resource. Pure. */
import type { Results, WriteCosts } from './results.ts';
import { summarize, type Summary } from './times.ts';

/** One cost of a run. */
interface Cost {
  readonly what: string;
  readonly unit: string;
  readonly of: (results: Results) => number;
  /** Whether the cost is that of the whole fleet; otherwise that of one change, for any number of idle VMs. */
  readonly isShared: boolean;
}

const reaction = ({ flips }: Results) => summarize(flips.map((flip) => flip.reaction));

const costs: readonly Cost[] = [
  {
    what: 'start until all objects are observed',
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

/** Growth up to this factor counts as linear, because measurements vary. */
const linear = 1.3;

export interface Growth {
  readonly what: string;
  readonly unit: string;
  /** For each size, in the order of the runs. */
  readonly values: readonly number[];
  /** Ratio of the last two runs: cost per VM for the fleet's costs, otherwise cost per change. */
  readonly ratio: number;
  readonly isLinear: boolean;
}

/** How each cost grows over runs of increasing size; at least two. */
export function growthOf(runs: readonly Results[]): readonly Growth[] {
  const [before, last] = runs.slice(-2);
  if (before === undefined || last === undefined) throw new Error('growth requires two runs');
  return costs.map(({ what, unit, of, isShared }) => {
    const ratio = isShared ? of(last) / last.size / (of(before) / before.size) : of(last) / of(before);
    return { what, unit, values: runs.map(of), ratio, isLinear: ratio <= linear };
  });
}

/** CPU of our writes as a multiple of that of a plain custom resource, for each round. */
export function cpuRatios({ rounds }: WriteCosts, kind: 'spec' | 'status', program: 'apiServer' | 'etcd'): Summary {
  return summarize(rounds.map(({ [kind]: { own, plain } }) => own[program] / plain[program]));
}
