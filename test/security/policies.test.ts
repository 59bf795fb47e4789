import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readiness } from '../support/control-plane.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { ClusterUnderAttack, messageOf, spec, type Tenant } from './cluster-under-attack.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

let site: ClusterUnderAttack;
/** For manifests with a key in them, which may not stay. */
let workshop: string;
const lies: (() => void)[] = [];
const policies: string[] = [];

beforeAll(async () => {
  workshop = mkdtempSync(path.join(tmpdir(), 'vps247-policies-'));
  site = await ClusterUnderAttack.open('policies');
  await site.run();
});
afterEach(async () => {
  for (const end of lies.splice(0)) end();
  for (const name of policies.splice(0)) {
    await site.kubectl(['delete', '--ignore-not-found', ...kinds.map((kind) => `${kind}/${name}`)]);
  }
});
afterAll(async () => {
  await site?.close();
  rmSync(workshop, { recursive: true, force: true });
});

const admission = 'admissionregistration.k8s.io/v1';
const kinds = [
  'mutatingadmissionpolicybindings',
  'mutatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingadmissionpolicies',
];
const operator = 'system:serviceaccount:vps247-system:vps247-operator';

interface Policy {
  readonly resource: string;
  readonly verbs: readonly string[];
  /** CEL that must hold for the policy to apply, besides being the operator. */
  readonly condition?: string;
  /** Whether a dry run shows the effect of the policy. */
  readonly isEnforced: () => Promise<boolean>;
}

/**
 * Applies the policy to what the operator writes in the tenant's namespace, and to dry runs of anyone, and waits until the API server
 * enforces it: it compiles policies in the background. The function that is returned ends it.
 */
async function enforce(
  tenant: Tenant,
  what: 'Mutating' | 'Validating',
  { resource, verbs, condition, isEnforced }: Policy,
  rest: Readonly<Record<string, unknown>>,
): Promise<() => Promise<void>> {
  const name = `${tenant.namespace}-${policies.length}`;
  policies.push(name);
  const rules = [{ apiGroups: ['vps247.com'], apiVersions: ['*'], operations: verbs, resources: [resource] }];
  const applies = [
    `request.userInfo.username == '${operator}' || (has(request.dryRun) && request.dryRun)`,
    ...(condition === undefined ? [] : [condition]),
  ];
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': tenant.namespace } };
  const policy = {
    apiVersion: admission,
    kind: `${what}AdmissionPolicy`,
    metadata: { name },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: rules },
      matchConditions: applies.map((expression, index) => ({ name: `c${index}`, expression })),
      ...(what === 'Mutating' ? { reinvocationPolicy: 'Never' } : {}),
      ...rest,
    },
  };
  const binding = {
    apiVersion: admission,
    kind: `${what}AdmissionPolicyBinding`,
    metadata: { name },
    spec: {
      policyName: name,
      matchResources: { namespaceSelector },
      ...(what === 'Validating' ? { validationActions: ['Deny'] } : {}),
    },
  };
  for (const object of [policy, binding]) {
    const { code, stderr } = await site.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
    if (code !== 0) throw new Error(`${object.kind}: ${stderr}`);
  }
  await site.admin.until('the policy is enforced', isEnforced);
  return async () => {
    await site.kubectl(['delete', '--ignore-not-found', ...kinds.map((kind) => `${kind}/${name}`)]);
    await site.admin.until('the policy is gone', async () => !(await isEnforced()));
  };
}

/** Creates an object that has everything the operator writes, as a dry run. */
function tryCreate(tenant: Tenant): ReturnType<ClusterUnderAttack['kubectl']> {
  const object = {
    apiVersion: 'vps247.com/v1alpha1',
    kind: 'VirtualMachine',
    metadata: {
      name: 'probe',
      namespace: tenant.namespace,
      finalizers: ['vps247.com/machine'],
      annotations: { 'vps247.com/create-pending': '{}', 'vps247.com/machine': '{}' },
    },
    spec,
  };
  return site.kubectl(['create', '-f', '-', '--dry-run=server', '-o', 'json'], { input: JSON.stringify(object) });
}

/** Removes something from whatever the operator writes. */
function alter(tenant: Tenant, jsonPatch: string, condition: string): Promise<() => Promise<void>> {
  return enforce(
    tenant,
    'Mutating',
    {
      resource: 'virtualmachines',
      verbs: ['CREATE', 'UPDATE'],
      condition,
      isEnforced: async () => {
        const { code, stdout, stderr } = await tryCreate(tenant);
        // The API server needs a moment until its policies know a CRD that has just been applied.
        if (stderr.includes('There can be a delay between when CustomResourceDefinitions are created')) return false;
        if (code !== 0) throw new Error(stderr);
        const { finalizers = [], annotations } = JSON.parse(stdout).metadata;
        return finalizers.length === 0 || Object.keys(annotations).length < 2;
      },
    },
    { mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: jsonPatch } }] },
  );
}

const refusal = 'every object needs the label team';

/** Refuses every write of an object, or of its status, without the label `team`. */
function demandLabel(
  tenant: Tenant,
  resource: 'virtualmachines' | 'virtualmachines/status' = 'virtualmachines',
): Promise<() => Promise<void>> {
  const tryStatus = (): ReturnType<ClusterUnderAttack['kubectl']> => {
    const patch = JSON.stringify({ status: { observedGeneration: 7 } });
    const flags = ['--subresource=status', '--type=merge', '--dry-run=server', '-p', patch];
    return site.kubectl(['-n', tenant.namespace, 'patch', 'vps', 'web', ...flags]);
  };
  return enforce(
    tenant,
    'Validating',
    {
      resource,
      verbs: ['CREATE', 'UPDATE'],
      isEnforced: async () => {
        const { stderr } = await (resource === 'virtualmachines' ? tryCreate(tenant) : tryStatus());
        return stderr.includes(refusal);
      },
    },
    {
      validations: [
        { expression: "has(object.metadata.labels) && 'team' in object.metadata.labels", message: refusal },
      ],
    },
  );
}

/** How often the object is written while the operator reads the account's list a few times. */
async function writesMeanwhile(tenant: Tenant, name: string): Promise<number> {
  const versions = new Set<string>();
  const before = site.provider.lists(tenant.owner);
  await site.admin.until('a few lists', async () => {
    versions.add((await tenant.object(name))?.metadata.resourceVersion ?? '');
    return site.provider.lists(tenant.owner) >= before + 4;
  });
  return versions.size - 1;
}

/** All that a user reads of the object. */
async function readableOf(tenant: Tenant, name: string): Promise<string> {
  return [await tenant.describe(name), ...(await tenant.events(name))].join('\n');
}

describe('a policy that alters what the operator writes', () => {
  it.each([
    {
      what: 'the finalizer',
      patch: "[JSONPatch{op: 'remove', path: '/metadata/finalizers'}]",
      when: 'has(object.metadata.finalizers)',
    },
    {
      what: 'the create intent',
      patch: "[JSONPatch{op: 'remove', path: '/metadata/annotations/vps247.com~1create-pending'}]",
      when: "has(object.metadata.annotations) && 'vps247.com/create-pending' in object.metadata.annotations",
    },
  ])(
    'by removing $what: no create call is sent, and the object reports it and can be deleted',
    async ({ what, patch, when }) => {
      const owner = what === 'the finalizer' ? 201 : 202;
      const tenant = await site.tenant(`alters-${owner}`, { owner });
      const end = await alter(tenant, patch, when);
      await tenant.create('web');
      const object = await tenant.untilReported('web');
      expect(readiness(object)).toContain('WriteRefused');
      await site.untilListed(owner, 2);
      expect(await writesMeanwhile(tenant, 'web')).toBeLessThanOrEqual(2);
      expect(tenant.writes).toEqual([]);
      await tenant.create('gone');
      await tenant.untilReported('gone');
      await tenant.delete('gone');
      await tenant.untilGone('gone');
      await end();
      await tenant.untilReady('web');
      await tenant.delete('web');
      await tenant.untilGone('web');
      expect(tenant.vms).toEqual([]);
      expect(site.provider.created(owner)).toHaveLength(1);
    },
  );

  it('by removing the record: one VM is created, and none is left when the object is deleted', async () => {
    const tenant = await site.tenant('alters-record', { owner: 203 });
    await alter(
      tenant,
      "[JSONPatch{op: 'remove', path: '/metadata/annotations/vps247.com~1machine'}]",
      "has(object.metadata.annotations) && 'vps247.com/machine' in object.metadata.annotations",
    );
    await tenant.create('web');
    await site.admin.until('the VM is created', async () => tenant.vms.length > 0);
    expect(await writesMeanwhile(tenant, 'web')).toBeLessThanOrEqual(6);
    expect(site.provider.created(203)).toHaveLength(1);
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
    expect(site.provider.created(203)).toHaveLength(1);
  });
});

describe('a policy that refuses what the operator writes', () => {
  it('is reported before a create call, and the create continues when it no longer does', async () => {
    const tenant = await site.tenant('refuses-create', { owner: 211 });
    const end = await demandLabel(tenant);
    await tenant.create('web');
    const object = await tenant.until('web', 'WriteRefused', (seen) => readiness(seen).includes('WriteRefused'));
    expect(messageOf(object)).toContain(refusal);
    expect(await readableOf(tenant, 'web')).toContain('WriteRefused');
    expect(tenant.writes).toEqual([]);
    await tenant.create('gone');
    await tenant.untilReported('gone');
    await tenant.delete('gone');
    await tenant.untilGone('gone');
    await end();
    await tenant.untilReady('web');
  });

  it('younger than the object: a deletion reports what delays it, and no old reason', async () => {
    const tenant = await site.tenant('refuses-delete', { owner: 212 });
    await tenant.create('web');
    await tenant.untilReady('web');
    const end = await demandLabel(tenant);
    await tenant.delete('web');
    await site.admin.until('the VM is deleted', async () => tenant.vms.length === 0);
    const object = await tenant.until('web', 'WriteRefused', (seen) =>
      (seen.status?.conditions ?? []).some(({ reason }) => reason === 'WriteRefused'),
    );
    const blocked = object.status?.conditions?.find(({ type }) => type === 'DeletionBlocked');
    expect([blocked?.status, blocked?.reason]).toEqual(['True', 'WriteRefused']);
    expect(blocked?.message).toContain(refusal);
    const words = (object.status?.conditions ?? []).map(({ message }) => message).join('\n');
    expect(words).not.toMatch(/powered off|is being deleted/);
    expect(await writesMeanwhile(tenant, 'web')).toBeLessThanOrEqual(1);
    await end();
    await tenant.untilGone('web');
  });

  it('of the status as well: an event reports it, and a deletion is carried out', async () => {
    const tenant = await site.tenant('refuses-status', { owner: 213 });
    await tenant.create('web');
    await tenant.untilReady('web');
    const end = await demandLabel(tenant, 'virtualmachines/status');
    await tenant.change('web', { powerState: 'Halted' });
    await site.admin.until('the VM is halted', async () => tenant.vms[0]?.state === 'halted');
    await site.admin.until('an event', async () =>
      (await tenant.events('web')).some((event) => event.includes(refusal)),
    );
    expect((await tenant.events('web')).join('\n')).toContain('WriteRefused');
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
    await end();
  });

  it('annotations near the limit of 256 KiB: no create call, and the object reports it', async () => {
    const tenant = await site.tenant('large', { owner: 214 });
    const limit = 256 * 1_024;
    const key = 'example.com/notes';
    await tenant.create('web', {}, { [key]: 'n'.repeat(limit - key.length - 10) });
    const object = await tenant.until('web', 'WriteRefused', (seen) => readiness(seen).includes('WriteRefused'));
    expect(messageOf(object).length).toBeLessThan(2_000);
    expect(tenant.writes).toEqual([]);
    expect(await writesMeanwhile(tenant, 'web')).toBeLessThanOrEqual(1);
    await tenant.patch('web', { metadata: { annotations: { [key]: null } } });
    await tenant.untilReady('web');
    await tenant.patch('web', { metadata: { annotations: { [key]: 'n'.repeat(limit - 1_000) } } });
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
  });
});

/** A Secret with the key and an object that uses it, by the names of their files. */
function manifests(tenant: Tenant): Readonly<Record<string, object>> {
  return {
    'credentials.yaml': {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'vps247-credentials',
        namespace: tenant.namespace,
        labels: { 'vps247.com/credentials': 'true' },
      },
      stringData: { 'api-key': tenant.apiKey },
    },
    'web.yaml': {
      apiVersion: 'vps247.com/v1alpha1',
      kind: 'VirtualMachine',
      metadata: { name: 'web', namespace: tenant.namespace },
      spec,
    },
  };
}

function write(folder: string, files: Readonly<Record<string, object>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, object] of Object.entries(files)) writeFileSync(path.join(folder, name), JSON.stringify(object));
}

describe('the key is deleted first', () => {
  it('helm uninstall of a chart with the Secret and the object leaves no VM', async () => {
    const tenant = await site.tenant('helm', { owner: 221 });
    const folder = path.join(workshop, 'release');
    await tenant.kubectl('delete', 'secret', 'vps247-credentials');
    write(folder, { 'Chart.yaml': { apiVersion: 'v2', name: 'shop', version: '1.0.0' } });
    write(path.join(folder, 'templates'), manifests(tenant));
    await site.helm('install', 'shop', folder, '--namespace', tenant.namespace);
    await tenant.untilReady('web');
    await site.helm('uninstall', 'shop', '--namespace', tenant.namespace, '--wait', '--timeout', '60s');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
  });

  it('kubectl delete -f of a folder leaves no VM', async () => {
    const tenant = await site.tenant('folder', { owner: 222 });
    const folder = path.join(workshop, 'folder');
    write(folder, manifests(tenant));
    await tenant.kubectl('apply', '-f', folder);
    await tenant.untilReady('web');
    const { code } = await tenant.kubectl('delete', '-f', folder, '--timeout', '60s');
    expect(code).toBe(0);
    expect(tenant.vms).toEqual([]);
  });

  it.each([true, false])('a Secret deleted before the object leaves no VM (with the label: %s)', async (isLabeled) => {
    const tenant = await site.tenant(`secret-${isLabeled}`, { owner: isLabeled ? 223 : 224 });
    await site.admin.putSecret(tenant.namespace, tenant.apiKey, { isLabeled });
    await tenant.create('web');
    await tenant.untilReady('web');
    await tenant.kubectl('delete', 'secret', 'vps247-credentials');
    await tenant.delete('web');
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
  });
});

describe('restored records', () => {
  const stale = 4_242;

  it.each(['annotations', 'annotations and status'])(
    'of an earlier VM, in %s: the object continues with its VM',
    async (where) => {
      const tenant = await site.tenant(`backup-${where.length}`, { owner: where === 'annotations' ? 231 : 232 });
      await tenant.create('web');
      const { metadata, status } = await tenant.untilReady('web');
      const id = status?.id ?? 0;
      // A backup taken when the object had its first VM, laid over it after the VM was recreated.
      await site.stop();
      const machine = JSON.stringify({ id: stale, uid: metadata.uid, owner: tenant.owner });
      await tenant.annotate('web', { machine });
      if (where !== 'annotations') {
        await site.kubectl([
          '-n',
          tenant.namespace,
          'patch',
          'vps',
          'web',
          '--subresource=status',
          '--type=merge',
          '-p',
          JSON.stringify({ status: { id: stale } }),
        ]);
      }
      await site.run();
      await tenant.until(
        'web',
        'has its VM',
        (object) => object.status?.id === id && readiness(object) === 'True/Available',
      );
      await tenant.change('web', { powerState: 'Halted' });
      await tenant.until('web', 'is halted', (object) => object.status?.state === 'Halted');
      expect(site.provider.created(tenant.owner)).toHaveLength(1);
      await tenant.delete('web');
      await tenant.untilGone('web');
      expect(tenant.vms).toEqual([]);
    },
  );

  it('of an earlier VM, laid over an object that is then deleted: its VM is deleted', async () => {
    const tenant = await site.tenant('backup-delete', { owner: 233 });
    await tenant.create('web');
    const { metadata } = await tenant.untilReady('web');
    await site.stop();
    await tenant.annotate('web', { machine: JSON.stringify({ id: stale, uid: metadata.uid, owner: tenant.owner }) });
    await tenant.delete('web');
    await site.run();
    await tenant.untilGone('web');
    expect(tenant.vms).toEqual([]);
  });
});

describe('keys and Secrets', () => {
  it('another version of a Secret with the same key does not stop a create whose outcome is unknown', async () => {
    const tenant = await site.tenant('version', { owner: 241 });
    let isDown = false;
    lies.push(
      site.provider.lie(({ operation, owner }) => {
        if (operation !== 'Create' || owner !== tenant.owner || isDown) return undefined;
        isDown = true;
        return { status: 500, reset: true };
      }),
    );
    await tenant.create('web');
    await site.admin.until('the create call was lost', async () => isDown);
    await site.crash();
    const { code } = await tenant.kubectl('annotate', 'secret', 'vps247-credentials', 'example.com/rotated-by=vault');
    expect(code).toBe(0);
    await site.run();
    await tenant.untilReady('web');
    expect(site.provider.created(tenant.owner)).toHaveLength(1);
  });

  it('a change of the metadata of a Secret writes no object', async () => {
    const tenant = await site.tenant('metadata', { owner: 242 });
    const names = ['one', 'two', 'three'];
    for (const name of names) await tenant.create(name);
    for (const name of names) await tenant.untilReady(name);
    await site.untilListed(tenant.owner, 2);
    const versions = async () =>
      Promise.all(names.map(async (name) => (await tenant.object(name))?.metadata.resourceVersion));
    const before = await versions();
    await tenant.kubectl('annotate', 'secret', 'vps247-credentials', 'example.com/note=x');
    await site.untilListed(tenant.owner, 4);
    expect(await versions()).toEqual(before);
  });

  it('a refused create call is sent once, with the defaults of the chart', async () => {
    const tenant = await site.tenant('once', { owner: 243 });
    lies.push(
      site.provider.lie(({ operation, owner }) =>
        operation === 'Create' && owner === tenant.owner
          ? { status: 400, body: { error: 'package not offered in this region' } }
          : undefined,
      ),
    );
    await tenant.create('web');
    const object = await tenant.until('web', 'is refused', (seen) => isRefused(seen));
    expect(messageOf(object)).toContain('package not offered in this region');
    await site.untilListed(tenant.owner, 5);
    expect(tenant.writes).toHaveLength(1);
  });
});

function isRefused(object: VirtualMachine): boolean {
  return messageOf(object).includes('not offered');
}
