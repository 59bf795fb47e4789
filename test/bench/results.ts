import type { Counts, Span } from '../../bench/readings.ts';
import type { ComparedWrite, Measured, Results } from '../../bench/results.ts';

export function spanOf(provider: Counts, kubernetesWrites: Counts, more: Partial<Span> = {}): Span {
  return { seconds: 60, provider, kubernetesWrites, cpuSeconds: 0.1, residentBytes: 1e8, passes: 0, ...more };
}

export function measuredOf(objects: number, busySeconds: number, provider: Counts, writes: Counts): Measured {
  return { objects, busySeconds, span: spanOf(provider, writes) };
}

/** A write that costs the API server `ratio` times that of a plain resource. */
export function comparedWrite(ratio: number): ComparedWrite {
  return { own: { apiServer: 0.004 * ratio, etcd: 0.001 }, plain: { apiServer: 0.004, etcd: 0.001 } };
}

const creates = { CreateMachine: 100, ListMachines: 5 };
const createWrites = { virtualmachines: 200, 'virtualmachines/status': 200, events: 200 };

/** A run in which every number was reached, but for what `more` says otherwise. */
export function resultsOf(more: Partial<Results> = {}): Results {
  const size = more.size ?? 100;
  return {
    size,
    cores: 2,
    starts: [1_200, 1_000, 1_100].map((milliseconds) => ({
      milliseconds,
      listMilliseconds: 500,
      peakBytes: 120e6,
      span: spanOf({ ListMachines: 1 }, {}, { cpuSeconds: 1, passes: size }),
    })),
    writeCosts: {
      writes: 240,
      bytes: { own: 3_400, plain: 1_700 },
      rounds: [1.1, 1.2, 1.3].map((ratio) => ({ spec: comparedWrite(ratio), status: comparedWrite(ratio) })),
    },
    steady: spanOf({ ListMachines: 2 }, {}, { seconds: 120, cpuSeconds: 0.2 }),
    flips: Array.from({ length: 100 }, () => ({ probe: 5, reaction: 6, inside: { eventToCall: 0.9, request: 0.4 } })),
    flipping: measuredOf(
      100,
      100,
      { StopMachine: 50, StartMachine: 50, ListMachines: 100 },
      { 'virtualmachines/status': 200 },
    ),
    bursts: [{ probe: 2, patches: 2.5, lastCall: 3 }],
    bursting: measuredOf(
      200,
      20,
      { StopMachine: 100, StartMachine: 100, ListMachines: 15 },
      { 'virtualmachines/status': 400 },
    ),
    attack: { flips: Array.from({ length: 100 }, () => ({ probe: 6, reaction: 9 })), rounds: 200, peakBytes: 150e6 },
    creating: {
      withPassword: measuredOf(100, 6, creates, { ...createWrites, secrets: 100 }),
      withoutPassword: measuredOf(100, 6, creates, createWrites),
    },
    deleting: {
      ...measuredOf(
        200,
        9,
        { StopMachine: 200, DeleteMachine: 200, GetMachine: 200, ListMachines: 8 },
        { virtualmachines: 200, 'virtualmachines/status': 200 },
      ),
      left: { objects: 0, machines: 0 },
    },
    outage: { downSeconds: 60, milliseconds: 2_000, afterList: 900, restarts: 0 },
    mishaps: { duplicates: 0, forbidden: 0 },
    ...more,
  };
}
