/**
 * `npm run golden`: has this operator create an object of each kind, on a real API server against the emulated
 * provider, and stores them, with their VMs, as the golden set of the version in package.json (test/golden). Every
 * later version is tested with it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { apiVersion, kind } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { createEmulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { Cluster, readiness } from '../../test/support/control-plane.ts';
import { fastSettings, fastLatencies } from '../../test/support/fast-settings.ts';
import { startOperator } from '../../test/support/operator-process.ts';
import { basis, type Case, cases, type Room } from './cases.ts';
import { currentVersion, goldenFolder, isReleased } from './versions.ts';

const apiKey = 'golden-key';
const namespace = 'default';
const root = join(import.meta.dirname, '../..');

/** Returns the object once it reports everything that its case is for. */
async function bringAbout(room: Room, { name, first, afterwards, ...given }: Case): Promise<VirtualMachine> {
  const { cluster } = room;
  const spec = { ...basis, ...given.spec, ...(await given.before?.(room)) };
  const { labels = {}, annotations = {} } = given;
  await cluster.apply({ apiVersion, kind, metadata: { name, namespace, labels, annotations }, spec });
  const until = async (expected: string): Promise<VirtualMachine> => {
    let object: VirtualMachine | undefined;
    await cluster.until(`${name} is ${expected}`, async () => {
      object = await cluster.get(namespace, name);
      const isSeen = object?.status?.observedGeneration === object?.metadata.generation;
      return isSeen && readiness(object) === expected;
    });
    if (object === undefined) throw new Error(`${name} is gone`);
    return object;
  };
  const object = await until(first);
  if (afterwards === undefined) return object;
  await afterwards.act(room, object.status?.id ?? 0);
  return until(afterwards.last);
}

/** Without fields that describe its history. */
function asKept(object: VirtualMachine): object {
  const { managedFields: _, ...metadata } = object.metadata as VirtualMachine['metadata'] & { managedFields?: unknown };
  return { apiVersion, kind, metadata, spec: object.spec, status: object.status };
}

const restful: ReadonlySet<string> = new Set(cases.filter(({ group }) => group === 'at-rest').map(({ name }) => name));

/** Waits until nothing at rest changes any more: the last status write may come after Ready. */
async function untilQuiet({ cluster, emulator }: Room): Promise<readonly VirtualMachine[]> {
  const lists = () => emulator.ledger.callsByOperation().ListMachines ?? 0;
  const atRest = async () => (await cluster.list(namespace)).filter(({ metadata: { name } }) => restful.has(name));
  for (;;) {
    const before = await atRest();
    const listsBefore = lists();
    await cluster.until('three lists', async () => lists() >= listsBefore + 3);
    const after = await atRest();
    if (versionsOf(before) === versionsOf(after)) return after;
  }
}

function versionsOf(objects: readonly VirtualMachine[]): string {
  return objects.map(({ metadata }) => metadata.resourceVersion).join();
}

async function main(): Promise<void> {
  const version = currentVersion();
  if (isReleased(version)) {
    throw new Error(`${version} is released, so its golden set can't change: raise the version in package.json first.`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'vps247-golden-'));
  await using plane = await startControlPlane();
  const cluster = new Cluster(plane.kubeconfigPath);
  await cluster.applyCrd();
  await cluster.putSecret(namespace, apiKey);
  const emulator = createEmulator({
    seed: 7,
    accounts: [{ ownerId: 1, keys: [apiKey] }],
    latencies: fastLatencies,
    switches: { bootLoopNames: '^falling-back-', bootLoopAfter: 500 },
  });
  const provider = await serve(emulator, { port: 0 });
  const operator = startOperator({
    kubeconfig: plane.kubeconfigPath,
    apiUrl: provider.url,
    flags: fastSettings(),
    logFile: join(directory, 'operator.log'),
  });
  try {
    await operator.addresses;
    const room: Room = { cluster, emulator, namespace };
    const found = new Map<string, VirtualMachine>();
    for (const one of cases.filter(({ hidesVms }) => hidesVms !== true))
      found.set(one.name, await bringAbout(room, one));
    for (const object of await untilQuiet(room)) found.set(object.metadata.name, object);
    for (const one of cases.filter(({ hidesVms }) => hidesVms === true))
      found.set(one.name, await bringAbout(room, one));
    const set = join(root, goldenFolder, version);
    rmSync(join(set, 'samples'), { recursive: true, force: true });
    for (const { name, group } of cases) {
      mkdirSync(join(set, 'samples', group), { recursive: true });
      const text = stringify(asKept(found.get(name) ?? Object(undefined)), { lineWidth: 0 });
      writeFileSync(join(set, 'samples', group, `${name}.yaml`), text);
    }
    const machines = emulator.machines().map(({ task: _task, updatedAt: _updatedAt, ...machine }) => machine);
    writeFileSync(join(set, 'machines.yaml'), stringify(machines));
    console.log(`Wrote ${cases.length} objects and ${machines.length} machines of ${version} into ${goldenFolder}`);
  } finally {
    await operator.stop();
    await provider.close();
    await cluster.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
