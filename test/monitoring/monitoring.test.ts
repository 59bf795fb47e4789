import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { alerts } from '../../hack/generate/monitoring/alerts.ts';
import { metricsTable, prefix } from '../../src/telemetry/metrics-table.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { expressions, metricsIn } from './expressions.ts';

/** Every name that a page of metrics has: those of the table, a histogram's with their suffixes, and those of the process. */
async function shownNames(): Promise<ReadonlySet<string>> {
  const ofTable = Object.values(metricsTable).flatMap(({ name, type }) =>
    (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((suffix) => `${prefix}${name}${suffix}`),
  );
  const page = await createMetrics({ version: 'x', withProcess: true }).render();
  return new Set([...ofTable, ...[...page.matchAll(/^(\w+)(?:\{| )/gm)].map(([, name]) => name ?? '')]);
}

describe('expressions', () => {
  test.each(expressions)('%s is PromQL', (_, expr) => {
    expect(metricsIn(expr)).not.toBeUndefined();
  });

  test('the parser tells what is none', () => {
    expect(metricsIn('sum by (a (b)')).toBeUndefined();
    expect(metricsIn('rate(a{b="c"}[5m]) / d')).toEqual(['a', 'd']);
  });

  test('ask only for what a running operator shows', async () => {
    const shown = await shownNames();
    const asked = expressions.flatMap(([where, expr]) => (metricsIn(expr) ?? []).map((name) => ({ where, name })));
    expect(asked.filter(({ name }) => !shown.has(name))).toEqual([]);
    expect(asked.length).toBeGreaterThan(alerts.length);
  });
});

describe('runbooks', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/runbooks.md'), 'utf8');

  test('each alert has its section, and each section its alert', () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(alerts.map(({ name }) => name));
  });

  test.each(alerts)('$name tells what to do, and the link of its rule leads there', ({ name, steps, description }) => {
    const rules = readFileSync(path.join(import.meta.dirname, '../../deploy/monitoring/rules.yaml'), 'utf8');
    expect(rules).toContain(`docs/runbooks.md#${name.toLowerCase()}\n`);
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(description.split(/[.:;] /).length).toBeGreaterThanOrEqual(2);
  });
});
