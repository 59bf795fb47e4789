import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownTable } from '../table.ts';
import { dashboards } from './panels.ts';
import { alertsTable } from './rules.ts';

const file = join(import.meta.dirname, '../../../docs/monitoring.md');
const [begin, end] = ['<!-- generated: alerts and panels -->', '<!-- end of what is generated -->'];

/** docs/monitoring.md with its part between the two marks made anew; the rest is written by hand. */
export function renderMonitoring(): string {
  const page = readFileSync(file, 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/monitoring.md has no ${begin} … ${end}`);
  const boards = dashboards.map(
    ({ title, tells, panels }) =>
      `### ${title}\n\n${tells}\n\n${markdownTable(
        ['panel', 'tells'],
        panels.map((panel) => [panel.title, panel.tells]),
      )}`,
  );
  return `${before}${begin}\n\n## Alerts\n\n${alertsTable()}\n\n## Dashboards\n\n${boards.join('\n\n')}\n\n${end}${after}`;
}
