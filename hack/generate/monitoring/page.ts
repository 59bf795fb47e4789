import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageWidth, wrapped } from '../table.ts';
import { type Dashboard, dashboards } from './panels.ts';
import { alertsList } from './rules.ts';

const file = join(import.meta.dirname, '../../../docs/monitoring.md');
const [begin, end] = ['<!-- generated: alerts and panels -->', '<!-- end of what is generated -->'];

/** docs/monitoring.md with the part between the two markers regenerated; the rest is handwritten. */
export function renderMonitoring(): string {
  const page = readFileSync(file, 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/monitoring.md has no ${begin} … ${end}`);
  const parts = ['## Alerts', alertsList(), '## Dashboards', ...dashboards.map(aboutDashboard)];
  return `${before}${begin}\n\n${parts.join('\n\n')}\n\n${end}${after}`;
}

function aboutDashboard({ title, description, panels }: Dashboard): string {
  const list = panels.map((panel) =>
    item(`**${panel.title}**: ${panel.description} _During failures_: ${panel.onABadDay.see}`),
  );
  return `### ${title}\n\n${wrapped(description, pageWidth)}\n\nPanels:\n\n${list.join('\n')}`;
}

function item(text: string): string {
  return wrapped(`- ${text}`, pageWidth, '  ');
}
