import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { fullName, metricsTable, type MetricDefinition, type MetricName } from './metrics-table.ts';

type Table = typeof metricsTable;
type LabelOf<Name extends MetricName> = Table[Name]['labels'][number];
type Instrument<Name extends MetricName> = Table[Name]['type'] extends 'counter'
  ? Counter<LabelOf<Name>>
  : Table[Name]['type'] extends 'gauge'
    ? Gauge<LabelOf<Name>>
    : Histogram<LabelOf<Name>>;

/**
 * One instrument for each row of the table, such as `metrics.watchRestarts.inc({ resource })`, and the metrics page.
 */
export type Metrics = { readonly [Name in MetricName]: Instrument<Name> } & {
  /** Runs `callback` before each scrape, for gauges that are computed from present state. */
  onScrape(callback: () => void): void;
  readonly contentType: string;
  /** The metrics page in Prometheus' text format. */
  render(): Promise<string>;
};

export interface MetricsOptions {
  readonly version: string;
  /** Also measures this process: memory, CPU, event loop. */
  readonly withProcess?: boolean;
}

/** Creates metrics in a separate registry, because the whole process would share prom-client's global one. */
export function createMetrics({ version, withProcess = false }: MetricsOptions): Metrics {
  const registry = new Registry();
  const callbacks: (() => void)[] = [];
  const instruments = Object.fromEntries(
    Object.entries(metricsTable).map(([name, definition]) => [name, createInstrument(definition, registry)]),
  );
  // `as`: one instrument for each row, of the row's type, which `fromEntries` can't express.
  const byName = instruments as { readonly [Name in MetricName]: Instrument<Name> };
  byName.buildInfo.set({ version, node: process.version }, 1);
  if (withProcess) {
    // The event loop is sampled five times less often than by default, because the samples alone would wake an idle
    // operator 100 times a second.
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
