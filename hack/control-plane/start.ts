/**
 * A real control plane on this machine: etcd, kube-apiserver with RBAC and, if wished, kube-controller-manager. Everything listens
 * on 127.0.0.1 only, keeps its data in a temporary folder, and ends with this process, however that ends.
 */
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubeconfigOf, makeCredentials, readCertificate } from './access.ts';
import {
  apiServerCommand,
  auditPolicy,
  auditPolicyFileOf,
  certDirOf,
  controllerManagerCommand,
  dataDirOf,
  etcdCommand,
  type Layout,
} from './commands.ts';
import { ensureComponents } from './components.ts';
import { freePort } from './ports.ts';
import { answers } from './probe.ts';
import { Refusal } from './refusal.ts';
import { type Command, Service } from './service.ts';
import { Watchdog } from './watchdog.ts';

export interface ControlPlaneOptions {
  /** Runs the controllers too: garbage collection, namespaces, service accounts, deployments. Default: false. */
  readonly controllerManager?: boolean;
  /** Which etcd and kube-apiserver to run. Default: the pinned versions, built first if need be. */
  readonly programs?: Pick<Programs, 'etcd' | 'kube-apiserver'> | undefined;
  /** Where the programs' logs go, and stay. Default: a temporary folder, kept only when the start fails. */
  readonly logDir?: string;
  /** Writes what service accounts ask of the API server into `audit.log` beside the logs. Default: false. */
  readonly isAudited?: boolean;
}

/** Starts one. Throws a Refusal with the end of a program's log when one does not come up. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = options.programs ?? (await ensureComponents(['etcd', 'kube-apiserver']));
  const controllers = options.controllerManager === true ? await ensureComponents(['kube-controller-manager']) : {};
  const folder = mkdtempSync(join(tmpdir(), 'vps247-control-plane-'));
  const logDir = options.logDir ?? join(folder, 'logs');
  mkdirSync(logDir, { recursive: true });
  const [etcd, etcdPeer, apiServer, controllerManager] = [freePort(), freePort(), freePort(), freePort()];
  const ports = {
    etcd: await etcd,
    etcdPeer: await etcdPeer,
    apiServer: await apiServer,
    controllerManager: await controllerManager,
  };
  const { isAudited = false } = options;
  const layout = { folder, logDir, isAudited, ports, credentials: makeCredentials(folder) };
  if (isAudited) writeFileSync(auditPolicyFileOf(layout), JSON.stringify(auditPolicy));
  const plane = new ControlPlane(layout, { ...programs, ...controllers });
  try {
    await plane.start();
    return plane;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const kept = options.logDir ?? `${folder}-logs`;
    if (options.logDir === undefined) renameSync(logDir, kept);
    throw new Refusal(error.message.replaceAll(logDir, kept));
  } finally {
    if (!plane.isReady) await plane.stop();
  }
}

interface Programs {
  readonly etcd: string;
  readonly 'kube-apiserver': string;
  readonly 'kube-controller-manager'?: string;
}

/** A control plane; `startControlPlane` makes one. */
export class ControlPlane implements AsyncDisposable {
  readonly #layout: Layout;
  readonly #programs: Programs;
  readonly #watchdog: Watchdog;
  /** By name; the latest run of each. */
  readonly #services = new Map<string, Service>();
  readonly #failure = Promise.withResolvers<Refusal>();
  #isReady = false;
  #stopped: Promise<void> | undefined;

  constructor(layout: Layout, programs: Programs) {
    this.#layout = layout;
    this.#programs = programs;
    this.#watchdog = new Watchdog(layout.folder);
  }

  /** `https://127.0.0.1:<port>`, the same after a restart. */
  get server(): string {
    return `https://127.0.0.1:${this.#layout.ports.apiServer}`;
  }

  /** What the API server's certificate is to be checked with, PEM. */
  get caData(): string {
    return readCertificate(certDirOf(this.#layout, 'kube-apiserver')) ?? '';
  }

  /** A bearer token of the group system:masters. */
  get adminToken(): string {
    return this.#layout.credentials.adminToken;
  }

  /** A kubeconfig file with the admin's token. */
  get kubeconfigPath(): string {
    return join(this.#layout.folder, 'kubeconfig');
  }

  get logDir(): string {
    return this.#layout.logDir;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The process id of a program; undefined while it doesn't run. */
  pidOf(name: 'etcd' | 'kube-apiserver'): number | undefined {
    return this.#services.get(name)?.pid;
  }

  /** Resolves with a message when a program ends unexpectedly. */
  get failure(): Promise<Refusal> {
    return this.#failure.promise;
  }

  /** The text of a kubeconfig for another user, for example a service account. */
  kubeconfigFor(token: string): string {
    return kubeconfigOf({ server: this.server, caData: this.caData, token });
  }

  async start(): Promise<void> {
    const { credentials, folder, ports } = this.#layout;
    await this.#startEtcd();
    await this.startApiServer();
    writeFileSync(this.kubeconfigPath, this.kubeconfigFor(credentials.adminToken), { mode: 0o600 });
    const controllerManager = this.#programs['kube-controller-manager'];
    if (controllerManager !== undefined) {
      const kubeconfig = join(folder, 'controller-manager.kubeconfig');
      writeFileSync(kubeconfig, this.kubeconfigFor(credentials.controllerManagerToken), { mode: 0o600 });
      const service = this.#run(controllerManagerCommand(controllerManager, kubeconfig, this.#layout));
      const certDir = certDirOf(this.#layout, 'kube-controller-manager');
      await service.ready(() =>
        answers({ port: ports.controllerManager, path: '/healthz', ca: readCertificate(certDir) }),
      );
    }
    this.#isReady = true;
  }

  /** Takes the API server away as a crash would, connections and all; the data stays. */
  async stopApiServer(): Promise<void> {
    await this.#services.get('kube-apiserver')?.kill();
  }

  /** Brings it back on the same port, and waits until it is ready. */
  async startApiServer(): Promise<void> {
    const service = this.#run(apiServerCommand(this.#programs['kube-apiserver'], this.#layout));
    const { ports, credentials } = this.#layout;
    await service.ready(async () => {
      const target = { port: ports.apiServer, ca: this.caData || undefined, token: credentials.adminToken };
      // It reports ready shortly before it has created the default namespaces.
      return (
        (await answers({ ...target, path: '/readyz' })) &&
        (await answers({ ...target, path: '/api/v1/namespaces/default' }))
      );
    });
  }

  /** Puts a copy of all data aside, with API server and etcd stopped meanwhile. */
  async backUp(): Promise<void> {
    await this.#whileStopped((data, backup) => cpSync(data, backup, { recursive: true }));
  }

  /** Restores the copy: the server then issues resourceVersions again that it has issued before. */
  async restore(): Promise<void> {
    await this.#whileStopped((data, backup) => {
      rmSync(data, { recursive: true });
      cpSync(backup, data, { recursive: true });
    });
  }

  async #whileStopped(work: (data: string, backup: string) => void): Promise<void> {
    await this.stopApiServer();
    await this.#services.get('etcd')?.kill();
    const data = dataDirOf(this.#layout);
    work(data, `${data}-backup`);
    await this.#startEtcd();
    await this.startApiServer();
  }

  async #startEtcd(): Promise<void> {
    const etcd = this.#run(etcdCommand(this.#programs.etcd, this.#layout));
    await etcd.ready(() => answers({ port: this.#layout.ports.etcd, path: '/health' }));
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** Ends all programs and removes their data. May be called more than once. */
  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    // In reverse order, so that no program loses its server. Their data is discarded, so they are killed.
    for (const service of [...this.#services.values()].toReversed()) await service.kill();
    await this.#watchdog.release();
  }

  #run(command: Command): Service {
    const service = new Service(command);
    this.#services.set(command.name, service);
    const pids = [...this.#services.values()].map(({ pid }) => pid);
    this.#watchdog.watch(pids.filter((pid) => pid !== undefined));
    void service.failure().then(this.#failure.resolve);
    return service;
  }
}
