import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { createEmulator, type Emulator } from '../../emulator/emulator.ts';
import { serve } from '../../emulator/server.ts';
import { buildBundle } from '../../hack/build.ts';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/start.ts';
import { Cluster, readiness } from './control-plane.ts';
import { chartFolder, type Values } from './helm.ts';
import { fastSettings, fastLatencies } from './fast-settings.ts';
import type { Image } from './kubelet/image.ts';
import { Kubelet, type KubeletOptions } from './kubelet/kubelet.ts';
import { bundleImage } from './operator-image.ts';
import { recordObjects } from './record-objects.ts';

const execute = promisify(execFile);

export interface SiteOptions {
  /** Keeps all logs, the ledger and the objects. Emptied first. */
  readonly logs: string;
  /** The key of the one account, in the Secrets of all namespaces. */
  readonly apiKey: string;
  /** The image that the node has; without it, what stands in for the operator's. */
  readonly unpack?: KubeletOptions['unpack'];
  /** Of the provider, where they shall be others than those of one in a hurry. Milliseconds. */
  readonly latencies?: Parameters<typeof createEmulator>[0]['latencies'];
}

interface Programs {
  readonly helm: string;
  readonly kubectl: string;
}

const namespace = 'vps247-system';
/** Where machines are, besides the operator's own. */
const teams = ['team-a', 'team-b'] as const;

async function inPlaceOfImage(folder: string): Promise<Image> {
  const { file } = await buildBundle(path.join(folder, 'bundle'));
  return bundleImage(file, folder);
}

/**
 * A cluster with controllers and a node, so that what is installed into it really runs: the Deployment makes Pods, under the restricted
 * Pod Security level, and the node runs them against the emulated provider.
 */
export class InstalledSite implements AsyncDisposable {
  static readonly namespace = namespace;
  static readonly release = 'vps247-operator';

  readonly cluster: Cluster;
  readonly kubelet: Kubelet;
  readonly emulator: Emulator;
  readonly apiUrl: string;
  readonly logs: string;
  readonly #plane: ControlPlane;
  readonly #programs: Programs;
  readonly #provider: Awaited<ReturnType<typeof serve>>;
  readonly #recorder: ReturnType<typeof recordObjects>;

  private constructor(
    plane: ControlPlane,
    provider: Awaited<ReturnType<typeof serve>>,
    parts: { programs: Programs; emulator: Emulator; kubelet: Kubelet; logs: string },
  ) {
    const kubeconfig = plane.kubeconfigPath;
    this.#plane = plane;
    this.#provider = provider;
    this.#programs = parts.programs;
    this.emulator = parts.emulator;
    this.logs = parts.logs;
    this.apiUrl = provider.url;
    this.cluster = new Cluster(kubeconfig);
    this.#recorder = recordObjects(kubeconfig, path.join(this.logs, 'objects'));
    this.kubelet = parts.kubelet;
  }

  static async open({ logs, apiKey, latencies = {}, unpack = inPlaceOfImage }: SiteOptions): Promise<InstalledSite> {
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(path.join(logs, 'home'), { recursive: true });
    const programs = await ensureComponents(['helm', 'kubectl']);
    const emulator = createEmulator({
      seed: 7,
      latencies: { ...fastLatencies, ...latencies },
      accounts: [{ ownerId: 1, keys: [apiKey] }],
    });
    const logDir = path.join(logs, 'control-plane');
    const plane = await startControlPlane({ controllerManager: true, isAudited: true, logDir });
    const kubelet = await Kubelet.start({ kubeconfig: plane.kubeconfigPath, namespace, unpack, logs });
    const site = new InstalledSite(plane, await serve(emulator, { port: 0 }), { programs, emulator, kubelet, logs });
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await site.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
    for (const name of teams) await site.cluster.createNamespace(name);
    for (const name of [namespace, ...teams]) await site.cluster.putSecret(name, apiKey);
    return site;
  }

  /** Runs helm as a user would, by default in the release's namespace; rejects with its output. */
  async helm(...args: readonly string[]): Promise<string> {
    const where = args.includes('--namespace') ? [] : ['--namespace', namespace];
    return this.#run(this.#programs.helm, [...args, ...where]);
  }

  async kubectl(...args: readonly string[]): Promise<string> {
    return this.#run(this.#programs.kubectl, ['--cache-dir', path.join(this.logs, 'home'), ...args]);
  }

  /** Runs a script in this folder, with helm and kubectl on the PATH; rejects with its message if a command fails. */
  async shell(script: string, folder: string): Promise<string> {
    const bin = path.join(this.logs, 'bin');
    mkdirSync(bin, { recursive: true });
    for (const [name, program] of Object.entries(this.#programs)) {
      if (!existsSync(path.join(bin, name))) symlinkSync(program, path.join(bin, name));
    }
    const env = { ...this.#environment, PATH: `${bin}${path.delimiter}${process.env['PATH']}` };
    const options = { env, cwd: folder, timeout: 180_000 };
    const { stdout } = await execute('bash', ['--norc', '-euo', 'pipefail', '-c', script], options);
    return stdout;
  }

  /** The chart, with values for an operator in a hurry that knows the emulated provider. */
  async install(values: Values, ...command: readonly string[]): Promise<string> {
    const [verb = 'install', release = InstalledSite.release, ...flags] = command;
    return this.#apply(chartFolder, values, verb, release, ...flags);
  }

  /** Waits as helm does until the Deployment has rolled out. */
  async rollOut(values: Values, verb: 'install' | 'upgrade' = 'install', chart = chartFolder): Promise<string> {
    return this.#apply(chart, values, verb, InstalledSite.release, '--wait', '--timeout', '90s');
  }

  async #apply(chart: string, values: Values, verb: string, release: string, ...flags: readonly string[]) {
    const file = path.join(this.logs, 'values.json');
    const { config = {}, ...more } = values;
    const common = { extraArgs: fastSettings(), readinessProbe: { periodSeconds: 1 } };
    writeFileSync(file, JSON.stringify({ ...common, ...more, config: { apiUrl: this.apiUrl, ...Object(config) } }));
    return this.helm(verb, release, chart, '--values', file, ...flags);
  }

  /** Until nothing of it runs any more. */
  async uninstall(release: string = InstalledSite.release): Promise<void> {
    await this.helm('uninstall', release, '--wait');
    await this.untilEmpty();
  }

  /** Until no Pod is left on the node. */
  async untilEmpty(): Promise<void> {
    await this.cluster.until('the Pods are gone', async () => this.kubelet.pods.length === 0);
  }

  /** A machine as `team-a/web`, with Ready as `True/Available`; answers its object. */
  async until(key: string, expected: string): Promise<VirtualMachine> {
    const object = await this.#untilSo(key, expected, (found) => readiness(found) === expected);
    if (object === undefined) throw new Error(`${key} is gone`);
    return object;
  }

  async untilState(key: string, state: 'Running' | 'Halted'): Promise<void> {
    await this.#untilSo(key, state, (found) => found?.status?.state === state);
  }

  async untilGone(key: string): Promise<void> {
    await this.#untilSo(key, 'gone', (found) => found === undefined);
  }

  /** Calls to the provider that change something. */
  get writes(): readonly string[] {
    return this.emulator.ledger.writes().map(({ operation }) => operation);
  }

  async close(): Promise<void> {
    await this.kubelet.stop();
    const { calls, effects } = this.emulator.ledger;
    writeFileSync(path.join(this.logs, 'ledger.json'), JSON.stringify({ calls, effects }, null, 1));
    await this.#provider.close();
    await this.#recorder.stop();
    await this.cluster.close();
    await this.#plane.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #untilSo(
    key: string,
    what: string,
    isSo: (object?: VirtualMachine) => boolean,
  ): Promise<VirtualMachine | undefined> {
    const [where = '', name = ''] = key.split('/');
    let object: VirtualMachine | undefined;
    await this.cluster.until(`${key} is ${what}`, async () => isSo((object = await this.cluster.get(where, name))));
    return object;
  }

  /** Nothing of this machine's user that could reach another cluster. */
  get #environment(): Readonly<Record<string, string>> {
    return { KUBECONFIG: this.#plane.kubeconfigPath, HOME: path.join(this.logs, 'home') };
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    const { stdout } = await execute(program, args, { env: this.#environment, maxBuffer: 64 << 20 });
    return stdout;
  }
}
