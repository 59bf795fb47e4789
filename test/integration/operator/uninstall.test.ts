import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { stringify } from 'yaml';
import { helm } from '../../support/helm.ts';
import { kubectl, sharedCluster } from '../../support/shared-cluster.ts';
import { userAt } from './user.ts';
import { apiKey, type OperatorFixture, spec, useFixtures } from './fixture.ts';

const stageFor = useFixtures('uninstall');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

const folder = mkdtempSync(path.join(tmpdir(), 'vps247-uninstall-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const labels = [
  ['with the label', { 'vps247.com/credentials': 'true' }],
  ['without the label', {}],
] as const;

/** What a user's own chart or folder holds: the Secret with the API key, and a VM that is made with it. */
function manifests(secretLabels: Readonly<Record<string, string>>): Readonly<Record<string, object>> {
  return {
    'credentials.yaml': {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'team-key', labels: secretLabels },
      stringData: { 'api-key': apiKey },
    },
    'vm.yaml': {
      apiVersion: 'vps247.com/v1alpha1',
      kind: 'VirtualMachine',
      metadata: { name: 'web' },
      spec: { ...spec, credentialsSecretRef: { name: 'team-key' } },
    },
  };
}

function write(name: string, files: Readonly<Record<string, object>>): string {
  const place = path.join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(place, file)), { recursive: true });
    writeFileSync(path.join(place, file), stringify(content));
  }
  return place;
}

async function expectNothingLeft(fixture: OperatorFixture): Promise<void> {
  await fixture.untilGone('web');
  const calls = fixture.emulator.ledger.callsByOperation();
  expect([calls.CreateMachine, calls.DeleteMachine, fixture.emulator.ledger.liveMachines()]).toEqual([1, 1, []]);
}

describe.each(labels)('a Secret %s that is deleted with its VirtualMachine', (what, secretLabels) => {
  it('helm uninstall deletes the VM', async () => {
    const fixture = await stageFor(`helm ${what}`, { withSecret: false });
    const files = manifests(secretLabels);
    const chart = write(`chart ${what}`, {
      'Chart.yaml': { apiVersion: 'v2', name: 'team', version: '0.1.0' },
      ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`templates/${name}`, content])),
    });
    const where = ['--namespace', fixture.namespace, '--kubeconfig', sharedCluster().kubeconfig];
    await fixture.operator();
    expect(await helm(['install', 'team', chart, ...where])).toMatchObject({ code: 0 });
    await fixture.untilReady('web', 'True/Available');
    expect(await helm(['uninstall', 'team', ...where])).toMatchObject({ code: 0 });
    await expectNothingLeft(fixture);
  });

  it('kubectl delete of the folder deletes the VM', async () => {
    const fixture = await stageFor(`kubectl ${what}`, { withSecret: false });
    const place = write(`folder ${what}`, manifests(secretLabels));
    await fixture.operator();
    expect(await kubectl(['-n', fixture.namespace, 'apply', '-f', place])).toMatchObject({ code: 0 });
    await fixture.untilReady('web', 'True/Available');
    expect(await kubectl(['-n', fixture.namespace, 'delete', '-f', place])).toMatchObject({ code: 0 });
    await expectNothingLeft(fixture);
  });

  it('deleting the namespace deletes the VM', async () => {
    const fixture = await stageFor(`namespace ${what}`, { withSecret: false });
    const place = write(`of namespace ${what}`, manifests(secretLabels));
    await fixture.operator();
    expect(await kubectl(['-n', fixture.namespace, 'apply', '-f', place])).toMatchObject({ code: 0 });
    await fixture.untilReady('web', 'True/Available');
    expect(await kubectl(['delete', 'namespace', fixture.namespace])).toMatchObject({ code: 0 });
    await expectNothingLeft(fixture);
  });
});

it('an operator that restarts between the two reports the remedy, and finishes once the Secret is back', async () => {
  const fixture = await stageFor('restart', { withSecret: false });
  const user = userAt(fixture);
  const place = write('of restart', manifests({}));
  const operator = await fixture.operator();
  expect(await kubectl(['-n', fixture.namespace, 'apply', '-f', place])).toMatchObject({ code: 0 });
  await fixture.untilReady('web', 'True/Available');
  await operator.kill();
  const args = ['-n', fixture.namespace, 'delete', '--wait=false', '-f', place];
  expect(await kubectl(args)).toMatchObject({ code: 0 });
  await fixture.operator();
  const blocked = await user.untilCondition('web', 'DeletionBlocked', 'True/CredentialsMissing');
  const { message } = blocked.status?.conditions?.find(({ type }) => type === 'DeletionBlocked') ?? {};
  expect(message).toContain(
    `kubectl -n ${fixture.namespace} patch vps web --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`,
  );
  const secret = path.join(place, 'credentials.yaml');
  expect(await kubectl(['-n', fixture.namespace, 'apply', '-f', secret])).toMatchObject({ code: 0 });
  await expectNothingLeft(fixture);
});
