import { beforeAll, expect, test } from 'vitest';
import { applyAccountsCrd } from '../../support/accounts-crd.ts';
import { documented, fences } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { useFixtures } from '../operator/fixture.ts';

const page = 'docs/accounts.md';
const fixtureFor = useFixtures('docs-accounts');

beforeAll(applyAccountsCrd);

/** What the page shows below the block of this name. */
function shown(name: string): string {
  const all = fences(page);
  return all[all.findIndex((fence) => fence.name === name) + 1]?.text ?? '';
}

/** Columns by one space, without the last one. */
function withoutAge(text: string): string {
  return text.replaceAll(/ +\S+$/gm, '').replaceAll(/ +/g, ' ');
}

test('its commands show the account, its unmanaged VMs and the prices as the page does', async () => {
  const fixture = await fixtureFor('page');
  const { panel } = fixture.emulator;
  panel.create({ name: 'legacy-db', packageId: 2 });
  panel.create({ name: 'Web 1', packageId: 2, state: 'halted' });
  await fixture.operator(['--accounts']);
  await fixture.create('web', { package: { name: 'Standard' } });
  await fixture.untilReady('web', 'True/Available');
  const shell = await readerOf(fixture.directory, fixture.namespace);
  expect(await shell(documented(page, 'create'))).toContain('condition met');
  expect(withoutAge(await shell(documented(page, 'get')))).toBe(withoutAge(shown('get')));
  for (const block of ['unmanaged', 'packages']) expect(await shell(documented(page, block)), block).toBe(shown(block));
  await shell(documented(page, 'pause'));
  await fixture.untilReady('web', 'True/Paused');
});
