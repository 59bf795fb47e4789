import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../support/pages.ts';

const page = readFileSync(path.join(projectRoot, 'docs/comparison.md'), 'utf8');

/** What is wrong with the links of a page to files of other repositories: each is at the commit that the page lists for its repository. */
function unpinned(text: string): string[] {
  const sources = new Set(
    Array.from(text.matchAll(/github\.com\/([\w.-]+\/[\w.-]+)\/tree\/([0-9a-f]{40})\)/g), ([, name, commit]) =>
      [name, commit].join('/blob/'),
    ),
  );
  return Array.from(text.matchAll(/github\.com\/([\w.-]+\/[\w.-]+\/blob\/[^/\s]+)\//g), ([, file = '']) => file).filter(
    (file) => !sources.has(file),
  );
}

/** Marks of links that are used and not defined, or defined and not used. */
function unmatched(text: string): string[] {
  const used = new Set(Array.from(text.matchAll(/\]\[(\w+)\]/g), ([, mark = '']) => mark));
  const defined = new Set(Array.from(text.matchAll(/^\[(\w+)\]:\s/gm), ([, mark = '']) => mark));
  return [...[...used].filter((mark) => !defined.has(mark)), ...[...defined].filter((mark) => !used.has(mark))];
}

test('every file of another project is linked at the commit that the page lists as its source', () => {
  expect(unpinned(page)).toEqual([]);
  expect(unmatched(page)).toEqual([]);
});

test('a link to a branch and an undefined link are found', () => {
  const commit = '0123456789'.repeat(4);
  const text = `[a](https://github.com/a/b/tree/${commit})\n[x][a1] [y][a2]\n[a1]: https://github.com/a/b/blob/main/c.md\n[a2]: https://github.com/a/b/blob/${commit}/c.md\n[a3]: x\n`;
  expect(unpinned(text)).toEqual(['a/b/blob/main']);
  expect(unmatched(text)).toEqual(['a3']);
});
