import {
  controller,
  fullName,
  metricsTable,
  prefix,
  type MetricDefinition,
} from '../../src/telemetry/metrics-table.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/metrics.md: every metric of the table. */
export function renderMetrics(): string {
  const rows = Object.values(metricsTable).map(({ type, name, help, labels }: MetricDefinition) => [
    `\`${fullName(name)}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ]);
  return `# Metrics

${generatedFrom('src/telemetry/metrics-table.ts')}

The operator serves them in Prometheus' text format at \`/metrics\` of \`--metrics-address\`.

- Metrics of reconciliations, the queue, Kubernetes requests, leader election and the process have the names, labels
  and buckets of controller-runtime and client-go, so that dashboards for these fit. Their labels \`controller\` and
  \`name\` are \`${controller}\`; the \`name\` of \`leader_election_master_status\` is the Lease.
- All others begin with \`${prefix}\`.
- No label holds an API key or the name of an account. The label \`host\` is the address of the API server.
- Only the metrics named \`${prefix}machine_…\` have series for each object, by its namespace and name. With more
  objects than \`--machine-metrics-limit\` there are none, so the number of series is limited.

${markdownTable(['metric', 'type', 'labels', 'meaning'], rows)}

Memory, CPU, file descriptors, garbage collection and event loop of the process follow as \`process_*\` and \`nodejs_*\`.
`;
}
