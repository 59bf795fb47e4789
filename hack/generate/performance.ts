import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chartsOf, growthOf } from '../../bench/costs.ts';
import { drawCurves } from '../../bench/curve.ts';
import { sectionsOf } from '../../bench/figures.ts';
import { goalsOf } from '../../bench/goals.ts';
import { readKept } from '../../bench/kept.ts';
import type { Results } from '../../bench/results.ts';
import { renderGoals, renderTable } from '../../bench/table.ts';
import { markdownTable } from './table.ts';

const docs = join(import.meta.dirname, '../../docs');
const [begin, end] = ['<!-- figures: npm run bench -- --curve -->', '<!-- end of the figures -->'];

/** The picture of the figures that `npm run bench -- --keep` left in docs/performance.json. */
export function renderCurves(): string {
  return drawCurves(chartsOf(readKept()));
}

/** The page with its part between the two marks made anew from the same figures; the rest is written by hand. */
export function renderPerformance(): string {
  const page = readFileSync(join(docs, 'performance.md'), 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/performance.md has no ${begin} … ${end}`);
  return `${before}${begin}\n\n${renderFigures(readKept())}\n\n${end}${after}`;
}

function renderFigures(runs: readonly Results[]): string {
  const largest = runs.at(-1);
  if (largest === undefined) throw new Error('docs/performance.json has no run');
  const machines = inWords(largest.size);
  return [
    `With ${machines} machines, on ${largest.cores} cores that carried the API server, etcd, the provider, the bench and the operator:`,
    fence(renderGoals(goalsOf(largest))),
    '## How cost grows',
    '![Cost by the number of machines](performance-curve.svg)',
    ...(runs.length < 2 ? [] : [renderGrowth(runs)]),
    `## Every figure with ${machines} machines`,
    fence(renderTable(sectionsOf(largest)).trimStart().replace(/^/, '   ')),
  ].join('\n\n');
}

function renderGrowth(runs: readonly Results[]): string {
  const head = ['', ...runs.map(({ size }) => `${inWords(size)} machines`), 'growth', ''];
  const rows = growthOf(runs).map(({ what, unit, values, ratio, isStraight }) =>
    [what].concat(
      values.map((value) => `${value.toPrecision(3)} ${unit}`),
      [`${ratio.toFixed(2)} ×`, isStraight ? 'straight' : 'steeper'],
    ),
  );
  return `${markdownTable(head, rows)}

Growth compares the last two runs: what the whole fleet costs, divided by its machines; what one change costs, as it is. Up to 1.3 × is called straight.`;
}

function fence(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function inWords(count: number): string {
  return count.toLocaleString('en');
}
