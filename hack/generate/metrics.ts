import { metricsTable, prefix, type MetricDefinition } from '../../src/telemetry/metrics-table.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/metrics.md: every metric of the operator's own. */
export function renderMetrics(): string {
  const rows = Object.values(metricsTable).map(({ type, name, help, labels }: MetricDefinition) => [
    `\`${prefix}${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return `# Metrics

${generatedFrom('src/telemetry/metrics-table.ts')}

Served as Prometheus' text format at \`/metrics\` of \`--metrics-address\`. No label holds an API key or the name of an account. Only the metrics named
\`${prefix}machine_…\` have series for each object, by its namespace and name; there are none with more objects than
\`--machine-metrics-limit\`, so the number of series does not grow with the fleet for ever.

${markdownTable(['metric', 'type', 'labels', 'meaning'], rows)}

Memory, CPU, file descriptors, garbage collection and event loop of the process follow as \`${prefix}process_*\` and \`${prefix}nodejs_*\`.
`;
}
