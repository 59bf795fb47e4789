import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBundle } from '../../../hack/build.ts';
import { ensureComponents } from '../../../hack/control-plane/components.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/start.ts';
import { bundleImage } from '../../../hack/kit/bundle-image.ts';
import { Cluster, readiness } from '../../../hack/kit/cluster.ts';
import { chartFolder } from '../../../hack/kit/helm.ts';
import { hurried, hurriedLatencies } from '../../../hack/kit/hurried.ts';
import { Kubelet } from '../../../hack/kit/kubelet.ts';
import { recordObjects } from '../../../hack/kit/record-objects.ts';
import { createEmulator } from '../../../src/emulator/emulator.ts';
import { serve } from '../../../src/emulator/server.ts';
import { sharedCluster } from '../../support/cluster.ts';
import { run } from '../../support/run.ts';
import { apiKey, spec } from '../operator/stage.ts';

const out = path.join(import.meta.dirname, '../../../.out/operator/installed');
const namespace = 'vps247-system';
const release = 'vps247-operator';
const emulator = createEmulator({ seed: 7, latencies: hurriedLatencies, accounts: [{ ownerId: 1, keys: [apiKey] }] });

let plane: ControlPlane;
let cluster: Cluster;
let kubelet: Kubelet;
let provider: Awaited<ReturnType<typeof serve>>;
let recorder: ReturnType<typeof recordObjects>;
let helmProgram: string;

beforeAll(async () => {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  ({ helm: helmProgram } = await ensureComponents(['helm']));
  const { file } = await buildBundle(path.join(out, 'bundle'));
  plane = await startControlPlane({
    controllerManager: true,
    isAudited: true,
    logDir: path.join(out, 'control-plane'),
  });
  recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
  cluster = new Cluster(plane.kubeconfigPath);
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  for (const name of ['team-a', 'team-b']) {
    await cluster.createNamespace(name);
    await cluster.putSecret(name, apiKey);
  }
  provider = await serve(emulator, { port: 0 });
  const image = (folder: string) => bundleImage(file, folder);
  kubelet = new Kubelet({ kubeconfig: plane.kubeconfigPath, namespace, image, logs: out });
});

afterAll(async () => {
  await kubelet?.stop();
  const { calls, effects } = emulator.ledger;
  writeFileSync(path.join(out, 'ledger.json'), JSON.stringify({ calls, effects }, null, 1));
  await provider?.close();
  await recorder?.stop();
  await cluster?.close();
  await plane?.stop();
});

/** Runs helm as a person would, in the release's namespace; rejects with its words. */
async function helm(...args: readonly string[]): Promise<string> {
  const env = { KUBECONFIG: plane.kubeconfigPath, HOME: path.join(out, 'home') };
  return run(helmProgram, [...args, '--namespace', namespace, '--timeout', '60s'], env);
}

/** `helm install`, and waits as helm does until the Deployment has rolled out. */
async function install(values: Readonly<Record<string, unknown>>): Promise<string> {
  const file = path.join(out, 'values.json');
  const common = { config: { apiUrl: provider.url }, extraArgs: hurried(), readinessProbe: { periodSeconds: 1 } };
  writeFileSync(file, JSON.stringify({ ...common, ...values }));
  return helm('install', release, chartFolder, '--values', file, '--wait');
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const home = path.join(out, 'home');
  return run(sharedCluster().kubectl, ['--cache-dir', home, ...args], { KUBECONFIG: plane.kubeconfigPath, HOME: home });
}

async function until(where: string, name: string, expected: string): Promise<void> {
  await cluster.until(
    `${where}/${name} is ${expected}`,
    async () => readiness(await cluster.get(where, name)) === expected,
    30_000,
  );
}

/** What was asked of the provider that changes something. */
function writes(): readonly string[] {
  return emulator.ledger.writes().map(({ operation }) => operation);
}

describe('helm install, with the Deployment rolled out and its Pods run', () => {
  it(
    'looks after the whole cluster, and leaves everything but itself when it is uninstalled',
    { timeout: 120_000 },
    async () => {
      const notes = await install({});
      expect(notes).toContain('looks after the VirtualMachines of the whole cluster');
      expect(kubelet.pods.map(({ isReady, restarts }) => ({ isReady, restarts }))).toEqual([
        { isReady: true, restarts: 0 },
        { isReady: true, restarts: 0 },
      ]);
      await cluster.create({ name: 'web', namespace: 'team-a', spec });
      await until('team-a', 'web', 'True/Available');
      await cluster.patch('team-a', 'web', { spec: { powerState: 'Halted' } });
      await cluster.until(
        'web is halted',
        async () => (await cluster.get('team-a', 'web'))?.status?.state === 'Halted',
      );
      await until('team-a', 'web', 'True/Available');
      const before = await cluster.get('team-a', 'web');

      await helm('uninstall', release, '--wait');
      await cluster.until('its Pods are gone', async () => kubelet.pods.length === 0);
      expect(await cluster.get('team-a', 'web')).toEqual(before);
      expect(await kubectl('get', 'crd', 'virtualmachines.vps247.com', '-o', 'name')).toContain('virtualmachines');
      expect(await kubectl('get', 'deploy,clusterrole,clusterrolebinding', '-A', '-o', 'name')).not.toContain(release);
      expect(writes()).toEqual(['CreateMachine', 'StopMachine']);
      expect(emulator.ledger.liveMachines()).toHaveLength(1);
    },
  );

  it(
    'goes on in two namespaces with Roles alone, and makes and deletes what it is asked to',
    { timeout: 120_000 },
    async () => {
      const watchNamespaces = ['team-a', 'team-b'];
      await install({ watchNamespaces, scope: 'Namespaced', crds: { enabled: false }, replicas: 1 });
      expect(await kubectl('get', 'clusterrole,clusterrolebinding', '-o', 'name')).not.toContain(release);
      await cluster.create({ name: 'batch', namespace: 'team-b', spec });
      await until('team-b', 'batch', 'True/Available');
      await cluster.patch('team-a', 'web', { spec: { powerState: 'Running' } });
      await cluster.until('web runs', async () => (await cluster.get('team-a', 'web'))?.status?.state === 'Running');
      await cluster.delete('team-a', 'web');
      await cluster.until('web is gone', async () => (await cluster.get('team-a', 'web')) === undefined);

      await helm('uninstall', release, '--wait');
      await cluster.until('its Pods are gone', async () => kubelet.pods.length === 0);
      expect(readiness(await cluster.get('team-b', 'batch'))).toBe('True/Available');

      const { ledger } = emulator;
      // The delete shuts web down first.
      expect(writes().slice(2)).toEqual(['CreateMachine', 'StartMachine', 'StopMachine', 'DeleteMachine']);
      expect(ledger.machinesEverCreated()).toHaveLength(2);
      expect(ledger.liveMachines()).toHaveLength(1);
      expect(ledger.duplicates()).toEqual([]);
      expect(ledger.forbiddenTransitions()).toEqual([]);
      const { status } = (await cluster.get('team-b', 'batch')) ?? {};
      expect(ledger.leaks([status?.providerName ?? ''])).toEqual([]);
    },
  );
});
