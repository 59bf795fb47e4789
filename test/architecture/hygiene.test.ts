import { expect, test } from 'vitest';
import { readSources, root, type Source } from './sources.ts';

/** Where the project happens to lie; a path as short as `/app` may be meant otherwise, so only deeper ones are looked for. */
const checkout = root.split('/').length > 2 ? root : undefined;

const machineSpecific: readonly (readonly [string, RegExp])[] = [
  [
    'a package registry, which everyone configures for themselves',
    /registry\.(npmjs|yarnpkg)\.|proxy\.golang\.|sum\.golang\.|pypi\.org/,
  ],
  ["a developer's home directory", /(^|[\s'"`=:(])\/(home|Users)\/(?!nonroot\b)[A-Za-z]/m],
];

function complaints({ path, text }: Source): string[] {
  const found = machineSpecific.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${path} names ${what}`);
  if (checkout !== undefined && text.includes(`${checkout}/`)) found.push(`${path} names this checkout's own path`);
  return found;
}

test('no file contains values of a single machine', () => {
  expect(readSources('.').flatMap(complaints)).toEqual([]);
});

// Put together from pieces, or this file itself would be complained about.
test.each([
  [['https://registry', 'npmjs', 'org/got'].join('.'), 'a package registry'],
  [['cd ', 'home', 'ann', 'operator'].join('/'), 'home directory'],
])('%s is found', (text, complaint) => {
  expect(complaints({ path: 'x', text })).toEqual([expect.stringContaining(complaint)]);
});

const rules: readonly (readonly [what: string, pattern: RegExp, folders: readonly string[]])[] = [
  // A name may hold quotation marks and characters that change how its neighbors are shown.
  ['quotes a name itself instead of by `quoted`', /"\$\{/, ['src/api', 'src/plan', 'src/reconcile', 'src/status']],
  // It may end within a character, or within a command.
  ['cuts a text itself instead of by `cutToCharacters`, `cutToBytes` or `cutMessage`', /slice\(.*…/, ['src']],
  // A shell takes some names for more than a word.
  ['puts a command together outside of commands.ts', /kubectl -n \$\{/, ['src']],
];

test.each(rules)('no message %s', (_what, pattern, folders) => {
  const found = folders.flatMap((folder) =>
    readSources(folder).flatMap(({ path, text }) =>
      path.endsWith('src/domain/text.ts')
        ? []
        : text.split('\n').flatMap((line) => (pattern.test(line) ? [`${path}: ${line.trim()}`] : [])),
    ),
  );
  expect(found).toEqual([]);
});

/** More than fits into one look: divide it by behavior. */
const mostLines = 500;

test(`no test file has more than ${mostLines} lines`, () => {
  const lengths = readSources('test')
    .filter(({ path }) => path.endsWith('.test.ts'))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }));
  expect(lengths.filter(({ lines }) => lines > mostLines)).toEqual([]);
  // Those that a wrong folder or pattern would overlook.
  expect(lengths.length).toBeGreaterThan(150);
});
