import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/start.ts';
import { Cluster } from '../support/control-plane.ts';
import { spec } from './operator/fixture.ts';

/** Several times as long as it takes, for machines with other things to do. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const root = path.join(import.meta.dirname, '../..');
const out = path.join(root, '.out/protection');
const crd = 'virtualmachines.vps247.com';
const finalizers = ['vps247.com/machine'];
let plane: ControlPlane;
let cluster: Cluster;
let env: Readonly<Record<string, string>>;

/** What a user sees at a terminal: stdout and stderr together, and whether the command succeeded. */
function terminal(script: string): { readonly ok: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { cwd: root, env, encoding: 'utf8' });
  return { ok: status === 0, text: stdout + stderr };
}

function succeed(script: string): string {
  const { ok, text } = terminal(script);
  expect(text, script).toSatisfy(() => ok);
  return text;
}

/** The policies need a moment after they were stored. */
async function enforced(): Promise<void> {
  await cluster.until('the definition is protected', async () =>
    terminal(`kubectl delete crd ${crd} --dry-run=server`).text.includes('is forbidden'),
  );
}

async function install(): Promise<void> {
  const printed = succeed('kubectl apply -f deploy/manifests/crds.yaml -f deploy/manifests/install.yaml');
  expect(printed).not.toContain('Warning');
  succeed(`kubectl wait crd ${crd} --for condition=Established`);
  await enforced();
}

async function protect(name: string, namespace = 'default'): Promise<void> {
  await cluster.create({ name, namespace, spec: { ...spec, deletionProtection: true } });
  await cluster.until('it is protected', async () =>
    terminal(`kubectl -n ${namespace} delete vps ${name} --dry-run=server`).text.includes('is forbidden'),
  );
}

const lift = (name: string, namespace = 'default') =>
  `kubectl -n ${namespace} patch vps ${name} --type merge -p '{"spec":{"deletionProtection":false}}'`;
const protectedNames = async (namespace = 'default') =>
  (await cluster.list(namespace)).map(({ metadata }) => metadata.name).toSorted();

beforeAll(async () => {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const { kubectl } = await ensureComponents(['kubectl']);
  plane = await startControlPlane({ controllerManager: true, logDir: path.join(out, 'control-plane') });
  cluster = new Cluster(plane.kubeconfigPath);
  const PATH = [path.dirname(kubectl), process.env['PATH'] ?? ''].join(path.delimiter);
  env = { PATH, KUBECONFIG: plane.kubeconfigPath, HOME: out };
});
afterAll(async () => {
  await cluster?.close();
  await plane?.stop();
});
beforeEach(install);

describe('a VirtualMachine with deletionProtection', () => {
  it('is not deleted, with the message that the terminal shows, until its command was pasted', async () => {
    await protect('web');
    const refused = terminal('kubectl delete vps web');
    expect(refused).toEqual({
      ok: false,
      text: `Error from server (Forbidden): virtualmachines.vps247.com "web" is forbidden: ValidatingAdmissionPolicy 'deletion-protection.vps247.com' with binding 'deletion-protection.vps247.com' denied request: spec.deletionProtection is true. Deleting it also deletes its VM with all data, unless its deletionPolicy is Retain. To lift the protection: ${lift('web')}\n`,
    });
    succeed(refused.text.slice(refused.text.indexOf('kubectl')));
    expect(succeed('kubectl delete vps web')).toContain('"web" deleted');
    expect(await protectedNames()).toEqual([]);
  });

  it('stays when all are deleted at once, by kubectl and by the collection', async () => {
    for (const name of ['a', 'z']) await cluster.create({ name, namespace: 'default', spec });
    await protect('m');
    const all = terminal('kubectl delete vps --all');
    expect(all.ok).toBe(false);
    expect(all.text).toContain(lift('m'));
    expect(await protectedNames()).toEqual(['m']);
    const collection = `/apis/vps247.com/v1alpha1/namespaces/default/virtualmachines`;
    const raw = terminal(`kubectl delete --raw ${collection}`);
    expect(raw.ok).toBe(false);
    expect(raw.text).toContain(`denied request: spec.deletionProtection is true.`);
    expect(raw.text).toContain(lift('m'));
    expect(await protectedNames()).toEqual(['m']);
    succeed(`${lift('m')}\nkubectl delete --raw ${collection}`);
    expect(await protectedNames()).toEqual([]);
  });

  it('delays the deletion of its namespace, whose condition has the same message', async () => {
    await cluster.createNamespace('team');
    await protect('web', 'team');
    for (const name of ['a', 'z']) await cluster.create({ name, namespace: 'team', spec });
    succeed('kubectl delete namespace team --wait=false');
    const condition = `{.status.conditions[?(@.type=="NamespaceDeletionContentFailure")].message}`;
    await cluster.until('the namespace reports it', async () =>
      succeed(`kubectl get namespace team -o jsonpath='${condition}'`).includes(lift('web', 'team')),
    );
    expect(await protectedNames('team')).toEqual(['web', 'z']);
    expect((await cluster.get('team', 'web'))?.metadata.deletionTimestamp).toBeUndefined();
    succeed(lift('web', 'team'));
    await cluster.until('the namespace is gone', async () => !terminal('kubectl get namespace team').ok);
  });

  it('can be changed by the operator, and deleted again while its deletion waits', async () => {
    await cluster.create({ name: 'web', namespace: 'default', spec });
    await cluster.patch('default', 'web', { metadata: { name: 'web', namespace: 'default', finalizers } });
    succeed('kubectl delete vps web --wait=false');
    await cluster.patch('default', 'web', { spec: { deletionProtection: true } });
    succeed('kubectl delete vps web --wait=false');
    expect(await protectedNames()).toEqual(['web']);
    succeed(`kubectl patch vps web --type merge -p '{"metadata":{"finalizers":null}}'`);
    expect(await protectedNames()).toEqual([]);
  });
});

describe('the CustomResourceDefinition', () => {
  const refusal = `Error from server (Forbidden): customresourcedefinitions.apiextensions.k8s.io "${crd}" is forbidden: ValidatingAdmissionPolicy 'crd-protection.vps247.com' with binding 'crd-protection.vps247.com' denied request: deleting this CustomResourceDefinition deletes every VirtualMachine in the cluster, and the operator then deletes their VMs with all data. To allow that: kubectl annotate crd ${crd} vps247.com/allow-deletion=true\n`;

  it('is not deleted, neither alone nor with all others', async () => {
    expect(terminal(`kubectl delete crd ${crd}`)).toEqual({ ok: false, text: refusal });
    const group = { group: 'example.org', scope: 'Namespaced', names: { kind: 'Thing', plural: 'things' } };
    const schema = { openAPIV3Schema: { type: 'object' } };
    const versions = [{ name: 'v1', served: true, storage: true, schema }];
    const other = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'things.example.org' },
      spec: { ...group, versions },
    };
    await cluster.apply(other);
    const all = terminal('kubectl delete --raw /apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    expect(all.ok).toBe(false);
    expect(all.text).toContain('vps247.com/allow-deletion=true');
    succeed(`kubectl delete crd things.example.org --ignore-not-found`);
    expect(succeed('kubectl get crd -o name')).toBe(`customresourcedefinition.apiextensions.k8s.io/${crd}\n`);
  });

  it('stays with all objects when the installation is deleted, repeatedly, by files or by kustomize', async () => {
    await cluster.create({ name: 'web', namespace: 'default', spec });
    succeed('kubectl delete -f deploy/manifests/install.yaml');
    terminal('kubectl delete -f deploy/manifests/install.yaml');
    terminal('kubectl delete -k deploy/kustomize/overlays/cluster');
    const mirrored = terminal('kubectl delete -f deploy/manifests/crds.yaml -f deploy/manifests/install.yaml');
    expect(mirrored.ok).toBe(false);
    expect(mirrored.text).toContain('vps247.com/allow-deletion=true');
    expect((await cluster.get('default', 'web'))?.metadata.deletionTimestamp).toBeUndefined();
    await install();
    const built = terminal('kubectl delete -k deploy/kustomize/crds');
    expect([built.ok, built.text.includes('vps247.com/allow-deletion=true')]).toEqual([false, true]);
    expect(await protectedNames()).toEqual(['web']);
    succeed('kubectl delete vps web');
  });

  it('can be deleted again while its deletion waits, also after the permission was withdrawn', async () => {
    await cluster.create({ name: 'web', namespace: 'default', spec });
    await cluster.patch('default', 'web', { metadata: { name: 'web', namespace: 'default', finalizers } });
    const allow = `kubectl annotate crd ${crd} vps247.com/allow-deletion`;
    succeed(`${allow}=true && kubectl delete crd ${crd} --wait=false && ${allow}-`);
    succeed(`kubectl delete crd ${crd} --wait=false`);
    succeed(`kubectl patch vps web --type merge -p '{"metadata":{"finalizers":null}}'`);
    succeed(`kubectl wait crd ${crd} --for delete`);
  });

  it('and its policies are the same for another manager: a server-side apply has no conflict', () => {
    succeed('kubectl apply --server-side --dry-run=server --field-manager another -f deploy/manifests/crds.yaml');
  });

  it('is deleted with its policies and all objects once that is allowed', async () => {
    await cluster.create({ name: 'web', namespace: 'default', spec });
    succeed(refusal.slice(refusal.indexOf('kubectl')));
    succeed('kubectl delete -f deploy/manifests/crds.yaml');
    const left = 'kubectl get crd,validatingadmissionpolicy,validatingadmissionpolicybinding -o name';
    expect(succeed(left)).not.toContain('vps247');
  });
});
