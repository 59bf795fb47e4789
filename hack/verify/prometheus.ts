/**
 * A step of `npm run verify`: a real Prometheus, with the shipped rules, scrapes a running operator during normal
 * operation, and then during planted faults.
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { alerts } from '../generate/monitoring/alerts.ts';
import { dashboards } from '../generate/monitoring/panels.ts';
import { renderRules } from '../generate/monitoring/rules.ts';
import { rateInterval, withVariables } from '../generate/monitoring/variables.ts';
import { faults, type Fault, liveGoodDay } from '../monitoring/faults.ts';
import { scaledAlert, timeScale } from '../monitoring/time-scale.ts';
import { chosen, type Day, showPanels, valuesIn } from '../monitoring/panels.ts';
import { Prometheus } from '../monitoring/prometheus.ts';
import { documentedJob, judgeTargets } from '../monitoring/vm-targets.ts';
import { MonitoringEnvironment } from '../monitoring/environment.ts';

const logs = path.join(import.meta.dirname, '../../.out/verify/prometheus');
/** Number of scrapes and evaluations of the rules during normal operation. */
const goodDay = 25;
/** Between two faults that stay. Milliseconds. */
const spacing = 4_000;

const now = (): number => Date.now() / 1_000;

function demand(isSo: boolean, otherwise: string): asserts isSo {
  // Thrown, so that all started processes are stopped.
  if (!isSo) throw new Error(otherwise);
}

await using stage = await MonitoringEnvironment.open(logs);
await stage.startOperator();
await using prometheus = await Prometheus.start({
  targets: [
    { address: stage.metricsAddress, labels: { namespace: 'vps247-system', instance: 'vps247-operator' } },
    { address: stage.secondAddress, labels: { namespace: 'vps247-second', instance: 'vps247-second' } },
  ],
  jobs: [documentedJob(stage.metricsAddress)],
  rules: renderRules(alerts.map(scaledAlert)),
  logFile: path.join(logs, 'prometheus.log'),
});

/** The only value of an expression; 0 if it has none. */
async function valueOf(expr: string): Promise<number> {
  const [series] = await prometheus.ask(expr);
  return series?.points[0]?.[1] ?? 0;
}

/** When each alert fired first, and with which labels. */
async function firings(since: number): Promise<ReadonlyMap<string, { readonly at: number; readonly labels: object }>> {
  const all = await prometheus.askRange('ALERTS{alertstate="firing"}', { start: since, end: now(), step: 1 });
  const first = new Map<string, { readonly at: number; readonly labels: object }>();
  for (const { labels: all_, points } of all) {
    const { __name__: _, alertname = '', alertstate: _state, ...labels } = all_;
    const at = points[0]?.[0] ?? Number.POSITIVE_INFINITY;
    if (at < (first.get(alertname)?.at ?? Number.POSITIVE_INFINITY)) first.set(alertname, { at, labels });
  }
  return first;
}

async function untilFired(names: readonly string[], timeout: number): Promise<void> {
  const missing = new Set<string | undefined>(names);
  const deadline = performance.now() + timeout;
  for (;;) {
    for (const { labels } of await prometheus.ask('ALERTS{alertstate="firing"}')) missing.delete(labels['alertname']);
    if (missing.size === 0) return;
    demand(performance.now() < deadline, `not fired after ${timeout / 1_000} s: ${[...missing].join(', ')}`);
    await sleep(200);
  }
}

/** Alerts and dashboards use only valid PromQL and metrics that were scraped. */
async function judgeExpressions(): Promise<void> {
  const scraped = await prometheus.names();
  const panels = dashboards.flatMap(({ variables, panels: of }) => [
    ...variables.map(({ metric }) => metric),
    ...of.flatMap(({ queries }) => queries.map(({ expr }) => expr)),
  ]);
  const expressions = [...alerts.map(({ expr }) => expr), ...panels];
  const asked = new Set<string>();
  for (const expr of expressions) {
    const names = await prometheus.metricsIn(withVariables(expr, { ...chosen, __rate_interval: rateInterval }));
    for (const name of names) asked.add(name);
  }
  const missing = [...asked].filter((name) => !scraped.has(name));
  demand(missing.length === 0, `never scraped, and asked for: ${missing.join(', ')}`);
  console.log(
    `✓ ${expressions.length} expressions of alerts and dashboards are PromQL, and each of the ${asked.size} metrics in them was scraped`,
  );
}

// Prometheus takes some seconds to start, during which the alert for an operator that is down fires.
await stage.cluster.until('the operator is scraped, and no alert remains of the time before', async () => {
  const [scraped, alerting] = [await valueOf('vps247_operator_build_info'), await valueOf('count(ALERTS)')];
  return scraped === 1 && alerting === 0;
});
const startedAt = Math.ceil(now());
await liveGoodDay(stage);
await stage.cluster.until('the good day is over', async () => {
  const since = `[${Math.floor(now() - startedAt)}s]`;
  const scrapes = await valueOf(`count_over_time(vps247_operator_build_info${since})`);
  const evaluations = await valueOf(`increase(prometheus_rule_group_iterations_total${since})`);
  return Math.min(scrapes, evaluations) >= goodDay;
});
const tooEarly = [...(await firings(startedAt)).keys()];
demand(tooEarly.length === 0, `on a good day there fired ${tooEarly.join(', ')}`);
console.log(
  `✓ on a good day none of the ${alerts.length} alerts fires, in at least ${goodDay} scrapes and as many evaluations`,
);

await judgeTargets(stage, prometheus);
console.log('✓ with the documented job, Prometheus scrapes the running VMs that have the label, and no others');

const planted: { readonly fault: Fault; readonly at: number }[] = [];
for (const fault of faults) {
  planted.push({ fault, at: now() });
  console.log(`after ${Math.round(now() - startedAt)} s: ${fault.what}`);
  await fault.plant(stage);
  if (fault.fix === undefined) {
    await sleep(spacing);
  } else {
    await untilFired(fault.alerts, 30_000);
    await fault.fix(stage);
  }
}
await untilFired(
  faults.filter(({ fix }) => fix === undefined).flatMap((fault) => fault.alerts),
  120_000,
);
await sleep(spacing);
const day: Day = { startedAt, worseAt: planted[0]?.at ?? now(), endedAt: Math.floor(now()) };

const fired = await firings(startedAt);
for (const { name, fires, for: time } of alerts) {
  const cause = planted.find(({ fault }) => fault.alerts.includes(name));
  const firing = fired.get(name);
  demand(cause !== undefined && firing !== undefined, `${name} has no fault that makes it fire`);
  demand(firing.at >= cause.at, `${name} fired before ${cause.fault.what}`);
  const labels = Object.keys(fires.labels).concat('severity').toSorted();
  demand(
    isDeepStrictEqual(Object.keys(firing.labels).toSorted(), labels),
    `${name} has other labels than promtool saw`,
  );
  console.log(
    `✓ ${name} (for ${time}: ${timeScale} times faster) fires ${(firing.at - cause.at).toFixed(0)} s after: ${cause.fault.what}`,
  );
}

await judgeExpressions();

const shown = await showPanels(prometheus, day);
function range(values: readonly number[] | undefined): string {
  if (values === undefined) return 'no data';
  const [least, most] = [Math.min(...values), Math.max(...values)].map((value) => Number(value.toPrecision(3)));
  return `${least} to ${most}`;
}
const problems: string[] = [];
for (const { file, title } of dashboards) {
  const panels = shown.filter(({ dashboard }) => dashboard === file);
  for (const one of panels) {
    const good = valuesIn(one, day.startedAt, day.worseAt);
    const bad = valuesIn(one, day.worseAt, day.endedAt + 1);
    const { onABadDay, isForTrouble, title: name } = one.panel;
    console.log(`  ${title}: ${name}: ${range(good)} on the good day, ${range(bad)} on the bad one`);
    if (good === undefined && isForTrouble !== true) problems.push(`${title}: ${name} has no data on the good day`);
    if (bad === undefined) problems.push(`${title}: ${name} has no data on the bad day`);
    const { peak = Number.NEGATIVE_INFINITY, trough = Number.POSITIVE_INFINITY } = onABadDay;
    if (bad !== undefined && (Math.max(...bad) < peak || Math.min(...bad) > trough))
      problems.push(`${title}: ${name} does not show the trouble: ${range(bad)}`);
  }
  const early = panels.filter(({ panel }) => panel.isForTrouble !== true).length;
  console.log(
    `✓ ${title}: ${early} of ${panels.length} panels have data on the good day, all ${panels.length} on the bad day`,
  );
}
demand(problems.length === 0, problems.join('\n'));
