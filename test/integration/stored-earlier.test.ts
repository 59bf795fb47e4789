import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { startControlPlane } from '../../hack/control-plane/start.ts';
import { Cluster } from '../support/control-plane.ts';
import { retainVm } from '../../src/api/v1alpha1/commands.ts';
import { finalizer } from '../../src/api/v1alpha1/constants.ts';
import { sharedCluster } from '../support/shared-cluster.ts';
import { permissiveCrd, presentCrd, store } from './remedies/fixture.ts';
import { selectors } from './resource.ts';
import { refusals } from './spec-constraints.ts';

// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 240_000 });

const root = join(import.meta.dirname, '../..');
const out = '.out/stored-earlier';
const nameOf = (index: number): string => `vm-${index}`;

/** What the API server refuses although the patch doesn't touch it: it checks these with everything beside them. */
const refused = ['no region', 'no package', 'no osTemplate', 'an id in quotes'];

it('a stored spec that the present schema refuses does not prevent a change to Retain during a deletion', async () => {
  rmSync(join(root, out), { recursive: true, force: true });
  mkdirSync(join(root, out), { recursive: true });
  await using plane = await startControlPlane({ logDir: join(root, out, 'control-plane') });
  const cluster = new Cluster(plane.kubeconfigPath);
  const shell = (command: string): string => {
    const { kubectl } = sharedCluster();
    const script = `kubectl() { "${kubectl}" --kubeconfig "${plane.kubeconfigPath}" --cache-dir "${join(root, out, 'cache')}" "$@"; }\n${command}`;
    const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
    return status === 0 ? stdout : stderr;
  };
  writeFileSync(join(root, out, 'permissive.yaml'), permissiveCrd());
  await cluster.applyCrd(join(out, 'permissive.yaml'));
  for (const [index, { spec }] of refusals.entries()) {
    const metadata = { name: nameOf(index), namespace: 'default', finalizers: [finalizer] };
    await store(cluster, metadata, spec);
    await cluster.delete('default', metadata.name);
  }
  await presentCrd(cluster);
  const answers = refusals.map(({ what }, index) => [
    what,
    shell(retainVm({ namespace: 'default', name: nameOf(index) })).replace(/^virtualmachine\S+ /, ''),
  ]);
  expect(answers.filter(([, answer]) => answer !== 'patched\n').map(([what]) => what)).toEqual(refused);
  // The API server says what has to be corrected in the same patch.
  expect(answers.find(([what]) => what === 'no region')?.[1]).toContain('region, package and osTemplate are required');
  const completed = JSON.stringify({ spec: { ...selectors, deletionPolicy: 'Retain' } });
  expect(shell(`kubectl patch vps ${nameOf(0)} --type merge -p '${completed}'`)).toContain('patched');
});
