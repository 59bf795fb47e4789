import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, test } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8');
const promises = text
  .split(/^## /m)
  .slice(1)
  .map((section) => ({ title: section.split('\n')[0] ?? '', section }));

/** Files of the project that a text names in back quotes or links to. */
function filesIn(page: string): string[] {
  const named = Array.from(page.matchAll(/`((?:src|test|docs)\/[^`\s]+)`/g), ([, file = '']) => file);
  const linked = Array.from(page.matchAll(/\]\(([^)#:]+)\)/g), ([, file = '']) => path.join('docs', file));
  return [...named, ...linked];
}

describe.each(promises)('$title', ({ section }) => {
  const parts = section.split(/\*\*(?:How it works|Limitations|Tests)\*\*/);

  it('states how it works, its limitations, and its tests', () => {
    expect(parts).toHaveLength(4);
    const [, mechanisms = '', assumptions = '', tests = ''] = parts;
    expect(filesIn(mechanisms).filter((file) => file.startsWith('src/'))).not.toEqual([]);
    expect(assumptions).toMatch(/^- /m);
    expect(filesIn(tests).filter((file) => file.endsWith('.test.ts'))).not.toEqual([]);
  });

  it('names files that are there', () => {
    expect(filesIn(section).filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
  });
});

test('a file that is not there would be noticed', () => {
  expect(filesIn('`src/none.ts`, [here](adr/none.md) and [there](https://example.org)')).toEqual([
    'src/none.ts',
    'docs/adr/none.md',
  ]);
});
