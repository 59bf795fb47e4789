import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { projectRoot } from '../support/pages.ts';

const page = readFileSync(path.join(projectRoot, 'docs/comparison.md'), 'utf8');
const anchors = ['cert-manager', 'external-secrets', 'KEDA', 'Crossplane', 'Kyverno', 'CloudNativePG'];

/** What is committed, or would be: nothing that is ignored. */
const files = new Set(
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => existsSync(path.join(projectRoot, file))),
);

const cellsOf = (line: string): string[] => line.replace(/^\| ?| ?\|$/g, '').split(' | ');

/** The lines of all tables, in front of them the heading of their section. */
function linesIn(text: string): { readonly section: string; readonly cells: readonly string[] }[] {
  return text.split(/^## /m).flatMap((part) => {
    const [section = '', ...lines] = part.split('\n');
    return lines.filter((line) => line.startsWith('|')).map((line) => ({ section, cells: cellsOf(line) }));
  });
}

const isHead = ({ cells }: { readonly cells: readonly string[] }): boolean => cells[1] === 'this operator';
const isRule = ({ cells }: { readonly cells: readonly string[] }): boolean => cells.every((cell) => cell === '---');
const lookedAt = linesIn(page).filter(({ section }) => section === 'What was looked at');
const tables = linesIn(page).filter(({ section }) => section !== 'What was looked at');
const rows = tables.filter((line) => !isHead(line) && !isRule(line));

/** Each repository with the commit that was looked at. */
const commits = new Map(
  lookedAt.slice(2).flatMap(({ cells: [repository = '', short = '', date = ''] }) => {
    const [, name = '', commit = ''] =
      /\]\(https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/tree\/([0-9a-f]{40})\)$/.exec(repository) ?? [];
    const isWhole = short === `\`${commit.slice(0, 12)}\`` && /^\d{4}-\d\d-\d\d$/.test(date);
    return isWhole ? [[name, commit] as const] : [];
  }),
);

/** What is wrong with the cells of a row. */
function faultsOf([convention = '', ours = '', ...theirs]: readonly string[]): string[] {
  const faults = theirs.length === anchors.length ? [] : [`${theirs.length} cells of others`];
  if (convention.trim() === '') faults.push('no convention');
  return [...faults, ...faultsOfOurs(ours), ...theirs.flatMap(faultsOfTheirs)];
}

function faultsOfOurs(cell: string): string[] {
  if (/^no(: \S.*)?$/.test(cell)) return [];
  if (!/^(yes|partly): \[[^\]]+\]\(\.\.\/[^)]+\)/.test(cell)) return [`neither a file nor no: ${cell}`];
  const named = Array.from(cell.matchAll(/\]\(\.\.\/([^)]+)\)/g), ([, file = '']) => file);
  return named.filter((file) => !files.has(file)).map((file) => `no file of the project: ${file}`);
}

function faultsOfTheirs(cell: string): string[] {
  if (/^not found(: \S.*)?$/.test(cell)) return [];
  if (!/^\[(yes|partly)\]\(https:/.test(cell)) return [`neither a file nor not found: ${cell}`];
  return Array.from(cell.matchAll(/\]\(([^)]+)\)/g), ([, address = '']) => address).filter((address) => {
    const [, name = '', commit] = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+)\/blob\/([^/]+)\/./.exec(address) ?? [];
    return commit === undefined || commits.get(name) !== commit;
  });
}

describe.each(rows)('$section: $cells.0', ({ cells }) => {
  it('has seven cells, files of ours that are there, and files of others at the commits that are named', () => {
    expect(faultsOf(cells)).toEqual([]);
  });
});

test('every table has all anchors in its head', () => {
  const heads = tables.filter(isHead);
  expect(heads.length).toBe(new Set(tables.map(({ section }) => section)).size);
  for (const { cells, section } of heads) expect(cells.slice(2), section).toEqual(anchors);
});

test('every repository is named with a commit and its date, and each anchor has one', () => {
  expect(commits.size).toBe(lookedAt.length - 2);
  const owners = [...commits.keys()].map((name) => name.split('/')[0]);
  const expected = ['cert-manager', 'external-secrets', 'kedacore', 'crossplane', 'kyverno', 'cloudnative-pg'];
  expect(owners).toEqual(expect.arrayContaining(expected));
});

test('it tells what others have and this one has not', () => {
  expect(rows.length).toBeGreaterThan(60);
  expect(rows.filter(({ cells: [, ours = ''] }) => ours.startsWith('no')).length).toBeGreaterThan(5);
});

test('a missing cell, a file that is not there or ignored, an unknown commit and an empty cell would be noticed', () => {
  const whole = ['a', 'no', ...anchors.map(() => 'not found')];
  expect(faultsOf(whole)).toEqual([]);
  expect(faultsOf(whole.slice(1))).toContain('5 cells of others');
  expect(faultsOf(whole.with(1, 'yes: [x](../src/none.ts)'))).toEqual(['no file of the project: src/none.ts']);
  expect(faultsOf(whole.with(1, 'yes: [x](../node_modules/.bin/node)'))).toHaveLength(1);
  expect(faultsOf(whole.with(1, 'yes'))).toEqual(['neither a file nor no: yes']);
  expect(faultsOf(whole.with(2, 'yes'))).toEqual(['neither a file nor not found: yes']);
  const elsewhere = 'https://github.com/kedacore/keda/blob/main/README.md';
  expect(faultsOf(whole.with(4, `[yes](${elsewhere})`))).toEqual([elsewhere]);
});
