import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { documented, shellBlocks } from '../../support/documented.ts';
import { installPlugin } from '../../support/plugin.ts';
import { readerOf } from '../../support/reader-shell.ts';
import { useFixtures } from '../operator/fixture.ts';

const page = 'docs/automation.md';
const fixtureFor = useFixtures('automation');

/** Programs that would connect to the VMs: each prints what it was called with, and what ssh would connect to. */
const programs = {
  ssh: String.raw`#!/bin/sh
[ "$1" = -F ] || exit 1
awk -v host="$3" '$1 == "Host" { found = $2 == host } found && $1 == "HostName" { print $2 }' "$2"
shift 3
echo "ran $*"`,
  'ansible-playbook': '#!/bin/sh\necho "ran $*"',
};

test('the commands of the page reach the VMs of the objects', async () => {
  const fixture = await fixtureFor('page');
  await fixture.operator();
  for (const name of ['web', 'db']) await fixture.create(name);
  const shell = await readerOf(fixture.directory, fixture.namespace, fixture.directory);
  const bin = path.join(fixture.directory, 'bin');
  await installPlugin(bin);
  for (const [name, script] of Object.entries(programs)) writeFileSync(path.join(bin, name), script, { mode: 0o755 });
  await shell('kubectl label vps web app=shop');

  expect(await shell(documented(page, 'wait'))).toBe('virtualmachine.vps247.com/web condition met\n');
  await fixture.untilReady('db', 'True/Available');
  const addressOf = async (name: string) => (await fixture.object(name))?.status?.addresses?.[0]?.address;
  expect(await shell(documented(page, 'ssh'))).toBe(`${await addressOf('web')}\nran uptime -p\n`);
  expect(await shell(documented(page, 'ansible'))).toBe('ran -i inventory.yaml site.yaml\n');
  const { all }: { readonly all: unknown } = parse(
    readFileSync(path.join(fixture.directory, 'inventory.yaml'), 'utf8'),
  );
  expect(all).toEqual({
    hosts: { web: expect.objectContaining({ ansible_host: await addressOf('web'), ansible_user: 'root' }) },
  });
  expect(shellBlocks(page).map(({ name }) => name)).toEqual(['ssh', 'ansible', 'wait']);
}, 120_000);
