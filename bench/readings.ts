/** Counts by name; a name that never occurred is missing. */
export type Counts = Readonly<Record<string, number>>;

/** All counters at one time. All counts only grow. */
export interface Reading {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Calls that the provider received, by operation, from the emulator's ledger. */
  readonly provider: Counts;
  /** Writes of the operator to Kubernetes, by resource, from its metrics, including refused ones. */
  readonly kubernetesWrites: Counts;
  /** Of the operator's process since its start. */
  readonly cpuSeconds: number;
  /** Memory of the operator's process now. */
  readonly residentBytes: number;
  /** Reconciliations that have ended. */
  readonly passes: number;
}

/** The difference of two readings; memory is that of the later one. */
export interface Span extends Omit<Reading, 'at'> {
  readonly seconds: number;
}

const reads: ReadonlySet<string> = new Set(['get', 'list', 'watch', 'version']);

/**
 * A line of Prometheus' text format without timestamp; label values of the operator contain neither commas nor quotes.
 */
const sampleLine = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/i;

/** Reads the operator's /metrics page. Throws if a metric is missing. */
export function readMetrics(page: string): Omit<Reading, 'at' | 'provider'> {
  const kubernetesWrites: Record<string, number> = {};
  let passes = 0;
  const plain = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, name = '', labels = '', value = ''] = sampleLine.exec(line) ?? [];
    if (labels === '') plain.set(name, Number(value));
    if (name === 'controller_runtime_reconcile_total') passes += Number(value);
    if (name !== 'rest_client_requests_total') continue;
    const { verb = '', resource = '' } = readLabels(labels);
    // The operator checks its permissions at startup by creating reviews, which aren't stored.
    if (resource === 'selfsubjectaccessreviews') continue;
    if (!reads.has(verb)) kubernetesWrites[resource] = (kubernetesWrites[resource] ?? 0) + Number(value);
  }
  const get = (name: string): number => {
    const value = plain.get(name);
    if (value === undefined) throw new Error(`the operator's metrics have no ${name}`);
    return value;
  };
  return {
    kubernetesWrites,
    cpuSeconds: get('process_cpu_seconds_total'),
    residentBytes: get('process_resident_memory_bytes'),
    passes,
  };
}

function readLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]));
}

export function between(before: Reading, after: Reading): Span {
  return {
    seconds: (after.at - before.at) / 1_000,
    provider: subtract(after.provider, before.provider),
    kubernetesWrites: subtract(after.kubernetesWrites, before.kubernetesWrites),
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    residentBytes: after.residentBytes,
    passes: after.passes - before.passes,
  };
}

function subtract(from: Counts, what: Counts): Counts {
  const differences = Object.entries(from).map(([name, count]) => [name, count - (what[name] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count !== 0));
}

/** The sum of all counts except those named. */
export function sumWithout(counts: Counts, ...names: readonly string[]): number {
  return Object.entries(counts).reduce((sum, [name, count]) => (names.includes(name) ? sum : sum + count), 0);
}
