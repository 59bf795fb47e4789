import performance from 'node:perf_hooks';
import { describe, expect, test, vi } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import {
  controller,
  fullName,
  type MetricDefinition,
  metricsTable,
  prefix,
} from '../../src/telemetry/metrics-table.ts';

describe('the page', () => {
  test('shows every metric of the table with its help', async () => {
    const page = await createMetrics({ version: '1.2.3' }).render();
    for (const { name, type, help } of Object.values(metricsTable)) {
      expect(page).toContain(`# HELP ${fullName(name)} ${help}\n# TYPE ${fullName(name)} ${type}`);
    }
    expect(page).toContain(`${prefix}build_info{version="1.2.3",node="${process.version}"} 1`);
  });

  test('shows what was counted', async () => {
    const metrics = createMetrics({ version: 'x' });
    metrics.providerCalls.inc({ operation: 'ListMachines', code: 'OK' }, 2);
    metrics.reconcileDuration.observe({ controller }, 0.02);
    const page = await metrics.render();
    expect(page).toContain('vps247_operator_provider_calls_total{operation="ListMachines",code="OK"} 2');
    expect(page).toContain(
      'controller_runtime_reconcile_time_seconds_bucket{le="0.025",controller="virtualmachine.vps247.com"} 1',
    );
    expect(page).toContain(
      'controller_runtime_reconcile_time_seconds_bucket{le="0.01",controller="virtualmachine.vps247.com"} 0',
    );
  });

  test('asks for gauges when it is scraped', async () => {
    const metrics = createMetrics({ version: 'x' });
    let depth = 0;
    metrics.onScrape(() => metrics.queueOldestWait.set({ controller: 'a' }, depth));
    metrics.onScrape(() => metrics.unfinishedWork.set({ name: 'x', controller: 'a' }, depth));
    for (depth of [1, 7]) {
      const page = await metrics.render();
      expect(page).toContain(`vps247_operator_queue_oldest_wait_seconds{controller="a"} ${depth}`);
      expect(page).toContain(`workqueue_unfinished_work_seconds{name="x",controller="a"} ${depth}`);
    }
  });

  test('is not shared by two operators in one process', async () => {
    const [one, other] = [createMetrics({ version: 'x' }), createMetrics({ version: 'x' })];
    one.watchRestarts.inc({ resource: 'secrets' });
    expect(await other.render()).not.toContain('resource="secrets"');
  });

  test('measures the process when asked to, under the names that every client library has', async () => {
    const page = await createMetrics({ version: 'x', withProcess: true }).render();
    expect(page).toMatch(/^process_resident_memory_bytes \d/m);
    expect(page).toMatch(/^process_cpu_seconds_total \d/m);
    const names = Array.from(page.matchAll(/^# TYPE (\S+)/gm), ([, name = '']) => name);
    expect(names.filter((name) => name !== fullName(name.replace(prefix, '')))).toEqual([]);
  });

  test('measures the event loop only 20 times a second, so that an idle operator sleeps', () => {
    using measure = vi.spyOn(performance, 'monitorEventLoopDelay');
    createMetrics({ version: 'x', withProcess: true });
    expect(measure.mock.calls).toEqual([[{ resolution: 50 }]]);
  });
});

const rows: readonly MetricDefinition[] = Object.values(metricsTable);

describe('the table', () => {
  test('keeps the conventions: counters end in _total, times in _seconds, names are unique, help is a sentence', () => {
    for (const { name, type, help } of rows) {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });

  /** As controller-runtime and client-go register them. A label of ours beside theirs does no harm to a dashboard. */
  test.each([
    ['controller_runtime_reconcile_total', 'counter', ['controller', 'result']],
    ['controller_runtime_reconcile_errors_total', 'counter', ['controller']],
    ['controller_runtime_reconcile_time_seconds', 'histogram', ['controller']],
    ['controller_runtime_active_workers', 'gauge', ['controller']],
    ['controller_runtime_max_concurrent_reconciles', 'gauge', ['controller']],
    ['workqueue_depth', 'gauge', ['name', 'controller', 'priority']],
    ['workqueue_adds_total', 'counter', ['name', 'controller']],
    ['workqueue_retries_total', 'counter', ['name', 'controller']],
    ['workqueue_queue_duration_seconds', 'histogram', ['name', 'controller']],
    ['workqueue_work_duration_seconds', 'histogram', ['name', 'controller']],
    ['workqueue_unfinished_work_seconds', 'gauge', ['name', 'controller']],
    ['workqueue_longest_running_processor_seconds', 'gauge', ['name', 'controller']],
    ['rest_client_requests_total', 'counter', ['code', 'method', 'host']],
    ['rest_client_request_duration_seconds', 'histogram', ['verb', 'host']],
    ['leader_election_master_status', 'gauge', ['name']],
  ])('has %s with the type and labels that dashboards of controller-runtime expect', (name, type, labels) => {
    const row = rows.find((one) => fullName(one.name) === name);
    expect(row).toMatchObject({ type, labels: expect.arrayContaining(labels) });
  });

  test('has ascending buckets, and those of controller-runtime and client-go in their metrics', () => {
    const buckets = new Map(rows.map(({ name, buckets: limits = [] }) => [name, limits]));
    for (const [name, limits] of buckets) expect([name, limits.toSorted((a, b) => a - b)]).toEqual([name, limits]);
    const powersOfTen = Array.from({ length: 12 }, (_, index) => Number(`1e${index - 8}`));
    for (const name of ['workqueue_queue_duration_seconds', 'workqueue_work_duration_seconds'])
      expect(buckets.get(name), name).toEqual(powersOfTen);
    const requests = buckets.get('rest_client_request_duration_seconds');
    expect(requests).toEqual([0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60]);
    const reconciles = buckets.get('controller_runtime_reconcile_time_seconds') ?? [];
    expect([reconciles.length, reconciles[0], reconciles.at(-1)]).toEqual([40, 0.005, 60]);
  });

  test('has no figure under two names: shared metrics have no duplicate among the operator’s own', () => {
    const own = rows.map(({ name }) => fullName(name)).filter((name) => name.startsWith(prefix));
    expect(
      own.filter((name) => /reconcile|leader|kubernetes_calls|process|workers|queue_(?!oldest)/.test(name)),
    ).toEqual([]);
  });
});
