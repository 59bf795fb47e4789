import { expect, test } from 'vitest';
import { type Fence, fences } from '../../support/documented.ts';
import { plain, readerOf } from '../../support/reader-shell.ts';
import { apiKey, useFixtures } from '../operator/fixture.ts';

const page = 'docs/first-machine.md';
const stageOf = useFixtures('first-machine');

/** Shell blocks, each with the block that shows what it prints. */
const steps = fences(page).flatMap((fence, index, all): readonly { readonly run: Fence; readonly shows: Fence }[] => {
  const shows = all[index + 1];
  return fence.language === 'sh' && shows?.language === 'text' ? [{ run: fence, shows }] : [];
});

test('every shell block of the page has a name, and shows its output', () => {
  const blocks = fences(page).filter(({ language }) => language === 'sh');
  expect(blocks.map(({ name }) => name)).not.toContain(undefined);
  expect(steps.map(({ run }) => run)).toEqual(blocks);
});

test("its commands, in order, print the page's output", async () => {
  const stage = await stageOf('tutorial', { withSecret: false });
  await stage.operator();
  const shell = await readerOf(stage.directory, stage.namespace);
  for (const { run, shows } of steps) {
    const printed = await shell(run.text.replaceAll('YOUR-KEY', apiKey));
    expect(plain(printed.replaceAll(stage.namespace, 'default')), `${page}:${run.line}`).toBe(plain(shows.text));
  }
  expect(stage.emulator.ledger.duplicates()).toEqual([]);
  expect(stage.emulator.ledger.liveMachines()).toEqual([]);
}, 90_000);
