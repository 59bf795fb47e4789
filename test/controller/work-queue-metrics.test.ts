import { expect, test } from 'vitest';
import { WorkQueueMetrics } from '../../src/controller/controller.ts';
import type { Reconciliation } from '../../src/controller/workers.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const reconciliation: Reconciliation = {
  key: 'default/web',
  result: 'error',
  milliseconds: 7_000,
  workMilliseconds: 2_000,
  waitMilliseconds: 500,
};

test.each([
  ['controller_runtime_reconcile_time_seconds_sum', '7'],
  ['workqueue_work_duration_seconds_sum', '2'],
  ['workqueue_queue_duration_seconds_sum', '0.5'],
  ['controller_runtime_reconcile_errors_total', '1'],
])('a reconciliation adds to %s its own time, in seconds', async (name, value) => {
  const metrics = createMetrics({ version: '1.2.3' });
  new WorkQueueMetrics(metrics).ended(reconciliation);
  const lines = (await metrics.render()).split('\n').filter((line) => line.startsWith(`${name}{`));
  expect(lines.map((line) => line.replace(/^.*} /, ''))).toEqual([value]);
});
