import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownTable } from '../table.ts';
import { type BadDay, readBadDay } from './bad-day.ts';
import { type Dashboard, dashboards } from './panels.ts';
import { drawDashboard } from './picture.ts';
import { alertsTable } from './rules.ts';

const file = join(import.meta.dirname, '../../../docs/monitoring.md');
const [begin, end] = ['<!-- generated: alerts and panels -->', '<!-- end of what is generated -->'];

/** docs/monitoring.md with its part between the two marks made anew; the rest is written by hand. */
export function renderMonitoring(): string {
  const page = readFileSync(file, 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/monitoring.md has no ${begin} … ${end}`);
  const parts = [
    '## Alerts',
    alertsTable(),
    '## A bad day',
    aboutBadDay(readBadDay()),
    '## Dashboards',
    ...dashboards.map(aboutDashboard),
  ];
  return `${before}${begin}\n\n${parts.join('\n\n')}\n\n${end}${after}`;
}

/** docs/monitoring-<file>.svg: the dashboard as it was on the bad day. */
export function renderPicture(of: Dashboard['file']): string {
  const dashboard = dashboards.find((candidate) => candidate.file === of);
  if (dashboard === undefined) throw new Error(`there is no dashboard ${of}`);
  return drawDashboard(dashboard, readBadDay());
}

function aboutDashboard({ file: name, title, description, panels }: Dashboard): string {
  const table = markdownTable(
    ['panel', 'meaning', 'on a bad day'],
    panels.map((panel) => [panel.title, panel.description, panel.onABadDay.see]),
  );
  return `### ${title}\n\n${description}\n\n![${title} on a bad day](monitoring-${name}.svg)\n\n${table}`;
}

function aboutBadDay({ faults }: BadDay): string {
  const table = markdownTable(
    ['', 'at', 'what goes wrong', 'what fires'],
    faults.map(({ at, what, alerts }, index) => [
      String(index + 1),
      `${at} s`,
      what,
      alerts.map((alert) => `${alert.name} after ${alert.at - at} s`).join(', '),
    ]),
  );
  return `The pictures below are recorded. \`npm run verify -- prometheus\` runs a real Prometheus that scrapes a running operator, first on a good day and
then on a day on which everything fails. \`npm run bad-day\` records what every panel shows. The recording is sixty times faster than real time:
a second stands for a minute, also in the times of alerts. Each panel has a red background from the first fault on. The numbers are those of the faults:

${table}`;
}
