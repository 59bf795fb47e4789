import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { comparePermissions } from './run.ts';

let out: string;
beforeEach(() => (out = mkdtempSync(join(tmpdir(), 'vps247-permissions-'))));
afterEach(() => rmSync(out, { recursive: true }));

/** An installation that grants reading of virtualmachines everywhere, and a Role; `rules` are the Role's. */
function installation(rules: readonly object[], clusterVerbs: readonly string[] = ['list']): string {
  const metadata = { name: 'vps247-operator', namespace: 'vps247-system' };
  const role = (kind: string, itsRules: readonly object[]): object[] => [
    { kind, metadata, rules: itsRules },
    { kind: `${kind}Binding`, metadata, roleRef: { kind, name: metadata.name } },
  ];
  const forPeople = {
    kind: 'ClusterRole',
    metadata: { name: 'view' },
    rules: [{ verbs: ['delete'], apiGroups: [''], resources: ['pods'] }],
  };
  const virtualMachines = { apiGroups: ['vps247.com'], resources: ['virtualmachines'], verbs: clusterVerbs };
  const objects = [forPeople, ...role('ClusterRole', [virtualMachines]), ...role('Role', rules)];
  const file = join(out, 'install.yaml');
  writeFileSync(file, objects.map((one) => JSON.stringify(one)).join('\n---\n'));
  return file;
}

interface Request {
  readonly verb: string;
  readonly uri?: string;
  readonly by?: string;
  readonly stage?: string;
  readonly reason?: string;
  readonly ref?: object;
}

function lineOf({
  verb,
  uri = '/apis',
  by = 'vps247-operator',
  stage = 'ResponseComplete',
  reason,
  ref,
}: Request): string {
  const annotations = { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': reason };
  const user = { username: `system:serviceaccount:vps247-system:${by}` };
  return `${JSON.stringify({ verb, requestURI: uri, stage, user, objectRef: ref, annotations })}\n`;
}

const listAll: Request = { verb: 'list', ref: { apiGroup: 'vps247.com', resource: 'virtualmachines' } };
const getLease: Request = {
  verb: 'get',
  ref: { apiGroup: 'coordination.k8s.io', resource: 'leases', namespace: 'a', name: 'l' },
};
const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get'] };
const secrets = (verb: string, query: string): Request => ({
  verb,
  uri: `/api/v1/namespaces/a/secrets?${query}`,
  ref: { resource: 'secrets', namespace: 'a' },
});

async function compare(requests: readonly Request[], ...rules: readonly object[]) {
  writeFileSync(join(out, 'audit.log'), requests.map(lineOf).join(''));
  return comparePermissions({
    out,
    startedAt: 0,
    installations: [installation(rules)],
    report: join(out, 'permissions.txt'),
  });
}

test('permissions that are granted and used are equal, and reported', async () => {
  const anyAuthenticated: Request = {
    verb: 'get',
    uri: '/version?timeout=1s',
    reason: 'RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "system:discovery" to Group "y"',
  };
  const other: Request = { ...getLease, verb: 'delete', by: 'another' };
  expect(await compare([listAll, getLease, getLease, anyAuthenticated, other], leases)).toEqual({
    summary: 'permissions: granted = used (2 rules), by install.yaml and 3 requests',
    problems: [],
  });
  expect(readFileSync(join(out, 'permissions.txt'), 'utf8')).toBe(
    [
      'Requests by operators, granted by their installation:',
      '       2  get leases.coordination.k8s.io',
      '       1  list virtualmachines.vps247.com, in all namespaces too',
      '',
      'Granted by Kubernetes to every authenticated user:',
      '       1  get /version',
      '',
    ].join('\n'),
  );
});

test('a permission that is granted and never used is a problem', async () => {
  const { summary, problems } = await compare([listAll, getLease], { ...leases, verbs: ['get', 'delete'] });
  expect(problems).toEqual([
    'permissions: install.yaml: grants delete leases.coordination.k8s.io, which no operator used',
  ]);
  expect(summary).toBe('permissions: granted ≠ used, by install.yaml and 2 requests');
});

test('a permission that is used and not granted is a problem, subresources by themselves', async () => {
  const patch: Request = {
    verb: 'patch',
    ref: { apiGroup: 'vps247.com', resource: 'virtualmachines', subresource: 'status', namespace: 'a' },
  };
  expect((await compare([listAll, getLease, patch], leases)).problems).toEqual([
    'permissions: install.yaml: does not grant patch virtualmachines.vps247.com/status, which operators used',
  ]);
});

test('a permission in all namespaces that is used in one at a time is a problem', async () => {
  const listOne = { ...listAll, ref: { ...listAll.ref, namespace: 'a' } };
  expect((await compare([listOne, getLease], leases)).problems).toEqual([
    'permissions: install.yaml: grants permissions in all namespaces, and no operator asked for more than one at once',
  ]);
});

test('a rule that does not name what it grants is a problem', async () => {
  const { problems } = await compare([listAll], { apiGroups: [''], resources: ['*'], verbs: ['get'] });
  expect(problems).toContain(
    'permissions: install.yaml: Role vps247-operator has a rule that does not name what it grants',
  );
});

test('Secrets are watched by their label only, and a watch that ended counts once', async () => {
  const rule = { apiGroups: [''], resources: ['secrets'], verbs: ['watch'] };
  const good = secrets('watch', 'labelSelector=vps247.com%2Fcredentials%3Dtrue&watch=true');
  const { summary } = await compare([listAll, { ...good, stage: 'ResponseStarted' }, good], rule);
  expect(summary).toBe('permissions: granted = used (2 rules), by install.yaml and 2 requests');
  const bad = { ...secrets('watch', 'watch=true'), stage: 'ResponseStarted' };
  expect((await compare([listAll, bad], rule)).problems).toEqual([
    'permissions: watch secrets: of all, not only of those with vps247.com/credentials=true',
  ]);
});

test('logs of an earlier run, and an incomplete line, are not counted', async () => {
  await compare([listAll, getLease], leases);
  utimesSync(join(out, 'audit.log'), 1, 1);
  writeFileSync(join(out, 'audit-2026.log'), lineOf(listAll) + lineOf(getLease).slice(0, 40));
  const run = { out, startedAt: 2_000, installations: [installation([leases])], report: join(out, 'permissions.txt') };
  expect((await comparePermissions(run)).problems).toEqual([
    'permissions: install.yaml: grants get leases.coordination.k8s.io, which no operator used',
  ]);
});

test('without an audit log no result is possible', async () => {
  const run = { out, startedAt: 0, installations: [], report: join(out, 'permissions.txt') };
  expect((await comparePermissions(run)).problems).toEqual(['permissions: no API server wrote an audit log']);
});
