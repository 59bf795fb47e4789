import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/security.md'), 'utf8');

interface Threat {
  readonly threat: string;
  readonly held: string;
}

/** The rows of all tables, without their heads. */
function threatsIn(text: string): Threat[] {
  return Array.from(text.matchAll(/^\| (?!threat |---)(.+?) \| .+ \| (.+) \|$/gm), ([, threat = '', held = '']) => ({
    threat,
    held,
  }));
}

/** What is wrong with the last column of a row; nothing if it names tests that are there. */
function faultsOf(held: string): string[] {
  const named = Array.from(held.matchAll(/`(test\/[^`]+\.test\.ts)`: "([^"]+)"/g));
  if (named.length === 0) return ['names no test'];
  return named.flatMap(([, file = '', title = '']) => {
    if (!existsSync(path.join(root, file))) return [`there is no ${file}`];
    const source = readFileSync(path.join(root, file), 'utf8');
    const isThere = ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
    return isThere ? [] : [`${file} has no test "${title}"`];
  });
}

describe.each(threatsIn(page))('$threat', ({ held }) => {
  it('is held by tests that are there', () => {
    expect(faultsOf(held)).toEqual([]);
  });
});

test('no row is overlooked', () => {
  expect(threatsIn(page)).toHaveLength(page.split('\n').filter((line) => / \| `test\//.test(line)).length);
  expect(threatsIn(page).length).toBeGreaterThan(20);
});

test('a test that is not there would be noticed', () => {
  expect(faultsOf('the network')).toEqual(['names no test']);
  expect(faultsOf('`test/none.test.ts`: "x"')).toEqual(['there is no test/none.test.ts']);
  expect(faultsOf('`test/docs/guarantees.test.ts`: "gone"')).toEqual([
    'test/docs/guarantees.test.ts has no test "gone"',
  ]);
});
