import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageWidth, wrapped } from '../table.ts';
import { type BadDay, readBadDay } from './bad-day.ts';
import { type Dashboard, dashboards } from './panels.ts';
import { drawDashboard } from './picture.ts';
import { alertsList } from './rules.ts';

const file = join(import.meta.dirname, '../../../docs/monitoring.md');
const [begin, end] = ['<!-- generated: alerts and panels -->', '<!-- end of what is generated -->'];

/** docs/monitoring.md with the part between the two marks generated again; the rest is written by hand. */
export function renderMonitoring(): string {
  const page = readFileSync(file, 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/monitoring.md has no ${begin} … ${end}`);
  const parts = [
    '## Alerts',
    alertsList(),
    '## Dashboards during failures',
    aboutBadDay(readBadDay()),
    '## Dashboards',
    ...dashboards.map(aboutDashboard),
  ];
  return `${before}${begin}\n\n${parts.join('\n\n')}\n\n${end}${after}`;
}

/** docs/monitoring-<file>.svg: the dashboard during the recorded failures. */
export function renderPicture(of: Dashboard['file']): string {
  const dashboard = dashboards.find((candidate) => candidate.file === of);
  if (dashboard === undefined) throw new Error(`there is no dashboard ${of}`);
  return drawDashboard(dashboard, readBadDay());
}

function aboutDashboard({ file: name, title, description, panels }: Dashboard): string {
  const list = panels.map((panel) =>
    item(`**${panel.title}**: ${panel.description} _During failures_: ${panel.onABadDay.see}`),
  );
  const picture = `![${title} during failures](monitoring-${name}.svg)`;
  return `### ${title}\n\n${wrapped(description, pageWidth)}\n\n${picture}\n\nPanels:\n\n${list.join('\n')}`;
}

function aboutBadDay({ faults }: BadDay): string {
  const list = faults.map(({ at, what, alerts }, index) => {
    const fired = alerts.map((alert) => `${alert.name} after ${alert.at - at} s`).join(', ');
    return wrapped(`${index + 1}. At ${at} s, ${what}. Fires: ${fired}.`, pageWidth, index < 9 ? '   ' : '    ');
  });
  return `${about}

${list.join('\n')}`;
}

const about = `The pictures below are recorded. \`npm run verify -- prometheus\` runs a real Prometheus that scrapes a
running operator, first without failures and then with many. \`npm run bad-day\` records every panel.
The recording is sixty times faster than real time: a second stands for a minute, also in the times of
alerts. Each panel has a red background from the first failure on, and the numbers of the failures:`;

function item(text: string): string {
  return wrapped(`- ${text}`, pageWidth, '  ');
}
