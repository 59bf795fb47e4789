import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { applyAccountsCrd } from '../../support/accounts-crd.ts';
import { shellBlocks } from '../../support/documented.ts';
import { installPlugin } from '../../support/plugin.ts';
import { plain, readerOf } from '../../support/reader-shell.ts';
import { isShown, type Transcript, transcriptsOf } from '../../support/transcripts.ts';
import { type OperatorFixture, useFixtures } from '../operator/fixture.ts';

const page = 'docs/kubectl-vps.md';
const fixtureFor = useFixtures('kubectl-vps');
// Many times what it takes, for machines with other things to do.
const limit = 400_000;

beforeAll(applyAccountsCrd);

interface Reader {
  readonly fixture: OperatorFixture;
  readonly shell: (script: string) => Promise<string>;
}

async function readerWithPlugin(name: string): Promise<Reader> {
  const fixture = await fixtureFor(name);
  await installPlugin(path.join(fixture.directory, 'bin'));
  const shell = await readerOf(fixture.directory, fixture.namespace, fixture.directory);
  return { fixture, shell };
}

/** Shown by `status`, and read by other verbs. */
const account = `kubectl apply -f - <<'END'
{apiVersion: vps247.com/v1alpha1, kind: Account, metadata: {name: main}, spec: {currency: EUR}}
END
kubectl wait account main --for=condition=Ready --timeout=2m`;

/** What has to be so before the commands of a block run, by the name of the block. */
const before: Readonly<Record<string, (reader: Reader) => Promise<unknown>>> = {
  'status-typo': async ({ fixture }) => {
    await fixture.create('typo', { package: { name: 'Budgett' } });
    await fixture.untilReady('typo', 'False/UnknownCatalogName');
  },
  pause: ({ fixture }) => fixture.untilReady('web', 'True/Available'),
  'keep-running': ({ shell }) =>
    shell(
      `kubectl patch vps web --type merge -p '{"spec":{"powerSchedule":{"timeZone":"UTC","halted":[{"from":"0 0 29 2 *","to":"1 0 29 2 *"}]}}}'`,
    ),
  plan: ({ shell }) => shell(`kubectl patch vps web --type merge -p '{"spec":{"powerSchedule":null}}'`),
  ssh: ({ shell }) => shell('kubectl vps start web --wait'),
  import: async ({ fixture }) => {
    const held = (await fixture.object('web'))?.status?.id;
    const ids = [
      fixture.emulator.panel.create({ name: 'Legacy DB (2019)', state: 'halted' }),
      fixture.emulator.panel.create({ name: 'web', state: 'running' }),
    ];
    const list = [
      { id: held, name: 'web-0a1b2c3d', state: 'running' },
      { id: ids[0], name: 'Legacy DB (2019)', state: 'halted' },
      { id: ids[1], name: 'web', state: 'running' },
    ];
    writeFileSync(path.join(fixture.directory, 'vms.json'), JSON.stringify({ virtual_machines: list }));
  },
  'adopt-back': async ({ fixture }) => {
    await fixture.create('web');
    await fixture.untilReady('web', 'False/OrphanCandidateFound');
  },
  inventory: async ({ fixture, shell }) => {
    await fixture.untilReady('web', 'True/Available');
    await shell('kubectl label vps web app=shop');
  },
};

async function compare({ fixture, shell }: Reader, { line, commands }: Transcript): Promise<void> {
  for (const { typed, shows } of commands) {
    // Other tests of this cluster have other accounts, with the same ids.
    const script = typed.replace('vps import', `vps import -n ${fixture.namespace}`);
    const printed = (await shell(script)).replaceAll(fixture.namespace, 'default').replace(/\nexit code \d+$/, '');
    const [words, expected] = [plain(printed), plain(shows)];
    expect(isShown(words, expected) ? expected : words, `${page}:${line}: ${typed}`).toBe(expected);
  }
}

test('the commands of the page, in order, print what it shows', { timeout: limit }, async () => {
  const reader = await readerWithPlugin('page');
  const { fixture, shell } = reader;
  await fixture.operator(['--accounts']);
  await fixture.create('web');
  await fixture.untilReady('web', 'True/Available');
  await shell(account);
  for (const transcript of transcriptsOf(page)) {
    await before[transcript.name]?.(reader);
    await compare(reader, transcript);
    if (transcript.name === 'ssh')
      for (const { name, script } of shellBlocks(page))
        expect(await shell(script), name).toMatch(/^emulated-password-/);
  }
  const effects = fixture.emulator.ledger.writes().map(({ operation }) => operation);
  // One for each change on the page, and none for the others.
  expect(effects).toEqual([
    'CreateMachine',
    'StopMachine',
    'StartMachine',
    'RestartMachine',
    'StopMachine',
    'StartMachine',
  ]);
});

test('its transcripts are all named, and every preparation belongs to one', () => {
  const names = transcriptsOf(page).map(({ name }) => name);
  expect(names).not.toContain('');
  expect(Object.keys(before).filter((name) => !names.includes(name))).toEqual([]);
});
