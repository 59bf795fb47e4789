import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { startControlPlane } from '../../hack/control-plane/start.ts';
import { goldenFolder, goldenVersions } from '../../hack/golden/versions.ts';
import { Cluster } from '../support/control-plane.ts';
import { fastSettings } from '../support/fast-settings.ts';
import { startOperator } from '../support/operator-process.ts';
import { recordObjects } from '../support/record-objects.ts';
import { keyText } from '../../src/api/v1alpha1/identity.ts';
import { apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { realClock } from '../../emulator/clock.ts';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import type { MachineView } from '../../emulator/machine.ts';
import { serve } from '../../emulator/server.ts';
import { Secret } from '../../src/domain/secret.ts';
import { keyedHash } from '../../src/provider/account/account-registry.ts';
import { keyMarker } from '../secrets/markers.ts';
import { sharedCluster } from '../support/shared-cluster.ts';

// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 240_000 });

const root = join(import.meta.dirname, '../..');
const apiKey = `${keyMarker}1d8b2f4c6a7e9035`;
const namespaces = { 'at-rest': 'default', 'under-way': 'not-followed' } as const;
type Group = keyof typeof namespaces;

/** Names that the new cluster gives to what the old one called otherwise. */
type Renaming = readonly (readonly [from: string, to: string])[];

function renamed<T>(value: T, renaming: Renaming): T {
  const text = renaming.reduce((before, [from, to]) => before.replaceAll(from, to), JSON.stringify(value));
  // Only texts within it have changed.
  return JSON.parse(text) as T;
}

/** Our own files, as the program wrote them. */
function samplesOf(version: string, group: Group): readonly VirtualMachine[] {
  const folder = join(root, goldenFolder, version, 'samples', group);
  return readdirSync(folder).map((file) => parse(readFileSync(join(folder, file), 'utf8')) as VirtualMachine);
}

function versions(objects: readonly VirtualMachine[]): string {
  return objects.map(({ metadata }) => metadata.resourceVersion).join();
}

/** Machines as they were, the gaps between their ids filled and emptied. */
function place(emulator: Emulator, machines: readonly MachineView[], at: (time: number | undefined) => void): void {
  let id = 0;
  for (const machine of machines) {
    at(machine.createdAt);
    const { id: wanted, createdAt: _at, ignoresShutdown: _deaf, state, ...order } = machine;
    const isUp = state === 'running' || state === 'halted';
    for (;;) {
      id = emulator.panel.create({ ...order, state: isUp ? state : 'running' });
      if (id >= wanted) break;
      emulator.panel.delete(id);
    }
    expect(id).toBe(wanted);
  }
  at(undefined);
}

/** All but the status, and what changes with it. */
function wishesOf(objects: readonly VirtualMachine[]): readonly object[] {
  return objects.map(({ metadata, spec }) => {
    const { name, generation, uid, labels, annotations, finalizers, deletionTimestamp } = metadata;
    return { name, generation, uid, labels, annotations, finalizers, deletionTimestamp, spec };
  });
}

it.each(goldenVersions())('the objects of %s are served, valid and changeable, and managed', async (version) => {
  const out = join(root, '.out/golden', version);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await using plane = await startControlPlane({ logDir: join(out, 'control-plane') });
  const recorder = recordObjects(plane.kubeconfigPath, join(out, 'objects'));
  const cluster = new Cluster(plane.kubeconfigPath);
  const kubectl = (args: readonly string[], input: unknown = ''): string => {
    const all = ['--kubeconfig', plane.kubeconfigPath, '--cache-dir', join(out, 'cache'), ...args];
    const { status, stdout, stderr } = spawnSync(sharedCluster().kubectl, all, {
      input: JSON.stringify(input),
      encoding: 'utf8',
    });
    expect(status, `kubectl ${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  };
  await cluster.applyCrd(`${goldenFolder}/${version}/crd.yaml`);
  for (const namespace of Object.values(namespaces)) {
    await cluster.createNamespace(namespace);
    await cluster.putSecret(namespace, apiKey);
  }

  // As the old operator left them, under the UIDs of the new cluster.
  const renaming: (readonly [string, string])[] = [];
  const groups: readonly Group[] = ['at-rest', 'under-way'];
  const samples = groups.flatMap((group) =>
    samplesOf(version, group).map(({ metadata, ...sample }) =>
      Object.assign(sample, { metadata: { ...metadata, namespace: namespaces[group] } }),
    ),
  );
  for (const { metadata, spec, status, ...type } of samples) {
    const { name, namespace } = metadata;
    const put = (values: object) =>
      cluster.apply({ ...type, metadata: { name, namespace }, spec: { ...spec, ...values } });
    const bumps = metadata.generation - (metadata.deletionTimestamp === undefined ? 1 : 2);
    for (let index = 0; index < bumps; index += 1) await put({ powerOff: { gracePeriodSeconds: index + 61 } });
    await put({});
    const { uid = '' } = (await cluster.get(namespace, name))?.metadata ?? {};
    renaming.push([metadata.uid, uid], [metadata.uid.slice(0, 8), uid.slice(0, 8)]);
    const hash = status?.internal?.apiKeyHash;
    if (hash !== undefined) renaming.push([hash, keyedHash(new Secret(apiKey), keyText({ ...metadata, uid }))]);
  }
  for (const { metadata, status, ...type } of renamed(samples, renaming)) {
    const { name, namespace, labels, annotations, finalizers } = metadata;
    await cluster.patch(namespace, name, { metadata: { name, namespace, labels, annotations, finalizers } });
    const whole = { ...type, metadata: { name, namespace }, status };
    kubectl([
      'patch',
      'vps',
      '-n',
      namespace,
      name,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(whole),
    ]);
    if (metadata.deletionTimestamp !== undefined) await cluster.delete(namespace, name);
  }
  const list = async () => (await Promise.all(Object.values(namespaces).map((one) => cluster.list(one)))).flat();
  const before = await list();
  expect(
    before.map(({ metadata, spec, status }) => [metadata.name, metadata.generation, spec, status]).toSorted(),
  ).toEqual(
    renamed(samples, renaming)
      .map(({ metadata, spec, status }) => [metadata.name, metadata.generation, spec, status])
      .toSorted(),
  );

  let time: number | undefined;
  const emulator = createEmulator({
    accounts: [{ ownerId: 1, keys: [apiKey] }],
    clock: { ...realClock, now: () => time ?? realClock.now() },
  });
  const machines = parse(readFileSync(join(root, goldenFolder, version, 'machines.yaml'), 'utf8')) as MachineView[];
  place(emulator, renamed(machines, renaming), (at) => (time = at));
  const provider = await serve(emulator, { port: 0 });
  await cluster.applyCrd();
  const operator = startOperator({
    kubeconfig: plane.kubeconfigPath,
    apiUrl: provider.url,
    flags: [...fastSettings(), '--namespaces', namespaces['at-rest']],
    logFile: join(out, 'operator.log'),
  });
  try {
    await operator.addresses;
    const lists = () => emulator.ledger.callsByOperation().ListMachines ?? 0;
    await cluster.until('four lists', async () => lists() >= 4);
    let after = await list();
    // What it has to report may come after the list that it reports on, and after the next one on a busy machine.
    await cluster.until('the operator has nothing more to write', async () => {
      const [earlier, listed] = [after, lists()];
      await cluster.until('two more lists', async () => lists() >= listed + 2);
      after = await list();
      return versions(after) === versions(earlier);
    });
    // A newer operator may have more to say of each object, once; of what it is asked to do it changes nothing.
    expect(wishesOf(after)).toEqual(wishesOf(before));
    expect(emulator.ledger.writes()).toEqual([]);

    // The new definition is in force by now: the operator waits for it.
    expect(kubectl(['replace', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: after })).toContain('replaced');
    expect((await list()).map(({ metadata }) => metadata.resourceVersion)).toEqual(
      after.map(({ metadata }) => metadata.resourceVersion),
    );
    const changed = after.map(({ metadata: { name, namespace }, spec }) => ({
      apiVersion,
      kind,
      metadata: { name, namespace },
      spec: Object.assign({}, spec, { powerOff: { mode: 'Soft', gracePeriodSeconds: 420 } }),
    }));
    kubectl(['apply', '--server-side', '--force-conflicts', '--dry-run=server', '-f', '-'], {
      apiVersion: 'v1',
      kind: 'List',
      items: changed,
    });
    await cluster.patch('default', 'running', { spec: { powerState: 'Halted' } });
    await cluster.until('halted', async () => (await cluster.get('default', 'running'))?.status?.state === 'Halted');
    expect(emulator.ledger.writes().map(({ operation }) => operation)).toEqual(['StopMachine']);
  } finally {
    await operator.stop();
    await recorder.stop();
    await provider.close();
    await cluster.close();
  }
});
