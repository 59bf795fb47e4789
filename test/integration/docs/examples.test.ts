import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { applyAccountsCrd } from '../../support/accounts-crd.ts';
import { fences, shellBlocks } from '../../support/documented.ts';
import { installPlugin } from '../../support/plugin.ts';
import { filesBelow, projectRoot } from '../../support/pages.ts';
import { plain as plainWords, readerOf } from '../../support/reader-shell.ts';
import { apiKey, rotatedKey, type OperatorFixture, type FixtureOptions, useFixtures } from '../operator/fixture.ts';

const fixtureFor = useFixtures('examples');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 120_000 });

/** Outside of the reports, because they contain an API key. */
const checkouts: string[] = [];
afterEach(() => {
  for (const checkout of checkouts.splice(0)) rmSync(checkout, { recursive: true });
});

/** A fixture, and the commands of an example in a checkout whose files are changed by `edit`. */
async function exampleOf(
  name: string,
  options: FixtureOptions & {
    readonly edit?: (text: string, fixture: OperatorFixture) => string;
    readonly namespaces?: string[];
    readonly flags?: readonly string[];
  } = {},
): Promise<{ readonly fixture: OperatorFixture; readonly run: (index: number) => Promise<string> }> {
  const { edit = (text) => text, namespaces = [], flags = [], ...stageOptions } = options;
  const fixture = await fixtureFor(name, stageOptions);
  const checkout = mkdtempSync(path.join(tmpdir(), 'example-'));
  checkouts.push(checkout);
  cpSync(path.join(projectRoot, 'examples', name), path.join(checkout, 'examples', name), { recursive: true });
  for (const file of filesBelow(path.join('examples', name), '.yaml'))
    writeFileSync(path.join(checkout, file), edit(readFileSync(path.join(projectRoot, file), 'utf8'), fixture));
  await fixture.start({ namespaces, flags }).addresses;
  const shell = await readerOf(fixture.directory, fixture.namespace, checkout);
  const blocks = shellBlocks(`examples/${name}/README.md`);
  let done = 0;
  return {
    fixture,
    run: async (index) => {
      expect(index, 'the blocks run in order').toBe(done);
      done += 1;
      const printed = await shell((blocks[index]?.script ?? '').replaceAll('KEY-OF-TEAM-A', apiKey));
      expect(printed).not.toContain('exit code');
      if (index === blocks.length - 1) expect(done).toBe(blocks.length);
      return printed;
    },
  };
}

const withKey = (text: string): string => text.replaceAll('REPLACE_ME', apiKey);
const names = ({ emulator }: OperatorFixture): readonly string[] =>
  emulator.ledger.liveMachines().map(({ name }) => name);
/** Without what differs from run to run. */
const plain = (text: string): string =>
  text.replaceAll(/cache-[0-9a-f]{8}/g, 'cache-UID').replaceAll(/VM 1\d{3}\b/g, 'VM ID');

describe('the commands of the example', () => {
  test("account show the page's output, import a VM and hold another one back", async () => {
    await applyAccountsCrd();
    const { fixture, run } = await exampleOf('account', {
      flags: ['--accounts'],
      edit: (text, { emulator }) => {
        if (emulator.ledger.liveMachines().length === 0) emulator.panel.create({ name: 'legacy-db', packageId: 2 });
        return text;
      },
    });
    await installPlugin(path.join(fixture.directory, 'bin'));
    const shown = fences('examples/account/README.md').filter(({ language }) => language === 'text');
    for (const [index, { text }] of shown.entries())
      expect(plainWords((await run(index)).replaceAll(fixture.namespace, 'default'))).toBe(plainWords(text));
    await run(shown.length);
    expect(names(fixture)).toEqual(['legacy-db']);
    expect(fixture.emulator.ledger.writes()).toEqual([]);
  });

  test('first-machine create a VM', async () => {
    const { run } = await exampleOf('first-machine', { withSecret: false, edit: withKey });
    await run(0);
    expect(await run(1)).toContain('condition met');
  });

  test('accounts create a VM in each of two accounts', async () => {
    const keys = [apiKey, rotatedKey];
    const { fixture, run } = await exampleOf('accounts', {
      withSecret: false,
      accounts: keys.map((key, index) => ({ ownerId: index + 1, keys: [key] })),
      edit: (text) => text.replace('REPLACE_ME', apiKey).replace('REPLACE_ME', rotatedKey),
    });
    await run(0);
    await run(1);
    for (const name of ['shop', 'trial']) await fixture.untilReady(name, 'True/Available');
    expect((await fixture.object('shop'))?.status?.ownerId).toBe(1);
    expect((await fixture.object('trial'))?.status?.ownerId).toBe(2);
  });

  test('adoption adopt two VMs without changing them', async () => {
    let id = 0;
    const { fixture, run } = await exampleOf('adoption', {
      edit: (text, { emulator }) => {
        if (id === 0) {
          id = emulator.panel.create({ name: 'Web 1' });
          emulator.panel.create({ name: 'Legacy DB (2019)' });
        }
        return text.replace('id: 1234', `id: ${id}`);
      },
    });
    await run(0);
    expect((await fixture.untilReady('legacy-web', 'True/Available')).status?.id).toBe(id);
    await run(1);
    expect((await fixture.untilReady('legacy-db', 'True/Available')).status?.origin).toBe('Adopted');
    expect(fixture.emulator.ledger.writes()).toEqual([]);
  });

  test('keep create two VMs', async () => {
    const { fixture, run } = await exampleOf('keep');
    await run(0);
    for (const name of ['database', 'archive']) await fixture.untilReady(name, 'True/Available');
    expect(names(fixture)).toHaveLength(2);
  });

  test("plan show the page's output, and nothing happens before the approval", async () => {
    const { fixture, run } = await exampleOf('plan');
    const [create, remove] = fences('examples/plan/README.md').filter(({ language }) => language === 'text');
    const show = shellBlocks('examples/plan/README.md')[0]?.script.split('\n')[1] ?? '';
    await run(0);
    await fixture.untilReady('cache', 'False/PlanOnly');
    const shell = await readerOf(path.join(fixture.directory, 'again'), fixture.namespace);
    expect(plain(await shell(show))).toBe(plain(create?.text ?? ''));
    expect(names(fixture)).toEqual([]);
    await run(1);
    await fixture.untilReady('cache', 'True/Available');
    await fixture.cluster.patch(fixture.namespace, 'cache', { spec: { managementPolicy: 'Plan' } });
    await fixture.cluster.delete(fixture.namespace, 'cache');
    await fixture.cluster.until('the plan of the deletion', async () => (await shell(show)).includes('DeleteMachine'));
    expect(plain(await shell(show))).toBe(plain(remove?.text ?? ''));
    expect(names(fixture)).toHaveLength(1);
  });

  test('schedule halt a VM, and keep it running', async () => {
    const { fixture, run } = await exampleOf('schedule', {
      // In the first window now, whenever that is.
      edit: (text) =>
        text
          .replace('from: 0 20 * * MON-FRI', 'from: "* * * * *"')
          .replace('to: 0 7 * * MON-FRI', 'to: 0 0 1 1 *')
          .replace(/ +# Over Christmas too[^]*/, ''),
    });
    await run(0);
    await fixture.untilReady('training', 'True/HaltedBySchedule');
    expect(await run(1)).toMatch(/^training +Running +Halted +True +HaltedBySchedule .*\n\d{4}-12-31T23:00:00Z\n/ms);
    await run(2);
    await fixture.untilReady('training', 'True/Available');
    await run(3);
    await fixture.untilReady('training', 'True/HaltedBySchedule');
    const operations = fixture.emulator.ledger.writes().map(({ operation }) => operation);
    expect(operations).toEqual(['CreateMachine', 'StopMachine', 'StartMachine', 'StopMachine']);
  });

  test('team create a namespace with a VM', async () => {
    const { fixture, run } = await exampleOf('team', { namespaces: ['team-a'] });
    for (const index of [0, 1, 2]) await run(index);
    const isReady = async (): Promise<boolean> =>
      (await fixture.cluster.get('team-a', 'web'))?.status?.state === 'Running';
    await fixture.cluster.until('the VM of the team runs', isReady);
    await fixture.cluster.delete('team-a', 'web');
    await fixture.cluster.until('it is deleted', async () => names(fixture).length === 0);
  });
});

test('every example with commands for a cluster like ours is run', () => {
  const examples = filesBelow('examples', 'README.md').filter((page) => shellBlocks(page).length > 0);
  // Argo CD and Flux aren't there: documents.test.ts checks their objects.
  expect(examples.map((page) => page.split('/')[1])).toEqual([
    'account',
    'accounts',
    'adoption',
    'first-machine',
    'gitops',
    'keep',
    'plan',
    'schedule',
    'team',
  ]);
});
