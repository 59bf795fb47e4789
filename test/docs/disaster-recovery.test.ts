import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { shellBlocks } from '../support/documented.ts';

const root = path.join(import.meta.dirname, '../..');
const blocks = shellBlocks('docs/disaster-recovery.md');

test('every command of the page has a unique name, by which a test runs it', () => {
  const runs = readFileSync(path.join(root, 'test/integration/operator/recovery.test.ts'), 'utf8');
  expect(blocks.length).toBeGreaterThan(8);
  expect(
    blocks.filter(
      ({ name }) => !runs.includes(`documented(page, '${name}')`) && !runs.includes(`confirmed('${name}', `),
    ),
  ).toEqual([]);
  expect(new Set(blocks.map(({ name }) => name)).size).toBe(blocks.length);
});

test('every fence of the page is seen', () => {
  const text = readFileSync(path.join(root, 'docs/disaster-recovery.md'), 'utf8');
  expect(text.match(/^\s*```\w/gm)).toHaveLength(blocks.length);
});
