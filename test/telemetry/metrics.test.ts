import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { metricsTable, prefix } from '../../src/telemetry/metrics-table.ts';

describe('the page', () => {
  test('shows every metric of the table with its help', async () => {
    const page = await createMetrics({ version: '1.2.3' }).render();
    for (const { name, type, help } of Object.values(metricsTable)) {
      expect(page).toContain(`# HELP ${prefix}${name} ${help}\n# TYPE ${prefix}${name} ${type}`);
    }
    expect(page).toContain(`${prefix}build_info{version="1.2.3",node="${process.version}"} 1`);
  });

  test('shows what was counted', async () => {
    const metrics = createMetrics({ version: 'x' });
    metrics.providerCalls.inc({ operation: 'ListMachines', code: 'OK' }, 2);
    metrics.reconcileDuration.observe(0.02);
    const page = await metrics.render();
    expect(page).toContain('vps247_operator_provider_calls_total{operation="ListMachines",code="OK"} 2');
    expect(page).toContain('vps247_operator_reconcile_duration_seconds_bucket{le="0.025"} 1');
    expect(page).toContain('vps247_operator_reconcile_duration_seconds_bucket{le="0.01"} 0');
  });

  test('asks for gauges when it is scraped', async () => {
    const metrics = createMetrics({ version: 'x' });
    let depth = 1;
    metrics.onScrape(() => metrics.queueDepth.set(depth));
    expect(await metrics.render()).toContain('vps247_operator_queue_depth 1');
    depth = 7;
    expect(await metrics.render()).toContain('vps247_operator_queue_depth 7');
  });

  test('is not shared by two operators in one process', async () => {
    const [one, other] = [createMetrics({ version: 'x' }), createMetrics({ version: 'x' })];
    one.watchRestarts.inc({ resource: 'secrets' });
    expect(await other.render()).not.toContain('resource="secrets"');
  });

  test('measures the process when asked to, every name with the prefix', async () => {
    const page = await createMetrics({ version: 'x', withProcess: true }).render();
    expect(page).toContain('vps247_operator_process_resident_memory_bytes');
    expect([...page.matchAll(/^# TYPE (\S+)/gm)].filter(([, name]) => !name?.startsWith(prefix))).toEqual([]);
  });
});

describe('the table', () => {
  test('keeps the conventions: counters end in _total, times in _seconds, names are unique, help is a sentence', () => {
    const rows = Object.values(metricsTable);
    for (const { name, type, help } of rows) {
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
    }
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
  });
});
