import { cpSync, mkdirSync, mkdtempDisposableSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { chartFolder, renderChart, type Values } from '../support/helm.ts';
import { onlyOne, parseManifests } from '../packaging/manifests.ts';

const rules = `groups:
  - name: operator
    interval: 1m
    rules:
      - record: vps247:errors
        expr: sum(rate(x[5m]))
      - alert: Down
        expr: up == 0
        for: 5m
        labels: {severity: critical}
        annotations: {summary: '{{ $labels.pod }} is down'}
      - alert: Slow
        expr: x > 1
  - name: only
    rules:
      - alert: Alone
        expr: x > 2
`;
const board = '{"title": "Fleet", "legend": "{{name}}"}\n';

/** Renders a chart like ours with files of monitoring that are known here. */
async function render(values: Values): Promise<ReturnType<typeof renderChart>> {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-chart-'));
  cpSync(chartFolder, folder.path, { recursive: true });
  const files = path.join(folder.path, 'files');
  rmSync(path.join(files, 'dashboards'), { recursive: true, force: true });
  mkdirSync(path.join(files, 'dashboards'), { recursive: true });
  writeFileSync(path.join(files, 'rules.yaml'), rules);
  writeFileSync(path.join(files, 'dashboards/fleet.json'), board);
  return await renderChart(values, { chart: folder.path });
}

test('the alerts are those of the file, except the disabled ones, with labels of the installation', async () => {
  const prometheusRule = {
    enabled: true,
    disabledAlerts: ['Slow', 'Alone'],
    alertLabels: { team: 'a', severity: 'page' },
  };
  const { text } = await render({ prometheusRule });
  expect(onlyOne(parseManifests(text, 'the chart'), 'PrometheusRule')['spec'].groups).toEqual([
    {
      name: 'operator',
      interval: '1m',
      rules: [
        { record: 'vps247:errors', expr: 'sum(rate(x[5m]))' },
        {
          alert: 'Down',
          expr: 'up == 0',
          for: '5m',
          labels: { severity: 'page', team: 'a' },
          annotations: { summary: '{{ $labels.pod }} is down' },
        },
      ],
    },
  ]);
});

test('disabling an unknown alert is an error', async () => {
  const { complaint } = await render({ prometheusRule: { enabled: true, disabledAlerts: ['Slow', 'Sloow'] } });
  expect(complaint.match(/^- .*$/gm)).toEqual([
    "- prometheusRule.disabledAlerts names Sloow, which isn't an alert of this chart.",
  ]);
});

test('each dashboard is a ConfigMap that contains its file unchanged, where the sidecar looks', async () => {
  const dashboards = { enabled: true, namespace: 'grafana', annotations: { folder: 'Machines' } };
  const { text } = await render({ dashboards });
  const { metadata, ...map } = onlyOne(parseManifests(text, 'the chart'), 'ConfigMap');
  expect(metadata).toMatchObject({
    name: 'vps247-operator-dashboard-fleet',
    namespace: 'grafana',
    labels: { grafana_dashboard: '1' },
    annotations: { folder: 'Machines' },
  });
  expect(map['data']['fleet.json'].trim()).toBe(board.trim());
});
