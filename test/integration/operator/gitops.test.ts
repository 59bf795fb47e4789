import { expect, it, vi } from 'vitest';
import { annotations, finalizer } from '../../../src/api/v1alpha1/constants.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { watchedOperator } from './candidates.ts';
import { spec, type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('gitops');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });

interface Entry {
  readonly manager: string;
  readonly subresource?: string;
  readonly fieldsV1: Readonly<Record<string, unknown>>;
}

function manifest(fixture: OperatorFixture, labels: Readonly<Record<string, string>> = {}): string {
  const metadata = { name: 'web', namespace: fixture.namespace, labels };
  return JSON.stringify({ apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', metadata, spec });
}

async function succeed(args: readonly string[], input: string): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, { input });
  expect(code, `kubectl ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

const apply = (fixture: OperatorFixture, manager: string, labels = {}, ...flags: readonly string[]) =>
  succeed(['apply', '--server-side', `--field-manager=${manager}`, ...flags, '-f', '-'], manifest(fixture, labels));

/** Who wrote which fields of the object, as the API server keeps it. */
async function entries(fixture: OperatorFixture): Promise<readonly Entry[]> {
  const { metadata } = JSON.parse(
    await succeed(['-n', fixture.namespace, 'get', 'vps', 'web', '-o', 'json', '--show-managed-fields'], ''),
  ) as { readonly metadata: { readonly managedFields: readonly Entry[] } };
  return metadata.managedFields;
}

it('repeated applies from Git by other tools: no conflict, no difference, no write of the operator', async () => {
  const fixture = await stageFor('applied');
  const writes: { readonly method: string; readonly path: string; readonly fields: readonly string[] }[] = [];
  const { close } = await watchedOperator(fixture, [], ({ api, method, path, body }) => {
    if (api === 'kubernetes' && method !== 'GET' && path.includes('/virtualmachines')) {
      // Every body that the operator sends here is an object.
      writes.push({ method, path, fields: Object.keys(JSON.parse(body) as object) });
    }
    return { kind: 'pass' };
  });
  try {
    await apply(fixture, 'argocd-controller', { 'app.kubernetes.io/instance': 'shop', gone: 'soon' });
    const before = await fixture.untilReady('web', 'True/Available');
    const writesBefore = writes.length;
    const lists = () => fixture.emulator.ledger.callsByOperation().ListMachines ?? 0;
    const listsBefore = lists();
    for (let round = 0; round < 3; round += 1) {
      await apply(fixture, 'argocd-controller', { 'app.kubernetes.io/instance': 'shop', gone: 'soon' });
    }
    // As Argo CD compares: what a server-side apply would change, and nothing has to be ignored.
    await succeed(
      ['diff', '--server-side', '--field-manager=argocd-controller', '-f', '-'],
      manifest(fixture, { 'app.kubernetes.io/instance': 'shop', gone: 'soon' }),
    );
    await fixture.cluster.until('two lists', async () => lists() >= listsBefore + 2);
    const after = await fixture.object('web');
    expect(after?.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(writes).toHaveLength(writesBefore);

    // Flux takes the object over, by force, and drops a label.
    await apply(fixture, 'kustomize-controller', { 'app.kubernetes.io/instance': 'shop' }, '--force-conflicts');
    await apply(fixture, 'argocd-controller', { 'app.kubernetes.io/instance': 'shop' });
    const { metadata } = (await fixture.object('web')) ?? before;
    expect(metadata.labels).toEqual({ 'app.kubernetes.io/instance': 'shop' });
    expect([metadata.finalizers, metadata.annotations]).toEqual([[finalizer], before.metadata.annotations]);
    expect(metadata.generation).toBe(1);

    await fixture.cluster.patch(fixture.namespace, 'web', { spec: { powerState: 'Halted' } });
    await fixture.cluster.until('halted', async () => (await fixture.object('web'))?.status?.state === 'Halted');
    await fixture.untilReady('web', 'True/Available');
    const ours = (await entries(fixture)).filter(({ manager }) => manager === 'vps247-operator');
    expect(ours.flatMap(({ fieldsV1 }) => Object.keys(fieldsV1)).toSorted()).toEqual(['f:metadata', 'f:status']);
    const owned = ours.flatMap(({ fieldsV1 }) => Object.entries(Object(fieldsV1['f:metadata'])));
    expect(owned.map(([name]) => name).toSorted()).toEqual(['f:annotations', 'f:finalizers']);
    const [, inAnnotations] = owned.find(([name]) => name === 'f:annotations') ?? [];
    expect(Object.keys(Object(inAnnotations)).filter((name) => name !== '.')).toEqual([`f:${annotations.machine}`]);

    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    // In the whole life nothing but patches, of metadata or of the status.
    expect(writes.filter(({ method }) => method !== 'PATCH')).toEqual([]);
    expect(writes.filter(({ fields }) => fields.some((field) => !['metadata', 'status'].includes(field)))).toEqual([]);
    expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual([
      'CreateMachine',
      'StopMachine',
      'DeleteMachine',
    ]);
  } finally {
    await close();
  }
});
