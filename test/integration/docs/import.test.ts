import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { documented, shellBlocks } from '../../support/documented.ts';
import { installPlugin } from '../../support/plugin.ts';
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
  await installPlugin(path.join(stage.directory, 'bin'));
  const shell = await readerOf(stage.directory, stage.namespace, stage.directory);
  const steps = shellBlocks(page).map(({ name = '' }) => name);
  for (const step of steps) {
    // Other tests of this cluster have other accounts, with the same ids.
    const script = documented(page, step).replace('vps import', `vps import -n ${stage.namespace}`);
    const printed = await shell(script.replace('https://api.vps247.com', stage.apiUrl));
    expect(printed).not.toContain('exit code');
  }
  const folder = path.join(stage.directory, 'vms');
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  expect(files).toHaveLength(names.length);
  for (const file of readdirSync(folder))
    expect(readFileSync(path.join(folder, file), 'utf8'), file).not.toContain('emulated-password-');
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
