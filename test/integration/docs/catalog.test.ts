import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { documented, fences } from '../../support/documented.ts';
import { projectRoot } from '../../support/pages.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { apiKey, useFixtures } from '../operator/fixture.ts';

const page = 'docs/catalog.md';
const stageFor = useFixtures('catalog');

/** What the page shows below the block of this name. */
function shown(name: string): string | undefined {
  const all = fences(page);
  const next = all[all.findIndex((fence) => fence.name === name) + 1];
  return next?.language === 'text' ? next.text : undefined;
}

test('its commands list what the account can use, and show the message for a typo', async () => {
  const stage = await stageFor('page');
  await stage.operator();
  const shell = await readerOf(stage.directory, stage.namespace);
  const run = (script: string): Promise<string> => shell(script.replace('https://api.vps247.com', stage.apiUrl));

  expect(JSON.parse(await run(documented(page, 'regions')))).toEqual(JSON.parse(shown('regions') ?? ''));
  const { packages, osTemplates } = stage.emulator.catalog;
  const named = async (block: string) => JSON.parse(await run(documented(page, block))) as readonly { name: string }[];
  expect((await named('packages')).map(({ name }) => name)).toEqual(packages.map(({ name }) => name));
  for (const block of ['regions', 'packages', 'templates']) {
    const [entry = {}] = await named(block);
    const fields = Object.keys(entry).filter((field) => field !== 'id' && !/^price_\w+_(?:gbp|usd)$/.test(field));
    for (const field of fields) expect(readFileSync(path.join(projectRoot, page), 'utf8')).toContain(`\`${field}\``);
  }
  expect((await named('templates')).map(({ name }) => name)).toEqual(osTemplates.map(({ name }) => name));
  expect(await run(documented(page, 'typo'))).toBe(shown('typo'));
  // The API key is an argument of no program: bash shows what it starts.
  expect(await run(`set -x; ${documented(page, 'regions')}`)).not.toContain(apiKey);
  await stage.cluster.delete(stage.namespace, 'typo');
  await stage.untilGone('typo');
});
