import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, test } from 'vitest';
import { fastLatencies } from '../../support/fast-settings.ts';
import { createEmulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { sharedCluster } from '../../support/shared-cluster.ts';
import { projectRoot } from '../../support/pages.ts';
import { plain, readerShell } from '../../support/reader-shell.ts';
import { isShown, transcriptsOf } from '../../support/transcripts.ts';
import { Site } from '../operator/site.ts';
import { keyOf, Place } from '../remedies/fixture.ts';
import { situations } from './situations.ts';

const page = 'docs/situations.md';
const out = path.join(projectRoot, '.out/operator/situations');
// Many times what it takes, for machines with other things to do.
const limit = 400_000;

const transcripts = transcriptsOf(page);

/** Which account came first differs from run to run. */
function numbered(output: string): string {
  return output.replaceAll(/\baccount \d+/g, 'account NUMBER');
}

const arranged = new Map<string, Promise<unknown>>();
const closes: (() => Promise<unknown>)[] = [];
const namespaceOf = (name: string): string => `situation-${name}`;
let site: Site;

beforeAll(async () => {
  site = await Site.open(out);
  closes.push(() => site.close());
  await site.cluster.applyFiles(['deploy/manifests/crds.yaml']);
  const names = Object.keys(situations);
  const emulator = createEmulator({
    seed: 7,
    latencies: fastLatencies,
    accounts: names.map((_, index) => ({ ownerId: index + 1, keys: [keyOf(index + 1)] })),
  });
  const provider = await serve(emulator, { port: 0 });
  closes.push(() => provider.close());
  const operator = await site.operator(provider.url, ['--leader-election-namespace', 'vps247-system'], {
    // An answer that does not come is not an error while the page's commands run.
    'api-response-timeout': '5m',
    'api-connect-timeout': '60s',
  });
  closes.push(() => operator.kill());
  for (const [index, [name, arrange]] of Object.entries(situations).entries()) {
    const place = new Place(site, emulator, namespaceOf(name), { ownerId: index + 1, isShared: false });
    const arranging = site.cluster
      .createNamespace(place.namespace)
      .then(() => (name === 'key-missing' ? undefined : place.putKey(place.apiKey)))
      .then(() => arrange(place));
    // The test that waits for it reports it.
    arranging.catch(() => {});
    arranged.set(name, arranging);
  }
}, limit);

afterAll(async () => {
  for (const close of closes.toReversed()) await close();
}, limit);

it.each(transcripts)(
  "$name: kubectl shows the page's output",
  async ({ name, line, commands }) => {
    await arranged.get(name);
    const namespace = namespaceOf(name);
    const home = path.join(out, 'home');
    mkdirSync(home, { recursive: true });
    const env = {
      PATH: `${path.dirname(sharedCluster().kubectl)}:${process.env['PATH']}`,
      KUBECONFIG: site.cluster.kubeconfig,
      HOME: home,
    };
    for (const { typed, shows } of commands) {
      const script = `kubectl() { command kubectl --namespace ${namespace} "$@"; }\n${typed}`;
      const printed = await readerShell(script.replaceAll(/-n default\b/g, `-n ${namespace}`), { env });
      const words = plain(numbered(printed.replaceAll(namespace, 'default').replace(/\nexit code 1$/, '')));
      const expected = plain(numbered(shows));
      expect(isShown(words, expected) ? expected : words, `${page}:${line}: ${typed}`).toBe(expected);
    }
  },
  limit,
);

test('every situation has its transcript in the page, and every transcript its situation', () => {
  expect(transcripts.map(({ name }) => name).toSorted()).toEqual(Object.keys(situations).toSorted());
});
