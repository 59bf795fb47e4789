import { expect, test } from 'vitest';
import { parseDuration } from '../../src/domain/duration.ts';
import { requiredPermissions } from '../../src/startup/preflight.ts';
import { settingNames, settingsTable, variableOf } from '../../src/config/settings.ts';
import { definitions, installation, onlyOne, packageVersion, readManifests } from './manifests.ts';

const manifests = readManifests(installation);
const deployment = onlyOne(manifests, 'Deployment');
// The others are parts of Kubernetes' own roles, for users.
const operatorsRole = onlyOne(
  manifests.filter(
    ({ metadata }) => !Object.keys(metadata.labels ?? {}).some((label) => label.includes('/aggregate-to-')),
  ),
  'ClusterRole',
);
const pod = deployment['spec'].template.spec;
const [container, ...sidecars] = pod.containers;

function variable(name: (typeof settingNames)[number]): string {
  return container.env.find((entry: { name: string }) => entry.name === variableOf(name))?.value;
}

test('all namespaced manifests use the namespace that comes first', () => {
  const namespace = manifests[0];
  expect(namespace?.kind).toBe('Namespace');
  const clusterWide = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding']);
  for (const { kind, metadata } of manifests) {
    expect(metadata.namespace, kind).toBe(clusterWide.has(kind) ? undefined : namespace?.metadata.name);
  }
});

test('the CRDs and their protection are in a file that no uninstall deletes, and before its policies', () => {
  // kubectl deletes in this order: the policy still refuses that of the definition.
  expect(readManifests(definitions).map(({ kind }) => kind)).toEqual([
    ...Array(2).fill('CustomResourceDefinition'),
    ...Array(2).fill('ValidatingAdmissionPolicy'),
    ...Array(2).fill('ValidatingAdmissionPolicyBinding'),
  ]);
  const kept = new Set(readManifests(definitions).map(({ kind }) => kind));
  expect(manifests.filter(({ kind }) => kept.has(kind))).toEqual([]);
});

test('the role allows exactly what the operator uses', () => {
  const { rules } = operatorsRole as unknown as { rules: Record<string, string[]>[] };
  const permissions = rules.flatMap(({ apiGroups = [], resources = [], verbs = [], ...rest }) => {
    // Anything else in a rule (nonResourceURLs, resourceNames) would be a right that this list does not show.
    expect(rest).toEqual({});
    return resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}.${apiGroups.join()}`));
  });
  const needed = requiredPermissions.map(({ verb, group, resource, subresource }) => {
    const what = subresource === undefined ? resource : `${resource}/${subresource}`;
    return `${verb} ${what}.${group}`;
  });
  // Without the permissions for Accounts, those are off, and nothing waits for them.
  const forAccounts = ['list accounts.vps247.com', 'watch accounts.vps247.com', 'patch accounts/status.vps247.com'];
  expect(permissions.toSorted()).toEqual([...needed, ...forAccounts].toSorted());
});

test("the role is bound only to the pod's service account", () => {
  const { roleRef, subjects } = onlyOne(manifests, 'ClusterRoleBinding');
  const account = onlyOne(manifests, 'ServiceAccount');
  expect(roleRef.name).toBe(operatorsRole.metadata.name);
  expect(subjects).toEqual([{ kind: 'ServiceAccount', ...pick(account.metadata, 'name', 'namespace') }]);
  expect(pod.serviceAccountName).toBe(account.metadata.name);
  expect([account['automountServiceAccountToken'], pod.automountServiceAccountToken]).toEqual([false, true]);
});

test('the pod requests no privileges', () => {
  expect(sidecars).toEqual([]);
  expect(pod.securityContext).toEqual({
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  });
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  for (const field of ['volumes', 'hostNetwork', 'hostPID', 'hostIPC', 'initContainers']) {
    expect(pod, field).not.toHaveProperty(field);
  }
});

test('several operators need a Lease, which they may acquire in their own namespace only', () => {
  expect(deployment['spec'].replicas).toBe(2);
  expect(settingsTable.leaderElection.defaultValue).toBe('true');
  expect(container.env.map(({ name }: { name: string }) => name)).not.toContain(variableOf('leaderElection'));
  const role = onlyOne(manifests, 'Role');
  expect(role['rules']).toEqual([
    { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'patch'] },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ]);
  const { roleRef, subjects } = onlyOne(manifests, 'RoleBinding');
  expect(roleRef).toMatchObject({ kind: 'Role', name: role.metadata.name });
  const account = onlyOne(manifests, 'ServiceAccount');
  expect(subjects).toEqual([{ kind: 'ServiceAccount', ...pick(account.metadata, 'name', 'namespace') }]);
});

test('a new operator is on standby before an old one stops', () => {
  const { type, rollingUpdate } = deployment['spec'].strategy;
  expect([type, rollingUpdate]).toEqual(['RollingUpdate', { maxUnavailable: 0, maxSurge: 1 }]);
});

test('the selector is the pod template label', () => {
  expect(deployment['spec'].template.metadata.labels).toMatchObject(deployment['spec'].selector.matchLabels);
});

test('its variables are valid settings of the operator', () => {
  for (const { name, value } of container.env) {
    const setting = settingNames.find((candidate) => variableOf(candidate) === name);
    expect(setting && settingsTable[setting].kind.read(value), `${name}=${value}`).toBeDefined();
  }
});

test('the named ports are those that the operator serves, and the probes use them', () => {
  const ports = Object.fromEntries(
    container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
  );
  expect(ports).toEqual({
    metrics: Number(variable('metricsAddress').split(':').at(-1)),
    health: Number(variable('healthAddress').split(':').at(-1)),
  });
  const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet);
  expect(probes).toEqual([
    { path: '/healthz', port: 'health' },
    { path: '/healthz', port: 'health' },
    { path: '/readyz', port: 'health' },
  ]);
});

test('the operator ends by itself before the kubelet kills it', () => {
  const own = parseDuration(variable('shutdownGracePeriod'));
  expect(own).toBeLessThan(pod.terminationGracePeriodSeconds * 1000);
});

test('the image has this version', () => {
  const [, repository, tag] = /^(.+):([^:]+)$/.exec(container.image) ?? [];
  expect(repository).toMatch(/^[a-z0-9.-]+\/[a-z0-9/-]+$/);
  expect(tag).toBe(packageVersion());
});

function pick<T extends object, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  // `as`: fromEntries forgets which keys it was given.
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}
