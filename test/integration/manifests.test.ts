import { beforeAll, describe, expect, test } from 'vitest';
import { installation, onlyOne, readManifests, samplesFolder, type Manifest } from '../packaging/manifests.ts';
import { freshNamespace, kubectl } from '../support/shared-cluster.ts';

// Everything is applied to the cluster that other suites use too, and left there: applying it again changes nothing.
const manifests = readManifests(installation);
const deployment = onlyOne(manifests, 'Deployment');
const { name, namespace = '' } = deployment.metadata;
const template = deployment['spec'].template;

/** A pod's spec, freely modified; any, as in the manifests. */
type Spec = Manifest[string];

/** What kubectl printed, its complaint included; fails the test when it complains. */
async function succeed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args);
  expect(code, stderr).toBe(0);
  return stdout + stderr;
}

/** Has a pod admitted as if it were created by the Deployment, in the namespace, and not stored. */
async function admit(change: (spec: Spec) => void): Promise<{ code: number | null; stderr: string }> {
  const pod = { apiVersion: 'v1', kind: 'Pod', ...structuredClone(template) };
  pod.metadata = { ...pod.metadata, name: 'tried', namespace };
  change(pod.spec);
  return kubectl(['create', '--dry-run=server', '-f', '-'], { input: JSON.stringify(pod) });
}

beforeAll(async () => {
  // Without the policies, for the sake of suites that delete what is protected.
  await succeed('apply', '-f', 'crds/virtualmachines.vps247.com.yaml');
  const first = await kubectl(['apply', '-f', installation]);
  // Another suite may have created one of the objects at that very moment; then it is there the second time.
  if (first.code !== 0) await succeed('apply', '-f', installation);
});

test('one apply installs everything without a warning, and a second one changes nothing', async () => {
  const version = ['get', 'poddisruptionbudget', name, '-n', namespace, '-o', 'jsonpath={.metadata.resourceVersion}'];
  const before = await succeed(...version);
  const lines = (await succeed('apply', '-f', installation)).trim().split('\n');
  expect(lines).toHaveLength(manifests.length);
  // Of a budget kubectl always sends the whole spec, and calls that configured; the API server sees that it is the same.
  expect(lines.filter((line) => !line.endsWith(' unchanged'))).toEqual([
    `poddisruptionbudget.policy/${name} configured`,
  ]);
  expect(await succeed(...version)).toBe(before);
});

test('the samples are accepted, including the one with a mistake', async () => {
  const samples = readManifests(samplesFolder);
  const apply = ['apply', '--dry-run=server', '--namespace', await freshNamespace()];
  const lines = (await succeed(...apply, '-f', samplesFolder)).trim().split('\n');
  expect(lines).toEqual(samples.map(({ metadata }) => expect.stringContaining(`/${metadata.name} created`)));
});

test('the example of credentials is accepted', async () => {
  await succeed(
    'apply',
    '--dry-run=server',
    '--namespace',
    await freshNamespace(),
    '-f',
    `${samplesFolder}/credentials`,
  );
});

describe('the namespace enforces the restricted level for pods', () => {
  test("the operator's pod is accepted", async () => {
    expect(await admit(() => {})).toMatchObject({ code: 0 });
  });

  test.each<[complaint: string, modify: (spec: Spec) => void]>([
    ['hostNetwork=true', (spec) => (spec.hostNetwork = true)],
    ['allowPrivilegeEscalation != false', (spec) => delete spec.containers[0].securityContext.allowPrivilegeEscalation],
    ['unrestricted capabilities', (spec) => delete spec.containers[0].securityContext.capabilities],
    ['runAsNonRoot != true', (spec) => delete spec.securityContext.runAsNonRoot],
    ['seccompProfile', (spec) => delete spec.securityContext.seccompProfile],
  ])('it is refused after a change: %s', async (complaint, modify) => {
    const { code, stderr } = await admit(modify);
    expect(code).not.toBe(0);
    expect(stderr).toContain('violates PodSecurity "restricted:latest"');
    expect(stderr).toContain(complaint);
  });
});

describe('the service account', () => {
  const account = `system:serviceaccount:${namespace}:${template.spec.serviceAccountName}`;

  test.each<[verb: string, resource: string, answer: 'yes' | 'no', why: string]>([
    ['watch', 'virtualmachines.vps247.com', 'yes', 'that is where its work comes from'],
    ['patch', 'virtualmachines.vps247.com', 'yes', 'finalizer and annotations'],
    ['patch', 'virtualmachines.vps247.com/status', 'yes', 'it says what it does'],
    ['get', 'secrets', 'yes', 'the API keys'],
    ['create', 'events.events.k8s.io', 'yes', 'it says what happened'],
    ['create', 'virtualmachines.vps247.com', 'no', 'a VM costs money: only users create objects'],
    ['delete', 'virtualmachines.vps247.com', 'no', 'a delete destroys data: only users delete objects'],
    ['create', 'secrets', 'yes', 'the initial passwords'],
    ['update', 'secrets', 'no', 'keys are only read'],
    ['patch', 'secrets', 'no', 'no Secret that is there can be overwritten'],
    ['create', 'pods', 'no', 'nothing but machines'],
    ['get', 'leases.coordination.k8s.io', 'no', 'a Lease only in its own namespace'],
    ['escalate', 'clusterroles.rbac.authorization.k8s.io', 'no', 'it cannot give itself more'],
  ])('may %s %s: %s (%s)', async (verb, resource, answer) => {
    const [plain = '', subresource] = resource.split('/');
    const flags = subresource === undefined ? [] : [`--subresource=${subresource}`];
    const { stdout } = await kubectl(['auth', 'can-i', verb, plain, ...flags, '--all-namespaces', `--as=${account}`]);
    expect(stdout.trim()).toBe(answer);
  });
});

test.each<[verb: string, answer: 'yes' | 'no']>([
  ['get', 'yes'],
  ['create', 'yes'],
  ['patch', 'yes'],
  ['delete', 'no'],
])('may %s Leases in its own namespace: %s', async (verb, answer) => {
  const account = `system:serviceaccount:${namespace}:${template.spec.serviceAccountName}`;
  const leases = ['leases.coordination.k8s.io', '--namespace', namespace, `--as=${account}`];
  const { stdout } = await kubectl(['auth', 'can-i', verb, ...leases]);
  expect(stdout.trim()).toBe(answer);
});

test('the controllers create the pods of the Deployment, with all owner references', async () => {
  const labels = Object.entries(deployment['spec'].selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  const selection = ['--namespace', namespace, '--selector', labels.join()];
  const made = ['--for=jsonpath={.status.replicas}=2', `deployment/${name}`];
  await succeed('wait', '--namespace', namespace, ...made, '--timeout=50s');
  const { items } = JSON.parse(await succeed('get', 'replicasets,pods', ...selection, '-o', 'json'));
  const [replicaSet, pod, other, ...more] = items;
  expect([other?.kind, more], 'a ReplicaSet and two pods').toEqual(['Pod', []]);
  expect(replicaSet.metadata.ownerReferences).toMatchObject([{ kind: 'Deployment', name, controller: true }]);
  expect(pod.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', name: replicaSet.metadata.name }]);
  expect(pod.spec.containers[0].image).toBe(template.spec.containers[0].image);
});
