import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { Cluster, readiness } from '../../support/control-plane.ts';
import { fastSettings } from '../../support/fast-settings.ts';
import { type OperatorProcess, startOperator } from '../../support/operator-process.ts';
import { type ControlPlane, startControlPlane } from '../../../hack/control-plane/start.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { installPlugin } from '../../support/plugin.ts';
import { recordObjects } from '../../support/record-objects.ts';
import { sharedCluster } from '../../support/shared-cluster.ts';

/**
 * A separate cluster with the operator's manifests installed, and a shell: commands for the whole cluster
 * (`-A`) run as documented, and don't affect other tests.
 */
export class Site {
  /** The namespaces of objects; a test creates and deletes `gone` itself. */
  static readonly namespaces = ['default', 'team-a', 'gone'];

  readonly cluster: Cluster;
  /** The working directory of the user's shell. */
  readonly folder: string;
  readonly #plane: ControlPlane;
  readonly #operatorKubeconfig: string;
  readonly #logs: string;
  readonly #recorder: ReturnType<typeof recordObjects>;
  #starts = 0;

  private constructor(plane: ControlPlane, cluster: Cluster, operatorKubeconfig: string, logs: string) {
    this.#plane = plane;
    this.cluster = cluster;
    this.#operatorKubeconfig = operatorKubeconfig;
    this.#logs = logs;
    this.#recorder = recordObjects(plane.kubeconfigPath, path.join(logs, 'objects'));
    this.folder = mkdtempSync(path.join(tmpdir(), 'vps247-site-'));
  }

  /** `logs` keeps the logs of its control plane and operators. */
  static async open(logs: string, options: { readonly controllerManager?: boolean } = {}): Promise<Site> {
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(logs, { recursive: true });
    const plane = await startControlPlane({ ...options, isAudited: true, logDir: path.join(logs, 'control-plane') });
    const cluster = new Cluster(plane.kubeconfigPath);
    await cluster.applyCrd();
    await cluster.applyRights();
    const kubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', logs);
    const site = new Site(plane, cluster, kubeconfig, logs);
    await installPlugin(path.join(site.folder, 'bin'));
    return site;
  }

  /** Runs a script with kubectl on the PATH, and returns its output. Rejects with its message if the last command fails. */
  async sh(script: string): Promise<string> {
    const child = spawn('sh', ['-c', script], {
      cwd: this.folder,
      env: {
        PATH: [
          path.join(this.folder, 'bin'),
          path.dirname(sharedCluster().kubectl),
          process.env['PATH'],
          path.dirname(process.execPath),
        ].join(path.delimiter),
        // kubectl keeps its cache there.
        HOME: this.folder,
        KUBECONFIG: this.#plane.kubeconfigPath,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const code = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if ((await code) !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
    return stdout;
  }

  /**
   * An operator for the whole cluster, with fast settings and the permissions of its service account. `settings` overrides
   * flags by name.
   */
  async operator(
    apiUrl: string,
    flags: readonly string[] = [],
    settings: Readonly<Record<string, string>> = {},
  ): Promise<OperatorProcess> {
    this.#starts += 1;
    const operator = startOperator({
      kubeconfig: this.#operatorKubeconfig,
      apiUrl,
      flags: [...fastSettings(settings), ...flags],
      logFile: path.join(this.#logs, `operator-${this.#starts}.log`),
    });
    await operator.addresses;
    return operator;
  }

  /** Those of `namespaces`. */
  async objects(): Promise<readonly VirtualMachine[]> {
    const lists = await Promise.all(Site.namespaces.map((namespace) => this.cluster.list(namespace)));
    return lists.flat();
  }

  async object(name: string, namespace = 'default'): Promise<VirtualMachine> {
    const found = await this.cluster.get(namespace, name);
    if (found === undefined) throw new Error(`${namespace}/${name} is gone`);
    return found;
  }

  /** Waits until these and no other objects are there, each as `namespace/name readiness`, such as `default/web True/Available`. */
  async until(...expected: readonly string[]): Promise<readonly VirtualMachine[]> {
    let objects: readonly VirtualMachine[] = [];
    const shown = (): string[] => objects.map((one) => `${keyOf(one)} ${readiness(one)}`).toSorted();
    await this.cluster
      .until(`objects are ${expected.join(', ')}`, async () => {
        objects = await this.objects();
        return shown().join() === expected.toSorted().join();
      })
      .catch((error: unknown) => {
        throw new Error(`${String(error)}; they are ${shown().join(', ')}`, { cause: error });
      });
    return objects;
  }

  /** Writes manifests to a file in the working directory; returns the command that applies it. */
  write(manifests: readonly string[], file = 'git.yaml'): string {
    writeFileSync(path.join(this.folder, file), manifests.join('\n---\n'));
    return `kubectl apply -f ${file}`;
  }

  /**
   * Removes all objects as a loss of etcd does: without finalizers, and without a change of any VM. No operator may be running.
   */
  async lose(): Promise<void> {
    await this.sh('kubectl delete vps --all -A --wait=false');
    for (const { metadata } of await this.objects()) {
      const { namespace, name } = metadata;
      await this.cluster.patch(namespace, name, { metadata: { namespace, name, finalizers: null } });
    }
  }

  async close(): Promise<void> {
    await this.cluster.close();
    await this.#recorder.stop();
    await this.#plane.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The name of an object in messages. */
export function keyOf({ metadata }: VirtualMachine): string {
  return `${metadata.namespace}/${metadata.name}`;
}
