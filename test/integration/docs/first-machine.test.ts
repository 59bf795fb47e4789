import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { sharedCluster } from '../../support/cluster.ts';
import { type Fence, fences } from '../../support/documented.ts';
import { plain, readerShell } from '../../support/reader.ts';
import { apiKey, useStages } from '../operator/stage.ts';

const page = 'docs/first-machine.md';
const stageOf = useStages('first-machine');

/** Shell blocks, each with the block that shows what it prints. */
const steps = fences(page).flatMap((fence, index, all): readonly { readonly run: Fence; readonly shows: Fence }[] => {
  const shows = all[index + 1];
  return fence.language === 'sh' && shows?.language === 'text' ? [{ run: fence, shows }] : [];
});

test('every shell block of the page has a name, and shows what it prints', () => {
  const blocks = fences(page).filter(({ language }) => language === 'sh');
  expect(blocks.map(({ name }) => name)).not.toContain(undefined);
  expect(steps.map(({ run }) => run)).toEqual(blocks);
});

test('its commands, in order, print what the page shows', async () => {
  const stage = await stageOf('tutorial', { withSecret: false });
  await stage.operator();
  const { kubeconfig, kubectl } = sharedCluster();
  const bin = path.join(stage.directory, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(kubectl, path.join(bin, 'kubectl'));
  const own = path.join(stage.directory, 'kubeconfig');
  // The namespace is part of what the reader has chosen before.
  writeFileSync(own, readFileSync(kubeconfig));
  const environment = { PATH: `${bin}:${process.env['PATH']}`, KUBECONFIG: own, HOME: stage.directory };
  const shell = (script: string): Promise<string> => readerShell(script, { env: environment });
  await shell(`kubectl config set-context --current --namespace=${stage.namespace}`);
  for (const { run, shows } of steps) {
    const printed = await shell(run.text.replaceAll('YOUR-KEY', apiKey));
    expect(plain(printed.replaceAll(stage.namespace, 'default')), `${page}:${run.line}`).toBe(plain(shows.text));
  }
  expect(stage.emulator.ledger.duplicates()).toEqual([]);
  expect(stage.emulator.ledger.liveMachines()).toEqual([]);
}, 90_000);
