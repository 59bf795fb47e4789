import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { alerts } from '../../hack/generate/monitoring/alerts.ts';
import { renderDashboard } from '../../hack/generate/monitoring/dashboards.ts';
import { dashboards } from '../../hack/generate/monitoring/panels.ts';
import { rateInterval, withVariables } from '../../hack/generate/monitoring/variables.ts';
import { fullName, metricsTable } from '../../src/telemetry/metrics-table.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { expressions, metricsIn } from './expressions.ts';

/** Every name that a page of metrics has: those of the table, a histogram's with their suffixes, and those of the process. */
async function shownNames(): Promise<ReadonlySet<string>> {
  const ofTable = Object.values(metricsTable).flatMap(({ name, type }) =>
    (type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']).map((suffix) => `${fullName(name)}${suffix}`),
  );
  const page = await createMetrics({ version: 'x', withProcess: true }).render();
  return new Set([...ofTable, ...[...page.matchAll(/^(\w+)(?:\{| )/gm)].map(([, name]) => name ?? '')]);
}

describe('expressions', () => {
  test.each(expressions)('%s is PromQL', (_, expr) => {
    expect(metricsIn(expr)).not.toBeUndefined();
  });

  test('the parser rejects an invalid expression', () => {
    expect(metricsIn('sum by (a (b)')).toBeUndefined();
    expect(metricsIn('rate(a{b="c"}[5m]) / d')).toEqual(['a', 'd']);
  });

  test('query only metrics of a running operator', async () => {
    const shown = await shownNames();
    const asked = expressions.flatMap(([where, expr]) => (metricsIn(expr) ?? []).map((name) => ({ where, name })));
    expect(asked.filter(({ name }) => !shown.has(name))).toEqual([]);
    expect(asked.length).toBeGreaterThan(alerts.length);
  });
});

describe('dashboards', () => {
  const queries = dashboards.flatMap(({ title, variables, panels }) => [
    ...variables.map(({ name, metric }) => [`${title}: variable ${name}`, metric] as const),
    ...panels.flatMap((panel) => panel.queries.map(({ expr }) => [`${title}: ${panel.title}`, expr] as const)),
  ]);

  test.each(queries)(
    '%s is restricted to the chosen cluster, namespace and job in each of its selectors',
    (_, expr) => {
      const chosen = '{cluster=~"$cluster",namespace=~"$namespace",job=~"$job"';
      const selectors = expr.split(/(?<=[a-z])(?=\{)/).slice(1);
      expect(selectors.length).toBe((metricsIn(withVariables(expr, { __rate_interval: rateInterval })) ?? []).length);
      expect(selectors.filter((selector) => !selector.startsWith(chosen))).toEqual([]);
    },
  );

  test.each(dashboards)(
    '$title lets you choose data source, cluster, namespace and job, and shows all at first',
    ({ file }) => {
      // As Grafana reads it.
      const { templating } = JSON.parse(renderDashboard(file)) as {
        readonly templating: { readonly list: readonly Readonly<Record<string, unknown>>[] };
      };
      expect(templating.list.slice(0, 4).map(({ name }) => name)).toEqual([
        'datasource',
        'cluster',
        'namespace',
        'job',
      ]);
      for (const variable of templating.list.slice(1, 4))
        expect(variable).toMatchObject({ includeAll: true, multi: true, allValue: '.*', current: { value: '$__all' } });
    },
  );

  test('metrics that other programs share are queried only for the operator', () => {
    const shared = /(?:controller_runtime|workqueue|rest_client|leader_election|process)_\w+\{/;
    const wrong = queries.filter(
      ([, expr]) =>
        shared.test(expr) &&
        !expr.includes('controller="virtualmachine.vps247.com"') &&
        !expr.includes(' and on (cluster, namespace, job, instance) vps247_operator_build_info{'),
    );
    expect(wrong.map(([where]) => where)).toEqual([]);
  });

  /** Of two replicas, the one on standby reports its objects too; of two installations, each reports its own. */
  test('no gauge of existing objects is summed over replicas, and none is taken from one installation only', () => {
    const seenByAll = /(?:_objects|_machines|account_machines)\{/;
    const wrong = queries.filter(
      ([, expr]) => seenByAll.test(expr) && !/max by \(cluster, namespace, job, \w+\)/.test(expr),
    );
    expect(wrong.map(([where]) => where)).toEqual([]);
  });
});

describe('alerts', () => {
  test.each(alerts)('$name leads to one alert for each installation, whatever the cluster', ({ expr }) => {
    expect(expr.startsWith('absent(') || /by \(cluster, job, namespace/.test(expr)).toBe(true);
  });
});

describe('runbooks', () => {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/runbooks.md'), 'utf8');

  test('each alert has its section, and each section its alert', () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(alerts.map(({ name }) => name));
  });

  test.each(alerts)('$name has a runbook, and its rule links to it', ({ name, steps, description }) => {
    const rules = readFileSync(path.join(import.meta.dirname, '../../deploy/monitoring/rules.yaml'), 'utf8');
    expect(rules).toContain(`docs/runbooks.md#${name.toLowerCase()}\n`);
    expect(steps.length).toBeGreaterThanOrEqual(2);
    expect(description.split(/[.:;] /).length).toBeGreaterThanOrEqual(2);
  });
});
