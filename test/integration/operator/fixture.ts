import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { EmulatorClock } from '../../../emulator/clock.ts';
import { createEmulator, type Emulator } from '../../../emulator/emulator.ts';
import { serve } from '../../../emulator/server.ts';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { fastSettings, fastLatencies } from '../../support/fast-settings.ts';
import { type OperatorProcess, startOperator } from '../../support/operator-process.ts';
import { keyMarker } from '../../secrets/markers.ts';
import { freshNamespace, sharedCluster } from '../../support/shared-cluster.ts';

export const apiKey = `${keyMarker}5d41402abc4b2a76b9719d911017c592`;
export const rotatedKey = `${keyMarker}7d793037a0760186574b0282f2f435e7`;

export interface OperatorFixture {
  readonly cluster: Cluster;
  readonly emulator: Emulator;
  readonly apiUrl: string;
  readonly namespace: string;
  /** Kept after a failed run: the operator's log and the ledger. */
  readonly directory: string;
  /** The permissions of the operator's service account. */
  readonly kubeconfig: string;
  /** Starts an operator with these permissions, for this fixture's namespace only, and waits until it listens. */
  operator(flags?: readonly string[]): Promise<OperatorProcess>;
  /** The same without waiting; from another program, or by another way to the two APIs. */
  start(options?: StartOptions): OperatorProcess;
  object(name: string): Promise<VirtualMachine | undefined>;
  create(name: string, spec?: Readonly<Record<string, unknown>>): Promise<VirtualMachine>;
  /** Waits for Ready to be `status/reason`, such as `True/Available`. */
  untilReady(name: string, expected: string, timeout?: number): Promise<VirtualMachine>;
  untilGone(name: string, timeout?: number): Promise<void>;
}

export interface StartOptions {
  readonly flags?: readonly string[];
  /** Namespaces to watch besides the stage's. */
  readonly namespaces?: readonly string[];
  /** Settings by their flags' names that shall be otherwise than those of an operator in a hurry. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly entry?: string;
  readonly variables?: Readonly<Record<string, string>>;
  readonly through?: { readonly kubeconfig: string; readonly apiUrl: string };
}

export interface FixtureOptions {
  readonly switches?: Parameters<Emulator['setSwitches']>[0];
  readonly withSecret?: boolean;
  readonly clock?: EmulatorClock;
  readonly accounts?: Parameters<typeof createEmulator>[0]['accounts'];
}

export const spec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

/** A namespace on the shared real API server, a separate emulated provider, and operators to be started on demand. */
export function useFixtures(suite: string): (name: string, options?: FixtureOptions) => Promise<OperatorFixture> {
  const cleanups: (() => Promise<unknown>)[] = [];
  let cluster: Cluster;
  let operatorKubeconfig: string;
  const out = path.join(import.meta.dirname, '../../../.out/operator', suite);

  beforeAll(async () => {
    cluster = new Cluster(sharedCluster().kubeconfig);
    await cluster.applyCrd();
    await cluster.applyRights();
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
      latencies: fastLatencies,
      accounts: options.accounts ?? [{ ownerId: 1, keys: [apiKey, rotatedKey] }],
      ...(options.switches === undefined ? {} : { switches: options.switches }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
    const provider = await serve(emulator, { port: 0 });
    cleanups.push(async () => {
      const { calls, effects } = emulator.ledger;
      writeFileSync(path.join(directory, 'ledger.json'), JSON.stringify({ calls, effects }, null, 1));
      await provider.close();
    });
    if (options.withSecret !== false) await cluster.putSecret(namespace, apiKey);
    let starts = 0;

    const start = (startOptions: StartOptions = {}): OperatorProcess => {
      starts += 1;
      const {
        flags = [],
        namespaces = [],
        settings = {},
        entry,
        variables = {},
        through = { kubeconfig: operatorKubeconfig, apiUrl: provider.url },
      } = startOptions;
      const operator = startOperator({
        kubeconfig: through.kubeconfig,
        apiUrl: through.apiUrl,
        flags: [
          '--namespaces',
          [namespace, ...namespaces].join(','),
          ...fastSettings({ 'log-level': 'debug', ...settings }),
          ...flags,
        ],
        logFile: path.join(directory, `operator-${starts}.log`),
        variables,
        ...(entry === undefined ? {} : { entry }),
      });
      cleanups.push(async () => {
        await operator.keepMetrics();
        await operator.kill();
      });
      return operator;
    };

    return {
      cluster,
      emulator,
      apiUrl: provider.url,
      namespace,
      directory,
      kubeconfig: operatorKubeconfig,
      start,
      async operator(flags = []) {
        const operator = start({ flags });
        await operator.addresses;
        return operator;
      },
      object: (objectName) => cluster.get(namespace, objectName),
      create: (objectName, more = {}) => cluster.create({ name: objectName, namespace, spec: { ...spec, ...more } }),
      async untilReady(objectName, expected, timeout = 120_000) {
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
      untilGone: (objectName, timeout = 120_000) =>
        cluster.until(
          `${objectName} is gone`,
          async () => (await cluster.get(namespace, objectName)) === undefined,
          timeout,
        ),
    };
  };
}
