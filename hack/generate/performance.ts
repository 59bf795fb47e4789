import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { growthOf } from '../../bench/costs.ts';
import { sectionsOf } from '../../bench/figures.ts';
import { type Target, targetsOf } from '../../bench/targets.ts';
import { readResults } from '../../bench/results-store.ts';
import type { Results } from '../../bench/results.ts';
import { cellsOf, type Section } from '../../bench/table.ts';
import { markdownTable } from './table.ts';

const docs = join(import.meta.dirname, '../../docs');
const [begin, end] = ['<!-- figures: npm run bench -- --curve -->', '<!-- end of the figures -->'];

/** The page with the part between the two markers generated from docs/performance.json; the rest is handwritten. */
export function renderPerformance(): string {
  const page = readFileSync(join(docs, 'performance.md'), 'utf8');
  const [before, rest] = page.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`docs/performance.md has no ${begin} … ${end}`);
  return `${before}${begin}\n\n${renderFigures(readResults())}\n\n${end}${after}`;
}

function renderFigures(runs: readonly Results[]): string {
  const largest = runs.at(-1);
  if (largest === undefined) throw new Error('docs/performance.json has no run');
  const vms = `${inWords(largest.size)} VMs`;
  const goals = targetsOf(largest);
  return [
    `Measured with ${vms} on ${largest.cores} cores, which also ran the API server, etcd, the provider, and the bench.`,
    renderGoals(goals),
    '✗ marks a missed goal. Details:',
    goals.flatMap(detailOf).join('\n'),
    ...(runs.length < 2 ? [] : ['## Growth with the number of VMs', renderGrowth(runs)]),
    `## All figures with ${vms}`,
    ...sectionsOf(largest).map(renderSection),
  ].join('\n\n');
}

function detailOf({ what, floor, note }: Target): readonly string[] {
  const details = [note, floor === '-' ? '' : `floor: ${floor}`].filter((detail) => detail !== '');
  return details.length === 0 ? [] : [`- ${what}: ${details.join('; ')}`];
}

/** Marks a missed goal, so that the table needs no column for it. */
function renderGoals(goals: readonly Target[]): string {
  return markdownTable(
    ['', 'measured', 'goal', 'controller-runtime'],
    goals.map(({ what, measured, goal, isMet, controllerRuntime }) => [
      what,
      isMet ? measured : `✗ ${measured}`,
      goal,
      controllerRuntime,
    ]),
  );
}

function renderGrowth(runs: readonly Results[]): string {
  const head = ['', ...runs.map(({ size }) => `${inWords(size)} VMs`), 'growth'];
  const rows = growthOf(runs).map(({ what, unit, values, ratio, isLinear }) =>
    [what].concat(
      values.map((value) => `${value.toPrecision(3)} ${unit}`),
      [`${isLinear ? '' : '✗ '}${ratio.toFixed(2)} ×`],
    ),
  );
  return `${markdownTable(head, rows)}

Growth compares the last two runs. Costs of the whole fleet are divided by its VMs; costs of one change are compared
directly. Up to 1.3 × counts as linear; ✗ marks more.`;
}

function renderSection({ title, figures }: Section): string {
  return `### ${title.charAt(0).toUpperCase()}${title.slice(1)}

${markdownTable(
  ['', 'measured', 'floor', 'limit'],
  figures.map((figure) => {
    const [what = '', measured = '', floor = '', limit = '', note = ''] = cellsOf(figure);
    return [note === '' ? what : `${what}: ${note}`, measured, floor, limit];
  }),
)}`;
}

function inWords(count: number): string {
  return count.toLocaleString('en');
}
