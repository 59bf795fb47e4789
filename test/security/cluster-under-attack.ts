import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ensureComponents } from '../../hack/control-plane/components.ts';
import { type ControlPlane, startControlPlane } from '../../hack/control-plane/start.ts';
import { Cluster, readiness } from '../support/control-plane.ts';
import { fastSettings } from '../support/fast-settings.ts';
import { type OperatorProcess, startOperator } from '../support/operator-process.ts';
import { type Recorder, recordObjects } from '../support/record-objects.ts';
import { apiVersion, kind, plural } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { keyMarker } from '../secrets/markers.ts';
import { HostileProvider } from './hostile-provider.ts';

export const system = 'vps247-system';
const release = 'vps247-operator';

export const spec = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
} as const;

export interface RunOptions {
  /** Settings by their flags' names, beside those of an operator in a hurry. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  readonly entry?: string;
  readonly nodeFlags?: readonly string[];
  /** Whether to wait until it is ready. Default: true. */
  readonly isAwaited?: boolean;
}

export interface TenantOptions {
  /** The account that the namespace's key opens; without it the namespace has no Secret. */
  readonly owner?: number;
  /** Whether the tenant has Kubernetes' own role for editing as well, which gives Secrets. Default: true. */
  readonly hasSecrets?: boolean;
}

interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A real control plane with RBAC, the manifests installed, a hostile provider, and one operator that runs as the chart runs it: for the
 * whole cluster, with the service account of the manifests, leader election and ownership of objects.
 */
export class ClusterUnderAttack implements AsyncDisposable {
  /** As the cluster administrator. */
  readonly admin: Cluster;
  readonly provider: HostileProvider;
  readonly logs: string;
  readonly #plane: ControlPlane;
  readonly #programs: { readonly kubectl: string; readonly helm: string };
  readonly #operatorKubeconfig: string;
  readonly #recorder: Recorder | undefined;
  readonly #tenants: Tenant[] = [];
  #operator: OperatorProcess | undefined;
  #starts = 0;

  private constructor(
    plane: ControlPlane,
    parts: {
      admin: Cluster;
      provider: HostileProvider;
      logs: string;
      kubeconfig: string;
      programs: { kubectl: string; helm: string };
      recorder: Recorder | undefined;
    },
  ) {
    this.#plane = plane;
    this.admin = parts.admin;
    this.provider = parts.provider;
    this.logs = parts.logs;
    this.#operatorKubeconfig = parts.kubeconfig;
    this.#programs = parts.programs;
    this.#recorder = parts.recorder;
  }

  /** `isRecorded`: whether each version of each object is kept, to be searched for keys. Not where they are megabytes of nonsense. */
  static async open(suite: string, { isRecorded = true } = {}): Promise<ClusterUnderAttack> {
    const logs = path.join(import.meta.dirname, '../../.out/security', suite);
    rmSync(logs, { recursive: true, force: true });
    mkdirSync(logs, { recursive: true });
    const programs = await ensureComponents(['kubectl', 'helm']);
    const plane = await startControlPlane({ controllerManager: true, logDir: path.join(logs, 'control-plane') });
    const admin = new Cluster(plane.kubeconfigPath);
    await admin.applyCrd();
    await admin.applyRights();
    const kubeconfig = await admin.kubeconfigOfServiceAccount(system, release, logs);
    const provider = await HostileProvider.start();
    const recorder = isRecorded ? recordObjects(plane.kubeconfigPath, path.join(logs, 'objects')) : undefined;
    return new ClusterUnderAttack(plane, { admin, provider, logs, kubeconfig, programs, recorder });
  }

  get kubeconfig(): string {
    return this.#plane.kubeconfigPath;
  }

  /** A separate namespace with a service account that has the chart's roles there, and nothing else. */
  async tenant(namespace: string, { owner, hasSecrets = true }: TenantOptions = {}): Promise<Tenant> {
    await this.admin.createNamespace(namespace);
    await this.admin.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'tenant', namespace } });
    const roles = [`${release}-view`, `${release}-edit`, ...(hasSecrets ? ['edit'] : [])];
    for (const name of roles) {
      await this.admin.apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: `tenant-${name}`, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ kind: 'ServiceAccount', name: 'tenant', namespace }],
      });
    }
    const apiKey = `${keyMarker}${namespace}-5d41402abc4b2a76b9719d911017c592`;
    if (owner !== undefined) {
      this.provider.account(owner, apiKey);
      await this.admin.putSecret(namespace, apiKey);
    }
    const folder = path.join(this.logs, namespace);
    const kubeconfig = await this.admin.kubeconfigOfServiceAccount(namespace, 'tenant', folder);
    const tenant = new Tenant(this, { namespace, owner: owner ?? 0, apiKey, kubeconfig });
    this.#tenants.push(tenant);
    return tenant;
  }

  /** Ends the operator that runs, if any, and starts one. */
  async run(options: RunOptions = {}): Promise<OperatorProcess> {
    await this.stop();
    this.#starts += 1;
    // Nothing of what the trust model rests on is in a hurry.
    const settings = { 'poll-interval': '1s', 'provider-rate': '0', 'recreate-after': '5m', ...options.settings };
    const operator = startOperator({
      kubeconfig: this.#operatorKubeconfig,
      apiUrl: this.provider.url,
      flags: [
        '--leader-election=true',
        '--leader-election-namespace',
        system,
        '--lease-name',
        release,
        ...fastSettings(settings),
        ...(options.flags ?? []),
      ],
      logFile: path.join(this.logs, `operator-${this.#starts}.log`),
      ...(options.entry === undefined ? {} : { entry: options.entry }),
      ...(options.nodeFlags === undefined ? {} : { nodeFlags: options.nodeFlags }),
    });
    this.#operator = operator;
    const { health } = await operator.addresses;
    if (options.isAwaited !== false) await this.admin.until('the operator is ready', () => isOk(`${health}/readyz`));
    return operator;
  }

  /** As a rollout ends it: it gives its Lease back. */
  async stop(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  /** SIGKILL, and the Lease as if it had expired. */
  async crash(): Promise<void> {
    await this.#operator?.kill();
    this.#operator = undefined;
    await this.admin.patchLease(system, release, { holderIdentity: '' });
  }

  /** Never throws for what kubectl says. */
  kubectl(args: readonly string[], options: { readonly as?: Tenant; readonly input?: string } = {}): Promise<Said> {
    const kubeconfig = options.as?.kubeconfig ?? this.kubeconfig;
    const cache = path.join(this.logs, 'home');
    return run(this.#programs.kubectl, ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...args], options.input);
  }

  /** As the administrator; throws with helm's words. */
  async helm(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(this.#programs.helm, ['--kubeconfig', this.kubeconfig, ...args]);
    if (code !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Waits until the account's list was read so many times more: by then the operator has acted on what it saw. */
  async untilListed(owner: number, times = 3): Promise<void> {
    const before = this.provider.lists(owner);
    await this.admin.until(`${times} lists`, async () => this.provider.lists(owner) >= before + times);
  }

  async close(): Promise<void> {
    await this.#operator?.keepMetrics();
    await this.#operator?.kill();
    for (const tenant of this.#tenants) tenant.close();
    await this.admin.close();
    await this.provider.close();
    await this.#recorder?.stop();
    await this.#plane.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a tenant does to the objects of its namespace and reads there, with its own permissions. */
export class Tenant {
  readonly namespace: string;
  readonly owner: number;
  readonly apiKey: string;
  readonly kubeconfig: string;
  readonly #site: ClusterUnderAttack;
  readonly #server: string;
  readonly #token: string;
  readonly #agent: Agent;

  constructor(
    site: ClusterUnderAttack,
    parts: { namespace: string; owner: number; apiKey: string; kubeconfig: string },
  ) {
    this.#site = site;
    this.namespace = parts.namespace;
    this.owner = parts.owner;
    this.apiKey = parts.apiKey;
    this.kubeconfig = parts.kubeconfig;
    const config = loadKubeConfig(parts);
    const cluster = config.getCurrentCluster();
    this.#server = cluster?.server ?? '';
    this.#token = config.getCurrentUser()?.token ?? '';
    const ca = Buffer.from(cluster?.caData ?? '', 'base64');
    this.#agent = new Agent({ keepAlive: true, maxSockets: 16, ca });
  }

  async create(
    name: string,
    more: Readonly<Record<string, unknown>> = {},
    annotations: Readonly<Record<string, string>> = {},
  ): Promise<VirtualMachine> {
    const object = {
      apiVersion,
      kind,
      metadata: { name, namespace: this.namespace, annotations },
      spec: { ...spec, ...more },
    };
    return (await this.#send('POST', '', object)) as VirtualMachine; // what the CRD promises, here and below
  }

  async putSecret(name: string, data: Readonly<Record<string, string>>, type = 'Opaque'): Promise<void> {
    const { namespace } = this;
    const labels = { 'vps247.com/credentials': 'true' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, labels }, type, stringData: data };
    await this.#exchange('POST', `/api/v1/namespaces/${namespace}/secrets`, secret);
  }

  /** A merge patch. */
  async patch(name: string, change: Readonly<Record<string, unknown>>): Promise<VirtualMachine> {
    return (await this.#send('PATCH', `/${name}`, change)) as VirtualMachine;
  }

  async change(name: string, more: Readonly<Record<string, unknown>>): Promise<void> {
    await this.patch(name, { spec: more });
  }

  /** Annotations of `vps247.com`; null removes one. */
  async annotate(name: string, values: Readonly<Record<string, string | null>>): Promise<void> {
    const annotations = Object.fromEntries(Object.entries(values).map(([key, value]) => [`vps247.com/${key}`, value]));
    await this.patch(name, { metadata: { annotations } });
  }

  async delete(name: string): Promise<void> {
    await this.#send('DELETE', `/${name}`);
  }

  async object(name: string): Promise<VirtualMachine | undefined> {
    return (await this.#send('GET', `/${name}`)) as VirtualMachine | undefined;
  }

  async until(
    name: string,
    what: string,
    isTrue: (object: VirtualMachine) => boolean,
    timeout = 60_000,
  ): Promise<VirtualMachine> {
    let object: VirtualMachine | undefined;
    const read = async (): Promise<boolean> => {
      object = await this.object(name);
      return object !== undefined && isTrue(object);
    };
    await this.#site.admin.until(`${this.namespace}/${name}: ${what}`, read, timeout).catch((error: unknown) => {
      const { metadata, status } = object ?? {};
      throw new Error(`${String(error)}; it is ${JSON.stringify({ ...metadata, managedFields: 0, status })}`, {
        cause: error,
      });
    });
    if (object === undefined) throw new Error(`${name} is gone`);
    return object;
  }

  /** `expected` is a status and a reason, such as `True/Available`. */
  untilReady(name: string, expected = 'True/Available', timeout?: number): Promise<VirtualMachine> {
    return this.until(name, `Ready is ${expected}`, (object) => readiness(object) === expected, timeout);
  }

  /** Until the object says anything of itself. */
  untilReported(name: string): Promise<VirtualMachine> {
    return this.until(name, 'has a Ready condition with a message', (object) => messageOf(object) !== '');
  }

  async untilGone(name: string, timeout = 60_000): Promise<void> {
    let object: VirtualMachine | undefined;
    const isGone = async (): Promise<boolean> => (object = await this.object(name)) === undefined;
    await this.#site.admin.until(`${this.namespace}/${name} is gone`, isGone, timeout).catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${JSON.stringify(object?.status)}`, { cause: error });
    });
  }

  /** What the tenant reads of the object and its events. */
  async describe(name: string): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl('describe', 'vps', name);
    return code === 0 ? stdout : stderr;
  }

  /** Events of the object, each as `type reason: message`. */
  async events(name: string): Promise<readonly string[]> {
    const { stdout } = await this.#site.kubectl(['-n', this.namespace, 'get', 'events.events.k8s.io', '-o', 'json']);
    const { items } = JSON.parse(stdout) as {
      readonly items: readonly {
        readonly type: string;
        readonly reason: string;
        readonly note: string;
        readonly regarding: { readonly name: string };
      }[];
    };
    return items
      .filter(({ regarding }) => regarding.name === name)
      .map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
  }

  kubectl(...args: readonly string[]): Promise<Said> {
    return this.#site.kubectl(['-n', this.namespace, ...args], { as: this });
  }

  /** What the operator did at the provider with this tenant's key. */
  get writes(): readonly string[] {
    return this.#site.provider.writes(this.owner);
  }

  get vms(): ReturnType<HostileProvider['vms']> {
    return this.#site.provider.vms(this.owner);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(method: string, where: string, body?: object): Promise<unknown> {
    return this.#exchange(method, `/apis/${apiVersion}/namespaces/${this.namespace}/${plural}${where}`, body);
  }

  /** Undefined for a 404. */
  async #exchange(method: string, where: string, body?: object): Promise<unknown> {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = { authorization: `Bearer ${this.#token}`, accept: 'application/json', 'content-type': type };
    const sent = request(`${this.#server}${where}`, { method, headers, agent: this.#agent });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]; // what `response` is emitted with
    const said = await text(answer);
    if (answer.statusCode === 404) return undefined;
    if ((answer.statusCode ?? 0) >= 300) throw new Error(`${method} ${where}: ${said.slice(0, 1_000)}`);
    return JSON.parse(said);
  }
}

/** The message of a condition; empty when there is none. */
export function messageOf(object: VirtualMachine | undefined, type = 'Ready'): string {
  return object?.status?.conditions?.find((condition) => condition.type === type)?.message ?? '';
}

export async function isOk(url: string): Promise<boolean> {
  try {
    const { ok } = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    return ok;
  } catch {
    return false;
  }
}

async function run(program: string, args: readonly string[], input = ''): Promise<Said> {
  const child = spawn(program, args, { env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' } });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // It may end without having read all of its input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
