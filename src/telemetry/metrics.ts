import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { fullName, metricsTable, type MetricDefinition, type MetricName } from './metrics-table.ts';

type Table = typeof metricsTable;
type LabelOf<Name extends MetricName> = Table[Name]['labels'][number];
type Instrument<Name extends MetricName> = Table[Name]['type'] extends 'counter'
  ? Counter<LabelOf<Name>>
  : Table[Name]['type'] extends 'gauge'
    ? Gauge<LabelOf<Name>>
    : Histogram<LabelOf<Name>>;

/** One instrument for each row of the table, such as `metrics.watchRestarts.inc({ resource })`, and the page itself. */
export type Metrics = { readonly [Name in MetricName]: Instrument<Name> } & {
  /** Runs `callback` before each scrape, for gauges that are read off something rather than counted. */
  onScrape(callback: () => void): void;
  readonly contentType: string;
  /** The page in Prometheus' text format. */
  render(): Promise<string>;
};

export interface MetricsOptions {
  readonly version: string;
  /** Also measure this process: memory, CPU, event loop. */
  readonly withProcess?: boolean;
}

/** Metrics in a registry of their own: prom-client's global one would be shared by everything in the process. */
export function createMetrics({ version, withProcess = false }: MetricsOptions): Metrics {
  const registry = new Registry();
  const callbacks: (() => void)[] = [];
  const instruments = Object.fromEntries(
    Object.entries(metricsTable).map(([name, definition]) => [name, createInstrument(definition, registry)]),
  );
  // One instrument for each row, of the type that the row names: more than `fromEntries` can say.
  const byName = instruments as { readonly [Name in MetricName]: Instrument<Name> };
  byName.buildInfo.set({ version, node: process.version }, 1);
  if (withProcess) {
    // The event loop is sampled five times less often than by default: the samples alone would wake an idle operator 100 times a second.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  }
  return {
    ...byName,
    onScrape: (callback) => callbacks.push(callback),
    contentType: registry.contentType,
    render: async () => {
      for (const callback of callbacks) callback();
      return registry.metrics();
    },
  };
}

function createInstrument(definition: MetricDefinition, registry: Registry): Counter | Gauge | Histogram {
  const { name, help, labels: labelNames } = definition;
  const options = { name: fullName(name), help, labelNames, registers: [registry] };
  switch (definition.type) {
    case 'counter':
      return new Counter(options);
    case 'gauge':
      return new Gauge(options);
    case 'histogram':
      return new Histogram({ ...options, buckets: [...(definition.buckets ?? [])] });
  }
}
