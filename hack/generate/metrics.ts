import {
  controller,
  fullName,
  metricsTable,
  prefix,
  type MetricDefinition,
} from '../../src/telemetry/metrics-table.ts';
import { generatedFrom, pageWidth, wrapped } from './table.ts';

/** docs/metrics.md: every metric of the table. */
export function renderMetrics(): string {
  const entries = Object.values(metricsTable).map(
    ({ type, name, help, labels }: MetricDefinition) =>
      [`### ${fullName(name)}`, wrapped(help, pageWidth), wrapped(`- Type: ${type}`, pageWidth)].join('\n\n') +
      (labels.length === 0
        ? ''
        : `\n${wrapped(`- Labels: ${labels.map((label) => `\`${label}\``).join(', ')}`, pageWidth, '  ')}`),
  );
  return `# Metrics

${generatedFrom('src/telemetry/metrics-table.ts')}

The operator serves them in Prometheus' text format at \`/metrics\` of \`--metrics-address\`.

- Metrics of reconciliations, the queue, Kubernetes requests, leader election and the process have the
  names, labels and buckets of controller-runtime and client-go, so that dashboards for these fit. Their
  labels \`controller\` and \`name\` are \`${controller}\`; the \`name\` of
  \`leader_election_master_status\` is the Lease.
- All others begin with \`${prefix}\`.
- No label holds an API key or the name of an account. The label \`host\` is the address of the API server.
- Only the metrics named \`${prefix}machine_…\` have series for each object, by its namespace and
  name. With more objects than \`--machine-metrics-limit\` there are none, so the number of series is
  limited. Metrics named \`${prefix}account_…\` exist with any number of objects.
- Memory, CPU, file descriptors, garbage collection and event loop of the process follow as
  \`process_*\` and \`nodejs_*\`.

## List of metrics

${entries.join('\n\n')}
`;
}
