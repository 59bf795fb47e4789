import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Manifest, onlyOne, samplesFolder, virtualMachines } from '../packaging/manifests.ts';
import { everything, notesOf, objectsOf } from './chart.ts';

function namesOf(objects: readonly Manifest[], kind: string): string[] {
  return objects
    .filter((object) => object.kind === kind)
    .map(({ metadata }) => [metadata.namespace, metadata.name].filter(Boolean).join('/'));
}

test('with namespaces there is a Role and a binding in each, and nothing for the whole cluster', async () => {
  const objects = await objectsOf({ watchNamespaces: ['team-a', 'team-b'], crds: { enabled: false } });
  const expected = ['team-a/vps247-operator', 'team-b/vps247-operator', 'vps247-system/vps247-operator-lease'];
  expect(namesOf(objects, 'Role').toSorted()).toEqual(expected);
  expect(namesOf(objects, 'RoleBinding').toSorted()).toEqual(expected);
  for (const { kind, metadata } of objects) expect(metadata.namespace, kind).toBeDefined();
  const whole = (await objectsOf({})).find(
    ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'vps247-operator',
  );
  const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'team-a');
  expect(role?.['rules'], 'the same permissions').toEqual(whole?.['rules']);
});

test('the default key is read by name in its namespace, and nothing else in that namespace', async () => {
  const objects = await objectsOf({
    watchNamespaces: ['team-a'],
    config: { defaultCredentialsSecret: 'keys/shared:token', defaultCredentialsNamespaces: ['team-a'] },
  });
  const role = objects.find(({ kind, metadata }) => kind === 'Role' && metadata.namespace === 'keys');
  expect(role?.['rules']).toEqual([
    { apiGroups: [''], resources: ['secrets'], resourceNames: ['shared'], verbs: ['get'] },
  ]);
});

test('the Lease is in the requested namespace, with the permission for it', async () => {
  const objects = await objectsOf({ config: { leaderElectionNamespace: 'leases' } });
  expect(namesOf(objects, 'Role')).toEqual(['leases/vps247-operator-lease']);
  expect(onlyOne(objects, 'Role')['rules']).toEqual([
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'patch'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ]);
});

test('every permission of the operator is granted to its service account, and to no other subject', async () => {
  const objects = await objectsOf({
    watchNamespaces: ['team-a'],
    config: { defaultCredentialsSecret: 'keys/shared:token', defaultCredentialsNamespaces: ['team-a'] },
  });
  const bindings = objects.filter(({ kind }) => kind.endsWith('RoleBinding'));
  const account = { kind: 'ServiceAccount', name: 'vps247-operator', namespace: 'vps247-system' };
  expect(bindings.map((binding) => binding['subjects'])).toEqual(bindings.map(() => [account]));
  expect(bindings).toHaveLength(objects.filter(({ kind }) => kind.endsWith('Role')).length);
});

test('an uninstall keeps the CustomResourceDefinition, with any annotations', async () => {
  const annotations = { 'helm.sh/resource-policy': 'delete', note: 'x' };
  const crd = onlyOne(await objectsOf({ crds: { annotations } }), 'CustomResourceDefinition', virtualMachines);
  expect(crd.metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep', note: 'x' } });
});

test('pruning and uninstalling keep the CustomResourceDefinition and its protection', async () => {
  const kept = (await objectsOf({})).filter(({ kind }) => /^(CustomResource|ValidatingAdmission)/.test(kind));
  expect(kept.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([
    'CustomResourceDefinition accounts.vps247.com',
    'CustomResourceDefinition virtualmachines.vps247.com',
    'ValidatingAdmissionPolicy deletion-protection.vps247.com',
    'ValidatingAdmissionPolicy crd-protection.vps247.com',
    'ValidatingAdmissionPolicyBinding deletion-protection.vps247.com',
    'ValidatingAdmissionPolicyBinding crd-protection.vps247.com',
  ]);
  const annotations = {
    'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false',
    'helm.sh/resource-policy': 'keep',
    'kustomize.toolkit.fluxcd.io/prune': 'disabled',
  };
  for (const { kind, metadata } of kept) expect(metadata, kind).toMatchObject({ annotations });
  const options = { 'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false,ServerSideApply=true' };
  const crd = onlyOne(await objectsOf({ crds: { annotations: options } }), 'CustomResourceDefinition', virtualMachines);
  expect(crd.metadata).toMatchObject({ annotations: options });
});

test('a request that the protection cannot judge is refused', async () => {
  const rendered = await objectsOf({});
  const policies = rendered.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  const bindings = rendered.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
  expect(policies.map(({ spec }) => spec.failurePolicy)).toEqual(['Fail', 'Fail']);
  expect(bindings.map(({ spec }) => spec.validationActions)).toEqual([['Deny'], ['Deny']]);
});

test('a release without the CustomResourceDefinition has no object that collides with a second release in the cluster', async () => {
  const objects = await objectsOf({ crds: { enabled: false } });
  expect(objects.filter(({ metadata }) => metadata.name.endsWith('vps247.com'))).toEqual([]);
});

test('users get VirtualMachines by the aggregated roles of Kubernetes, and no Secrets', async () => {
  const roles = (await objectsOf({})).filter(
    ({ kind, metadata }) => kind === 'ClusterRole' && metadata.name !== 'vps247-operator',
  );
  const given = roles.map(({ metadata, ...role }) => {
    const into = Object.keys(metadata.labels ?? {}).filter((label) => label.startsWith('rbac.'));
    const [rule, ofAccounts] = role['rules'];
    // Accounts with the same verbs.
    const names = rule.resources.map((name: string) => name.replace('virtualmachines', 'accounts'));
    expect(ofAccounts).toEqual({ ...rule, resources: names });
    return { into, groups: rule.apiGroups, resources: rule.resources, verbs: rule.verbs.join(' ') };
  });
  const groups = ['vps247.com'];
  expect(given).toEqual([
    {
      into: ['rbac.authorization.k8s.io/aggregate-to-view'],
      groups,
      resources: ['virtualmachines', 'virtualmachines/status'],
      verbs: 'get list watch',
    },
    // Not the status: what is on record there decides which VM is whose.
    {
      into: ['rbac.authorization.k8s.io/aggregate-to-edit'],
      groups,
      resources: ['virtualmachines'],
      verbs: 'create update patch delete',
    },
    {
      into: ['rbac.authorization.k8s.io/aggregate-to-admin'],
      groups,
      resources: ['virtualmachines'],
      verbs: 'create update patch delete deletecollection',
    },
  ]);
  expect(namesOf(await objectsOf({ rbac: { aggregateRoles: false } }), 'ClusterRole')).toEqual(['vps247-operator']);
});

test('common labels and annotations are on every object, and in no selector', async () => {
  const objects = await objectsOf({ ...everything, extraObjects: [] });
  for (const { kind, metadata, ...rest } of objects) {
    expect(metadata, kind).toMatchObject({ labels: { team: 'platform' }, annotations: { contact: 'platform' } });
    expect(JSON.stringify([rest['spec']?.selector, rest['spec']?.podSelector]), kind).not.toContain('platform');
  }
  const template = onlyOne(objects, 'Deployment')['spec'].template;
  expect(template.metadata).toMatchObject({ labels: { team: 'platform' }, annotations: { contact: 'platform' } });
});

test('the operator may change no Secret, and neither create nor delete a VirtualMachine', async () => {
  const granted = [
    { apiGroups: ['vps247.com'], resources: ['virtualmachines'], verbs: ['get', 'list', 'watch', 'patch'] },
    { apiGroups: ['vps247.com'], resources: ['virtualmachines/status'], verbs: ['patch'] },
    { apiGroups: ['vps247.com'], resources: ['accounts'], verbs: ['list', 'watch'] },
    { apiGroups: ['vps247.com'], resources: ['accounts/status'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch', 'create'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ];
  const everywhere = await objectsOf({ rbac: { aggregateRoles: false } });
  expect(onlyOne(everywhere, 'ClusterRole')['rules']).toEqual(granted);
  const some = await objectsOf({ watchNamespaces: ['team-a'], config: { leaderElection: false }, replicas: 1 });
  expect(onlyOne(some, 'Role')['rules']).toEqual(granted);
});

test('without Accounts there is neither their CRD, nor a permission for them, nor the watch', async () => {
  const objects = await objectsOf({ accounts: { enabled: false } });
  expect(namesOf(objects, 'CustomResourceDefinition')).toEqual([virtualMachines]);
  const roles = objects.filter(({ kind }) => kind.endsWith('Role'));
  expect(roles.length).toBeGreaterThan(3);
  expect(JSON.stringify(roles)).not.toContain('accounts');
  const [container] = onlyOne(objects, 'Deployment')['spec'].template.spec.containers;
  expect(JSON.stringify(container.env)).not.toContain('ACCOUNTS');
});

test("an object's own annotations and labels take precedence over the common ones", async () => {
  const own = { contact: 'own', note: 'own' };
  const objects = await objectsOf({
    commonAnnotations: { contact: 'common', team: 'common' },
    commonLabels: { contact: 'common', team: 'common' },
    service: { annotations: own },
    deploymentAnnotations: own,
    podAnnotations: own,
    podLabels: own,
  });
  const merged = { ...own, team: 'common' };
  const { metadata, ...rest } = onlyOne(objects, 'Deployment');
  expect(onlyOne(objects, 'Service').metadata).toMatchObject({ annotations: merged });
  expect([metadata, rest['spec'].template.metadata]).toMatchObject([
    { annotations: merged },
    { annotations: merged, labels: merged },
  ]);
});

test('each option adds its objects when it is enabled, and not before', async () => {
  const on = (await objectsOf(everything)).map(({ kind }) => kind);
  const off = (await objectsOf({})).map(({ kind }) => kind);
  expect(on).toEqual(expect.arrayContaining(['Namespace', 'NetworkPolicy', 'ServiceMonitor', 'ConfigMap']));
  for (const kind of ['Namespace', 'NetworkPolicy', 'ServiceMonitor', 'PodMonitor', 'PrometheusRule', 'ConfigMap'])
    expect(off).not.toContain(kind);
  const pods = await objectsOf({ podMonitor: { enabled: true, interval: '15s', labels: { prometheus: 'a' } } });
  const monitor = onlyOne(pods, 'PodMonitor');
  expect(monitor['spec'].podMetricsEndpoints).toEqual([{ port: 'metrics', path: '/metrics', interval: '15s' }]);
  expect(monitor.metadata.labels).toMatchObject({ prometheus: 'a' });
});

test('a budget exists only with a second replica', async () => {
  expect(namesOf(await objectsOf({ replicas: 1 }), 'PodDisruptionBudget')).toEqual([]);
  const budget = onlyOne(await objectsOf({ replicas: 3 }), 'PodDisruptionBudget');
  expect(budget['spec']).toMatchObject({ maxUnavailable: 1 });
  const half = onlyOne(await objectsOf({ podDisruptionBudget: { minAvailable: '50%' } }), 'PodDisruptionBudget');
  expect(half['spec'].minAvailable).toBe('50%');
});

test('without a Lease the old operator ends before the next one starts', async () => {
  const objects = await objectsOf({ replicas: 1, config: { leaderElection: false } });
  expect(onlyOne(objects, 'Deployment')['spec'].strategy).toEqual({ type: 'Recreate' });
  expect(namesOf(objects, 'Role')).toEqual([]);
});

test("the notes have the next command, the project's sample, and what is missing", async () => {
  const notes = await notesOf({ watchNamespaces: ['team-a'], crds: { enabled: false }, replicas: 1 });
  expect(notes).toContain('kubectl --namespace vps247-system rollout status deployment/vps247-operator');
  const pasted = /kubectl --namespace team-a apply -f - <<'END'\n([\s\S]*?)\nEND\n/.exec(notes)?.[1] ?? '';
  expect(parse(pasted)).toEqual(parse(readFileSync(path.join(samplesFolder, 'web.yaml'), 'utf8')));
  expect(notes).toContain("this cluster doesn't serve VirtualMachines");
  expect(notes).toContain('replicas is 1: no replica is on standby');
  expect(notes).toContain("Metrics aren't scraped");
  expect(
    await notesOf({
      serviceMonitor: { enabled: true },
      config: { maxMachinesPerNamespace: 5 },
      prometheusRule: { enabled: true },
    }),
  ).not.toContain('Warnings:');
});

test.each([
  { because: 'no policy', networkPolicy: {}, isWarned: true },
  { because: 'a policy for all', networkPolicy: { enabled: true }, isWarned: true },
  { because: 'peers without a policy', networkPolicy: { metricsFrom: [{ podSelector: {} }] }, isWarned: true },
  { because: 'restricted', networkPolicy: { enabled: true, metricsFrom: [{ podSelector: {} }] }, isWarned: false },
])('the notes warn if every Pod can read the targets: $because', async ({ networkPolicy, isWarned }) => {
  const notes = await notesOf({ config: { serveTargets: true }, networkPolicy });
  expect(notes.includes('every Pod can read names, labels and public addresses')).toBe(isWarned);
});

test('`helm test` runs a restricted pod that the Service does not select, and waits until the operator is ready', async () => {
  const objects = await objectsOf({});
  const pod = onlyOne(objects, 'Pod');
  const selector = onlyOne(objects, 'Service')['spec'].selector;
  expect(pod.metadata.labels).not.toMatchObject(selector);
  const [container] = pod['spec'].containers;
  const [operator] = onlyOne(objects, 'Deployment')['spec'].template.spec.containers;
  expect([container.image, container.securityContext]).toEqual([operator.image, operator.securityContext]);

  let asked = 0;
  const server = createServer(({ url }, answer) => {
    asked += 1;
    answer
      .writeHead(url === '/readyz' && asked === 1 ? 503 : 200)
      .end(url === '/metrics' ? 'leader_election_master_status' : url);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo; // it listens on TCP
    const env = { READY_URL: `http://127.0.0.1:${port}/readyz`, METRICS_URL: `http://127.0.0.1:${port}/metrics` };
    const names = container.env.map(({ name }: { name: string }) => name);
    expect(names).toEqual(Object.keys(env));
    const child = spawn(process.execPath, [...container.command.slice(1), ...container.args], { env });
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect([code, asked]).toEqual([0, 3]);
  } finally {
    server.close();
  }
});
