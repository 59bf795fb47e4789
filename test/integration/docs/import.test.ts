import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { documented, shellBlocks } from '../../support/documented.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { useFixtures } from '../operator/fixture.ts';

const page = 'docs/import.md';
const stageFor = useFixtures('import');

test('its commands adopt every VM of an account without a change, and write no password', async () => {
  const stage = await stageFor('page');
  const { emulator } = stage;
  const names = ['Legacy DB (2019)', 'web', '-Batch_1', 'web'];
  const ids = names.map((name) => emulator.panel.create({ name, state: name === 'web' ? 'running' : 'halted' }));
  await stage.operator();
  const shell = await readerOf(stage.directory, stage.namespace);
  const steps = shellBlocks(page).map(({ name = '' }) => name);
  for (const step of steps) {
    const script = documented(page, step).replace('https://api.vps247.com', stage.apiUrl);
    const printed = await shell(script.replaceAll(/\b(vms|managed)\.json/g, path.join(stage.directory, '$&')));
    expect(printed).not.toContain('exit code');
  }
  expect(readFileSync(path.join(stage.directory, 'vms.json'), 'utf8')).not.toContain('emulated-password-');
  const objects = [`legacy-db-2019-${ids[0]}`, `web-${ids[1]}`, `batch-1-${ids[2]}`, `web-${ids[3]}`];
  for (const [index, name] of objects.entries()) {
    const object = await stage.untilReady(name, 'True/Available');
    expect([object.status?.id, object.status?.origin]).toEqual([ids[index], 'Adopted']);
    await stage.cluster.delete(stage.namespace, name);
    await stage.untilGone(name);
  }
  expect(emulator.ledger.writes()).toEqual([]);
  expect(emulator.ledger.liveMachines().map(({ name }) => name)).toEqual(names);
}, 120_000);

test('its shell has a curl and a jq that the machine need not have', async () => {
  const stage = await stageFor('tools', { withSecret: false });
  const shell = await readerOf(stage.directory, stage.namespace);
  expect(await shell('type -t curl; command -v jq')).toMatch(/^function\n.*\/control-plane\/gojq-v[^/]+\/jq\n$/);
});
