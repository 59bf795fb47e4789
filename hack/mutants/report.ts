import type { Result, Verdict } from './campaign.ts';
import { oneLine } from './mutate.ts';

const verdicts: readonly Verdict[] = ['found', 'timed out', 'survived', 'not covered'];

/** One row for each folder of src, and one for all. */
export function renderTable(results: readonly Result[]): string {
  const folders = Map.groupBy(results, ({ mutant }) => mutant.file.split('/').slice(0, 2).join('/'));
  const rows = [...folders].toSorted(([a], [b]) => a.localeCompare(b)).map(([folder, list]) => row(folder, list));
  const head = ['folder', 'mutants', ...verdicts, 'score'];
  return [head, head.map(() => '---'), ...rows, row('all', results)]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('');
}

function row(name: string, results: readonly Result[]): readonly string[] {
  const counts = verdicts.map((verdict) => results.filter((result) => result.verdict === verdict).length);
  return [name, String(results.length), ...counts.map(String), `${(scoreOf(results) * 100).toFixed(1)} %`];
}

/** The share of mutants that a test finds; one that hangs is found. */
function scoreOf(results: readonly Result[]): number {
  return results.filter(isFound).length / results.length;
}

function isFound({ verdict }: Pick<Result, 'verdict'>): boolean {
  return verdict === 'found' || verdict === 'timed out';
}

/** Each survivor with the change and how many of its tests ran. */
export function renderSurvivors(results: readonly Result[], textOf: (file: string) => string): string {
  return results
    .filter((result) => !isFound(result))
    .toSorted((a, b) => a.mutant.file.localeCompare(b.mutant.file) || a.mutant.start - b.mutant.start)
    .map(({ mutant, verdict, ran }) => {
      const { file, start, end, replacement, kind, function: name } = mutant;
      const source = textOf(file);
      const line = source.slice(0, start).split('\n').length;
      const tests = verdict === 'not covered' ? 'no test runs it' : `${ran} test files pass`;
      const place = `${file}:${line} ${name === '' ? 'module' : name} (${kind}; ${tests})`;
      return `- ${place}\n  \`\`\`diff\n  - ${short(source.slice(start, end))}\n  + ${short(replacement)}\n  \`\`\`\n`;
    })
    .join('');
}

function short(text: string): string {
  const line = oneLine(text);
  return line.length > 160 ? `${line.slice(0, 160)} …` : line;
}
