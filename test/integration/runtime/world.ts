import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/start.ts';
import { Cluster } from '../../support/control-plane.ts';
import { collectGarbage } from '../../support/garbage-collector.ts';
import { fastSettings, fastLatencies } from '../../support/fast-settings.ts';
import { type OperatorProcess, startOperator } from '../../support/operator-process.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { type Passing, startWireProxy, type Treatment, type WireProxy } from '../../support/wire-proxy.ts';
import { isWatch } from '../../support/wire-signature.ts';
import type { PowerState, VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { createEmulator, type Emulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { apiKey, spec } from '../operator/fixture.ts';

export const namespace = 'default';

/** The operator as a process, a separate control plane, and between them a proxy for faults. */
export interface World extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly plane: ControlPlane;
  readonly proxy: WireProxy;
  operator: OperatorProcess;
  /** What happens to a request to the API server; it passes when this is undefined. Set by each test, and taken off by `calm`. */
  decide: ((request: Passing) => Treatment | undefined) | undefined;
  /** Lists and watches of VirtualMachines that the operator asked for so far. */
  readonly asked: { lists: number; watches: number };
  /** Waits until the watch has lasted so long that its end would be none of a row of failures, which are waited after ever longer. */
  untilSteady(): Promise<void>;
  calm(): void;
  restart(flags: readonly string[]): Promise<void>;
  create(...names: readonly string[]): Promise<void>;
  setPower(name: string, powerState: PowerState): Promise<void>;
  /** Waits until there are these objects and no others, all of them as they are asked to be, at the provider too. */
  untilAsAsked(...names: readonly string[]): Promise<void>;
  /** Resident memory of the operator, in bytes. */
  memory(): number;
}

/** A little more than what src/kubernetes/cache takes for steady; milliseconds. */
const steady = 5_300;

export async function openWorld(name: string): Promise<World> {
  const out = path.join(import.meta.dirname, '../../../.out/operator', name);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const plane = await startControlPlane({ isAudited: true, logDir: path.join(out, 'control-plane') });
  const recorder = recordObjects(plane.kubeconfigPath, path.join(out, 'objects'));
  const cluster = new Cluster(plane.kubeconfigPath);
  await cluster.applyCrd();
  await cluster.applyRights();
  await cluster.putSecret(namespace, apiKey);
  const stopCollecting = collectGarbage(cluster);
  const kubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', out);
  const emulator = createEmulator({
    seed: 7,
    latencies: fastLatencies,
    accounts: [{ ownerId: 1, keys: [apiKey] }],
  });
  const provider = await serve(emulator, { port: 0 });
  const asked = { lists: 0, watches: 0 };
  let watchedSince = 0;
  const wire: Pick<World, 'decide'> = { decide: undefined };
  const proxy = await startWireProxy({
    kubeconfig,
    apiUrl: provider.url,
    directory: out,
    decide(request) {
      if (request.api !== 'kubernetes') return { kind: 'pass' };
      if (isMachineWatch(request)) watchedSince = performance.now();
      if (isOfMachines(request)) asked[isMachineWatch(request) ? 'watches' : 'lists'] += 1;
      return wire.decide?.(request) ?? { kind: 'pass' };
    },
  });
  let starts = 0;

  async function startOne(flags: readonly string[] = []): Promise<OperatorProcess> {
    starts += 1;
    const operator = startOperator({
      kubeconfig: proxy.kubeconfig,
      apiUrl: proxy.apiUrl,
      // Objects come again under their old names here; whether their old machines may be theirs is another test's.
      flags: [...fastSettings({ 'orphan-candidates': 'Report' }), ...flags],
      logFile: path.join(out, `operator-${starts}.log`),
    });
    await operator.addresses;
    return operator;
  }

  function isAsAsked({ metadata, spec: wanted, status }: VirtualMachine): boolean {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    const machine = emulator.machines().find(({ id }) => id === status?.id);
    return (
      ready?.status === 'True' &&
      ready.observedGeneration === metadata.generation &&
      status?.state === wanted.powerState &&
      machine?.state === wanted.powerState.toLowerCase()
    );
  }

  const world: World = {
    cluster,
    emulator,
    plane,
    proxy,
    operator: await startOne(),
    asked,
    get decide() {
      return wire.decide;
    },
    set decide(decide) {
      wire.decide = decide;
    },
    untilSteady: () =>
      cluster.until('the watch has lasted for a while', async () => performance.now() - watchedSince > steady),
    calm: () => void (wire.decide = undefined),
    async restart(flags) {
      await world.operator.stop();
      world.operator = await startOne(flags);
    },
    async create(...names) {
      await Promise.all(names.map((each) => cluster.create({ name: each, namespace, spec })));
    },
    setPower: (each, powerState) => cluster.patch(namespace, each, { spec: { powerState } }),
    async untilAsAsked(...names) {
      let shown = '';
      const isSo = async (): Promise<boolean> => {
        const objects = await cluster.list(namespace).catch(() => []);
        shown = objects
          .map((each) => `${each.metadata.name}${isAsAsked(each) ? '' : '!'}`)
          .toSorted()
          .join();
        return shown === names.toSorted().join() && emulator.machines().length === names.length;
      };
      await cluster.until(`objects are ${names.join()}`, isSo, 45_000).catch((error: unknown) => {
        throw new Error(`${String(error)}; they are ${shown}`, { cause: error });
      });
    },
    memory() {
      const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.operator.pid}/status`, 'utf8')) ?? [];
      return Number(kilobytes) * 1_024;
    },
    async [Symbol.asyncDispose]() {
      await world.operator.kill();
      const { calls, effects } = emulator.ledger;
      writeFileSync(path.join(out, 'ledger.json'), JSON.stringify({ calls, effects }, null, 1));
      await proxy.close();
      await provider.close();
      await stopCollecting();
      await cluster.close();
      await recorder.stop();
      await plane.stop();
    },
  };
  return world;
}

/** Whether it lists or watches VirtualMachines. */
export function isOfMachines({ api, method, path: where }: Passing): boolean {
  return api === 'kubernetes' && method === 'GET' && where.endsWith('/virtualmachines');
}

/** Whether it lists or watches Secrets. */
export function isOfSecrets({ api, method, path: where }: Passing): boolean {
  return api === 'kubernetes' && method === 'GET' && where.endsWith('/secrets');
}

/** The watch of VirtualMachines that continues, not the one that sends the initial list. */
export function isMachineWatch(request: Passing): boolean {
  return isOfMachines(request) && isWatch(request) && !isEverything(request);
}

/** The list of VirtualMachines as events. */
export function isEverything(request: Passing): boolean {
  return isOfMachines(request) && request.query.has('sendInitialEvents');
}
