import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { applyAccountsCrd } from '../../support/accounts-crd.ts';
import { projectRoot } from '../../support/pages.ts';
import { installPlugin } from '../../support/plugin.ts';
import { readerShell } from '../../support/reader-shell.ts';
import { kubectl, sharedCluster } from '../../support/shared-cluster.ts';
import { spec, useFixtures } from './fixture.ts';

const fixtureFor = useFixtures('kubectl-vps-permissions');

beforeAll(applyAccountsCrd);

/** A role of a namespace, and a service account that has it. */
const accountWith = (namespace: string, rules: readonly object[]) =>
  [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader', namespace } },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'reader', namespace }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reader', namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'reader', namespace }],
    },
  ]
    .map((object) => JSON.stringify(object))
    .join('\n---\n');

const readOnly = [
  { apiGroups: ['vps247.com'], resources: ['virtualmachines'], verbs: ['get', 'list'] },
  { apiGroups: [''], resources: ['events', 'secrets'], verbs: ['get', 'list'] },
];

/** What the API server's audit log has of a service account: verb and resource of each request. */
function requestsOf(user: string): readonly string[] {
  const logs = path.join(projectRoot, '.out/test/control-plane');
  return readdirSync(logs)
    .filter((file) => /^audit.*\.log$/.test(file))
    .flatMap((file) => readFileSync(path.join(logs, file), 'utf8').split('\n'))
    .filter((line) => line.includes(user))
    .map((line) => JSON.parse(line))
    .filter(({ objectRef }) => objectRef !== undefined)
    .map(({ verb, objectRef }) => `${verb} ${objectRef.resource}`);
}

test('with permissions to read, all verbs that show something work, and those that write are refused', async () => {
  const fixture = await fixtureFor('reader');
  const { cluster, namespace, directory } = fixture;
  await fixture.operator();
  const { code, stderr } = await kubectl(['apply', '-f', '-'], { input: accountWith(namespace, readOnly) });
  expect([code, stderr]).toEqual([0, '']);
  await fixture.create('web');
  await fixture.untilReady('web', 'True/Available');
  await fixture.create('plan', { managementPolicy: 'Plan' });
  await fixture.untilReady('plan', 'False/PlanOnly');
  const kubeconfig = await cluster.kubeconfigOfServiceAccount(namespace, 'reader', path.join(directory, 'reader'));
  const bin = path.join(directory, 'bin');
  await installPlugin(bin);
  writeFileSync(path.join(directory, 'vms.json'), '[{"id": 4711, "name": "Legacy"}]');
  const env = {
    PATH: `${bin}:${path.dirname(sharedCluster().kubectl)}:${process.env['PATH']}`,
    KUBECONFIG: kubeconfig,
    HOME: directory,
  };
  const vps = (command: string): Promise<string> =>
    readerShell(`kubectl vps ${command} -n ${namespace}`, { env, cwd: directory });
  const before = await fixture.object('web');

  for (const command of [
    'status web',
    'status web -o json',
    'plan plan',
    'password web',
    'ssh web --dry-run',
    'inventory -o ansible',
    'inventory -o ssh-config',
    'import --from vms.json',
    'adopt-back',
    'start web',
    'resume web',
    'release --all --deleting',
  ])
    expect(await vps(command), command).not.toContain('Error');
  // Not confirmed: nothing is even tried.
  expect(await vps('release web --confirm no')).toMatch(/exit code 4$/);
  expect(await vps('plan plan --approve --confirm no')).toMatch(/exit code 4$/);
  const user = `system:serviceaccount:${namespace}:reader`;
  expect(new Set(requestsOf(user))).toEqual(
    new Set(['get virtualmachines', 'list virtualmachines', 'list events', 'get secrets', 'list accounts']),
  );

  const cannot = (verb: string): string =>
    `Error: You don't have the permission: User "${user}" cannot ${verb} resource "virtualmachines" in API group "vps247.com" in the namespace "${namespace}". Ask your cluster administrator for it.\n\nexit code 1`;
  expect(await vps('catalog')).toMatch(
    /^Error: You don't have the permission: User "[^"]+" cannot list resource "accounts" in API group "vps247\.com" in the namespace "[^"]+"\. Ask your cluster administrator for it\.\n\nexit code 1$/,
  );
  for (const command of ['stop web', 'restart web', 'pause web', 'plan plan --approve --confirm plan'])
    expect(await vps(command), command).toContain(cannot('patch'));
  expect(await vps('release web --confirm web')).toContain(cannot('patch'));
  expect(await readerShell('kubectl vps inventory -o ansible -A', { env, cwd: directory })).toMatch(
    /^Error: You don't have the permission: User "[^"]+" cannot list resource "virtualmachines" in API group "vps247\.com" at the cluster scope\. Ask your cluster administrator for it\.\n\nexit code 1$/,
  );
  const after = await fixture.object('web');
  expect([after?.spec, after?.metadata.annotations]).toEqual([before?.spec, before?.metadata.annotations]);
  expect(fixture.emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['CreateMachine']);
}, 180_000);

test('what Flux and Argo CD manage is named, and their objects are not released', async () => {
  const fixture = await fixtureFor('gitops');
  const { namespace, directory } = fixture;
  const bin = path.join(directory, 'bin');
  await installPlugin(bin);
  const { kubeconfig, kubectl: program } = sharedCluster();
  const env = {
    PATH: `${bin}:${path.dirname(program)}:${process.env['PATH']}`,
    KUBECONFIG: kubeconfig,
    HOME: directory,
  };
  const vps = (command: string): Promise<string> =>
    readerShell(`kubectl vps ${command} -n ${namespace}`, { env, cwd: directory });
  const tools = [
    ['flux', 'kustomize-controller', 'Flux'],
    ['argo', 'argocd-controller', 'Argo CD'],
  ] as const;
  for (const [name, manager, tool] of tools) {
    const object = {
      apiVersion: 'vps247.com/v1alpha1',
      kind: 'VirtualMachine',
      metadata: { name, namespace },
      spec: { ...spec, powerState: 'Running', managementPolicy: 'Plan' },
    };
    const apply = ['apply', '--server-side', `--field-manager=${manager}`, '-f', '-'];
    expect(await kubectl(apply, { input: JSON.stringify(object) })).toMatchObject({ code: 0 });
    expect(await vps(`pause ${name}`)).not.toContain('Warning');
    expect(await vps(`stop ${name} --dry-run`)).toContain(
      `Warning: ${tool} manages spec.powerState of ${namespace}/${name} and reverts this change at its next sync.`,
    );
    expect(await vps(`release ${name} --confirm ${name}`)).toMatch(
      new RegExp(`^Error: ${tool} manages .* and would create it again\\.`),
    );
    const after = await fixture.object(name);
    expect([after?.spec.powerState, after?.spec.deletionPolicy]).toEqual(['Running', undefined]);
  }
  // No tool manages this one.
  await fixture.create('own');
  expect(await vps('stop own')).toBe('own: spec.powerState set to Halted\n');
  expect(await vps('release own --confirm own')).toMatch(/own: deleted\n$/);
  expect(await fixture.object('own')).toBeUndefined();
}, 180_000);

test('an object that replaced the one that a verb read is not changed', async () => {
  const fixture = await fixtureFor('replaced', { withSecret: false });
  const { namespace, directory } = fixture;
  const bin = path.join(directory, 'bin');
  await installPlugin(bin);
  const { kubeconfig, kubectl: program } = sharedCluster();
  // Between read and change, another client deletes the object and creates another one of its name.
  writeFileSync(
    path.join(bin, 'kubectl'),
    `#!/bin/sh
case "$*" in
  *" patch "*) "${program}" replace --force --namespace=${namespace} --filename=object.json >/dev/null;;
esac
exec "${program}" "$@"
`,
    { mode: 0o755 },
  );
  const env = { PATH: `${bin}:${process.env['PATH']}`, KUBECONFIG: kubeconfig, HOME: directory };
  for (const command of ['stop web', 'pause web', 'release web --confirm web']) {
    await fixture.create('web');
    const object = {
      apiVersion: 'vps247.com/v1alpha1',
      kind: 'VirtualMachine',
      metadata: { name: 'web', namespace },
      spec,
    };
    writeFileSync(path.join(directory, 'object.json'), JSON.stringify(object));
    expect(await readerShell(`kubectl vps ${command} -n ${namespace}`, { env, cwd: directory }), command).toMatch(
      /Error: The object has changed meanwhile, so nothing was done\. Run the command again\.\n\nexit code 1$/,
    );
    const after = await fixture.object('web');
    expect([after?.spec.powerState, after?.spec.deletionPolicy, after?.metadata.annotations]).toEqual([
      'Running',
      undefined,
      undefined,
    ]);
    await kubectl(['delete', 'vps', 'web', '--namespace', namespace]);
  }
}, 180_000);

test('without an API server, or with an unknown user of the kubeconfig, there is one sentence', async () => {
  const fixture = await fixtureFor('nothing', { withSecret: false });
  const bin = path.join(fixture.directory, 'bin');
  await installPlugin(bin);
  const env = {
    PATH: `${bin}:${path.dirname(sharedCluster().kubectl)}:${process.env['PATH']}`,
    HOME: fixture.directory,
  };
  const kubeconfig = path.join(fixture.directory, 'nowhere');
  // Port 9 discards, and nothing listens there.
  writeFileSync(
    kubeconfig,
    '{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]}',
  );
  const shell = (command: string, KUBECONFIG: string): Promise<string> =>
    readerShell(command, { env: { ...env, KUBECONFIG }, cwd: fixture.directory });
  expect(await shell('kubectl vps status web', kubeconfig)).toMatch(
    /^Error: The API server can't be reached: [^\n]+\.\n\nexit code 1$/,
  );
  expect(await shell('kubectl vps status web --user unknown', sharedCluster().kubeconfig)).toMatch(
    /^Error: [^\n]+\n\nexit code 1$/,
  );
  const words = (await shell('kubectl_complete-vps st; kubectl __complete vps stop ""', kubeconfig)).split('\n');
  expect(words[0]).toMatch(/^status\t/);
  expect(words).not.toContain(expect.stringContaining('Error'));
});
