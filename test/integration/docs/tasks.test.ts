import { expect, test } from 'vitest';
import { documented, shellBlocks } from '../../support/documented.ts';
import { freshNamespace } from '../../support/shared-cluster.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { apiKey, rotatedKey, useFixtures } from '../operator/fixture.ts';

const page = 'docs/tasks.md';
const stageFor = useFixtures('tasks');

test('the commands of the page, in order, have the documented effect', async () => {
  const stage = await stageFor('page');
  const { cluster, emulator, namespace } = stage;
  const target = await freshNamespace();
  await cluster.putSecret(target, rotatedKey);
  await stage.start({ namespaces: [target] }).addresses;
  const shell = await readerOf(stage.directory, namespace);
  const done = new Set<string>();
  const run = (...names: readonly string[]): Promise<string> => {
    for (const name of names) done.add(name);
    const script = names.map((name) => documented(page, name)).join('\n');
    return shell(
      script
        .replaceAll('NEW-KEY', rotatedKey)
        .replaceAll('OLD-NAMESPACE', namespace)
        .replaceAll('NEW-NAMESPACE', target),
    );
  };
  const calls = (): readonly string[] => emulator.ledger.writes().map(({ operation }) => operation);

  await stage.create('web');
  await stage.untilReady('web', 'True/Available');
  await run('restart');
  await cluster.until('the VM was restarted', async () => calls().includes('RestartMachine'));
  await stage.untilReady('web', 'True/Available');
  await run('halt');
  await run('start');
  expect(calls()).toEqual(['CreateMachine', 'RestartMachine', 'StopMachine', 'StartMachine']);

  expect(await run('password')).toMatch(/^emulated-password-/);

  await run('rotate');
  expect(await run('check-key')).toMatch(/^web .* Available /m);
  emulator.accounts.revokeKey(apiKey);

  await run('pause');
  await stage.untilReady('web', 'True/Paused');
  await run('resume');
  await stage.untilReady('web', 'True/Available');
  await run('reconcile');

  await run('replacement');
  await run('replaced');
  expect(emulator.ledger.liveMachines()).toHaveLength(1);

  const before = calls().length;
  const [vm] = emulator.ledger.liveMachines();
  await run('orphan', 'adopt');
  expect((await stage.object('shop'))?.status?.id).toBe(vm?.id);
  await run('move');
  expect(await stage.object('shop')).toBeUndefined();
  expect((await cluster.get(target, 'shop'))?.status?.id).toBe(vm?.id);
  expect(calls()).toHaveLength(before);

  expect([...done]).toEqual(shellBlocks(page).map(({ name }) => name));
  await cluster.delete(target, 'shop');
  await cluster.until('the VM is deleted', async () => emulator.ledger.liveMachines().length === 0);
  expect(emulator.ledger.duplicates()).toEqual([]);
}, 180_000);
