import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { parse } from 'yaml';

const root = path.join(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/security.md'), 'utf8');

/** For each threat, its tests: the file and the title of each. */
type Tests = Readonly<Record<string, readonly Readonly<Record<string, string>>[]>>;
const tests: Tests = parse(readFileSync(path.join(import.meta.dirname, 'threats.yaml'), 'utf8'));

/** The rows of all tables of threats, without their heads. */
function threatsIn(text: string): string[] {
  const [, threats = ''] = text.split(/^## Threats$/m);
  const [section = ''] = threats.split(/^## /m);
  return Array.from(section.matchAll(/^\| (?!threat |-)(.+?) +\| .+ \|$/gm), ([, threat = '']) => threat);
}

/** What is wrong with the tests of a threat; nothing if there are some, and all exist. */
function faultsOf(threat: string, known: Tests): string[] {
  const named = (known[threat] ?? []).flatMap((one) => Object.entries(one));
  if (named.length === 0) return ['names no test'];
  return named.flatMap(([file, title]) => {
    if (!existsSync(path.join(root, file))) return [`${file} does not exist`];
    const source = readFileSync(path.join(root, file), 'utf8');
    const isThere = ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
    return isThere ? [] : [`${file} has no test "${title}"`];
  });
}

describe.each(threatsIn(page))('%s', (threat) => {
  it('is mitigated, as tests that exist verify', () => {
    expect(faultsOf(threat, tests)).toEqual([]);
  });
});

test('the page lists every threat that has tests, and no threat twice', () => {
  expect(threatsIn(page).toSorted()).toEqual(Object.keys(tests).toSorted());
  expect(threatsIn(page).length).toBeGreaterThan(100);
});

test('a threat without tests, a missing file and a missing test are found', () => {
  expect(faultsOf('a', {})).toEqual(['names no test']);
  expect(faultsOf('a', { a: [{ 'test/none.test.ts': 'x' }] })).toEqual(['test/none.test.ts does not exist']);
  expect(faultsOf('a', { a: [{ 'test/docs/guarantees.test.ts': 'gone' }] })).toEqual([
    'test/docs/guarantees.test.ts has no test "gone"',
  ]);
});
