import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { createEmulator, type Emulator } from '../../../src/emulator/emulator.ts';
import { serve } from '../../../src/emulator/server.ts';
import { Cluster, readiness } from '../../../hack/kit/cluster.ts';
import { type OperatorProcess, startOperator } from '../../../hack/kit/operator.ts';
import { keyMarker } from '../../secrets/markers.ts';
import { freshNamespace, sharedCluster } from '../../support/cluster.ts';

export const apiKey = `${keyMarker}5d41402abc4b2a76b9719d911017c592`;
export const rotatedKey = `${keyMarker}7d793037a0760186574b0282f2f435e7`;

/** Short enough for tests, long enough to be seen by a list: milliseconds. */
const latencies = { pickup: 30, provision: 150, start: 100, halt: 100, kill: 50 } as const;

/** Flags of a hurried operator: everything that waits for a human's patience waits a fraction of it. */
const hurried = [
  '--poll-interval',
  '2s',
  '--urgent-poll-interval',
  '200ms',
  '--visibility-window',
  '1s',
  '--api-response-timeout',
  '2s',
  '--api-connect-timeout',
  '1s',
  '--log-level',
  'debug',
];

export interface Stage {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly apiUrl: string;
  readonly namespace: string;
  /** Kept after a failed run: the operator's log and the ledger. */
  readonly directory: string;
  /** Starts an operator with the rights of its service account, for this stage's namespace only. */
  operator(flags?: readonly string[]): Promise<OperatorProcess>;
  object(name: string): Promise<VirtualMachine | undefined>;
  create(name: string, spec?: Readonly<Record<string, unknown>>): Promise<VirtualMachine>;
  /** Waits for Ready to be `status/reason`, such as `True/Available`. */
  untilReady(name: string, expected: string, timeout?: number): Promise<VirtualMachine>;
  untilGone(name: string, timeout?: number): Promise<void>;
}

export interface StageOptions {
  readonly switches?: Parameters<Emulator['setSwitches']>[0];
  readonly withSecret?: boolean;
  readonly accounts?: Parameters<typeof createEmulator>[0]['accounts'];
}

export const spec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

/** A namespace on the shared real API server, an emulated provider of its own, and operators to be started on demand. */
export function useStages(suite: string): (name: string, options?: StageOptions) => Promise<Stage> {
  const cleanups: (() => Promise<unknown>)[] = [];
  let cluster: Cluster;
  let operatorKubeconfig: string;
  const out = path.join(import.meta.dirname, '../../../.out/operator', suite);

  beforeAll(async () => {
    cluster = new Cluster(sharedCluster().kubeconfig);
    await cluster.applyCrd();
    await cluster.applyFiles(
      ['00-namespace', '20-service-account', '30-role'].map((file) => `deploy/manifests/${file}.yaml`),
    );
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    operatorKubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', out);
  });
  const cleanUp = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  };
  afterEach(cleanUp);
  afterAll(cleanUp);

  return async (name, options = {}) => {
    const directory = path.join(out, name);
    mkdirSync(directory, { recursive: true });
    const namespace = await freshNamespace();
    const emulator = createEmulator({
      seed: 7,
      latencies,
      accounts: options.accounts ?? [{ ownerId: 1, keys: [apiKey, rotatedKey] }],
      ...(options.switches === undefined ? {} : { switches: options.switches }),
    });
    const provider = await serve(emulator, { port: 0 });
    cleanups.push(async () => {
      const { calls, effects } = emulator.ledger;
      writeFileSync(path.join(directory, 'ledger.json'), JSON.stringify({ calls, effects }, null, 1));
      await provider.close();
    });
    if (options.withSecret !== false) await cluster.putSecret(namespace, apiKey);
    let starts = 0;

    return {
      cluster,
      emulator,
      apiUrl: provider.url,
      namespace,
      directory,
      async operator(flags = []) {
        starts += 1;
        const operator = startOperator({
          kubeconfig: operatorKubeconfig,
          apiUrl: provider.url,
          flags: ['--namespaces', namespace, ...hurried, ...flags],
          logFile: path.join(directory, `operator-${starts}.log`),
        });
        cleanups.push(async () => {
          await operator.keepMetrics();
          await operator.kill();
        });
        await operator.addresses;
        return operator;
      },
      object: (objectName) => cluster.get(namespace, objectName),
      create: (objectName, more = {}) => cluster.create({ name: objectName, namespace, spec: { ...spec, ...more } }),
      async untilReady(objectName, expected, timeout = 30_000) {
        let object: VirtualMachine | undefined;
        let seen = '';
        await cluster
          .until(
            `${objectName} is ${expected}`,
            async () => {
              object = await cluster.get(namespace, objectName);
              seen = readiness(object);
              return seen === expected;
            },
            timeout,
          )
          .catch((error: unknown) => {
            throw new Error(`${String(error)}; it is ${seen}: ${JSON.stringify(object?.status)}`, { cause: error });
          });
        if (object === undefined) throw new Error(`${objectName} is gone`);
        return object;
      },
      untilGone: (objectName, timeout = 30_000) =>
        cluster.until(
          `${objectName} is gone`,
          async () => (await cluster.get(namespace, objectName)) === undefined,
          timeout,
        ),
    };
  };
}
