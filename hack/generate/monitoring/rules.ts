import { stringify } from 'yaml';
import { repositoryUrl } from '../package.ts';
import { generatedFrom, pageWidth, wrapped } from '../table.ts';
import { fullName } from '../../../src/telemetry/metrics-table.ts';
import { type Alert, alerts } from './alerts.ts';
import { dashboards } from './panels.ts';
import { rateInterval, withVariables } from './variables.ts';

const source = 'hack/generate/monitoring/alerts.ts';
/** The URL of the runbooks. */
const runbooks = `${repositoryUrl()}/blob/main/docs/runbooks.md`;

function annotationsOf({ name, summary, description }: Alert): Readonly<Record<string, string>> {
  return { summary, description, runbook_url: `${runbooks}#${name.toLowerCase()}` };
}

function yaml(value: unknown): string {
  return `# Generated from ${source} by \`npm run generate\`; do not edit.\n${stringify(value, { lineWidth: 0 })}`;
}

/** deploy/monitoring/rules.yaml: a rule file for Prometheus. */
export function renderRules(of: readonly Alert[] = alerts): string {
  const rules = of.map((alert) => ({
    alert: alert.name,
    expr: alert.expr,
    for: alert.for,
    labels: { severity: alert.severity },
    annotations: annotationsOf(alert),
  }));
  return yaml({ groups: [{ name: 'vps247-operator', rules }] });
}

/** deploy/monitoring/tests/rules.test.yaml: for promtool, two cases for each alert. */
export function renderRuleTests(): string {
  const cases = alerts.flatMap((alert) => {
    const { fires, isQuiet, severity, name } = alert;
    return [
      { title: `${name} fires`, series: fires.series, isFiring: true },
      { title: `${name} does not: ${isQuiet.because}`, series: isQuiet.series, isFiring: false },
    ].map(({ title, series, isFiring }) => ({
      name: title,
      interval: '1m',
      input_series: Object.entries(series).map(([key, values]) => ({ series: key, values })),
      alert_rule_test: [
        {
          eval_time: fires.at,
          alertname: name,
          exp_alerts: isFiring ? [{ exp_labels: { severity, ...fires.labels }, exp_annotations: rendered(alert) }] : [],
        },
      ],
    }));
  });
  return yaml({ rule_files: ['../rules.yaml'], evaluation_interval: '1m', tests: [...cases, addedPanels()] });
}

/** Two installations that share the objects, each with a leader and a replica on standby that reports the same. */
const installations = [
  { namespace: 'one', leader: 5, standby: 5 },
  { namespace: 'two', leader: 3, standby: 2 },
] as const;

/** What each replica reports, and what the panel shows: installations are added, and replicas count once. */
const addedRows = [
  { panel: 'Objects', metric: 'objects', labels: 'reason="Available"', shows: 16 },
  { panel: 'Not ready', metric: 'objects', labels: 'reason="Creating"', shows: 8 },
  { panel: 'Unmanaged VMs', metric: 'account_machines', labels: 'account="1",managed="false"', shows: 8 },
  { panel: 'VMs by state', metric: 'machines', labels: 'state="Running"', shows: 8, by: '{state="Running"}' },
  { panel: 'Oldest deletion', metric: 'deletion_oldest_seconds', labels: '', shows: 5 },
  { panel: 'Replicas', metric: 'build_info', labels: 'version="1"', shows: 4, by: '{version="1"}' },
  { panel: 'Leaders', metric: 'leader_election_master_status', labels: 'name="vps247-operator"', shows: 15 },
] as const;

/** For promtool: the panels of the fleet with several installations and replicas. */
function addedPanels(): object {
  const values = { cluster: '.*', namespace: '.*', job: '.*', __rate_interval: rateInterval };
  const panels = dashboards.flatMap((dashboard) => dashboard.panels);
  const replicas = installations.flatMap(({ namespace, leader, standby }) => [
    { target: `job="vps247-operator",namespace="${namespace}",instance="a"`, value: leader },
    { target: `job="vps247-operator",namespace="${namespace}",instance="b"`, value: standby },
  ]);
  return {
    name: 'panels add installations, and count what several replicas see once',
    interval: '1m',
    input_series: [
      ...addedRows.flatMap(({ metric, labels }) =>
        replicas.map(({ target, value }) => ({
          series: `${fullName(metric)}{${[target, labels].filter((part) => part !== '').join(',')}}`,
          values: `${value}x5`,
        })),
      ),
      // An operator of another project, which the same job scrapes.
      {
        series: 'leader_election_master_status{job="vps247-operator",namespace="one",instance="c",name="x"}',
        values: '1x5',
      },
    ],
    promql_expr_test: addedRows.map(({ panel, shows, ...row }) => ({
      expr: withVariables(panels.find(({ title }) => title === panel)?.queries[0]?.expr ?? '', values),
      eval_time: '2m',
      exp_samples: [{ labels: 'by' in row ? row.by : '{}', value: shows }],
    })),
  };
}

/** The annotations as Prometheus renders them for the labels and the value of the case that fires. */
function rendered(alert: Alert): Readonly<Record<string, string>> {
  const { labels, value } = alert.fires;
  return Object.fromEntries(
    Object.entries(annotationsOf(alert)).map(([key, text]) => [
      key,
      text
        .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => labels[label] ?? '')
        .replaceAll(/\{\{ \$value[^}]*\}\}/g, value ?? ''),
    ]),
  );
}

/** docs/runbooks.md: a section for each alert, under its name. */
export function renderRunbooks(): string {
  const sections = alerts.map(({ name, summary, description, severity, expr, for: time, steps }) => {
    const list = steps.map((step, index) => wrapped(`${index + 1}. ${step}`, pageWidth, '   ')).join('\n');
    const about = wrapped(`${summary} ${inWords(description)}`, pageWidth);
    return `## ${name}\n\nSeverity ${severity}, after ${time}.\n\n${about}\n\n${list}\n\nRule:\n\n\`\`\`promql\n${expr.replaceAll(' / ', '\n  / ')}\n\`\`\`\n`;
  });
  return `# Runbooks

${generatedFrom(source)}

What to do when one of the [alerts](monitoring.md#alerts) fires. You don't need to change a VM in a hurry:
an operator that is down, or uncertain, changes nothing.

${sections.join('\n')}`;
}

/** The alerts for docs/monitoring.md. */
export function alertsList(): string {
  return alerts
    .map(({ name, severity, for: time, summary }) =>
      wrapped(
        `- [${name}](runbooks.md#${name.toLowerCase()}) (${severity}, after ${time}): ${summary}`,
        pageWidth,
        '  ',
      ),
    )
    .join('\n');
}

/** Replaces label templates, because a page has no labels. */
function inWords(description: string): string {
  return description
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_, label: string) => `*${label.replace('_', ' ')}*`)
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, '*N*');
}
