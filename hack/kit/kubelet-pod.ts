import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  type CoreV1Api,
  type KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1Container,
  type V1ContainerState,
  type V1Pod,
  type V1VolumeProjection,
} from '@kubernetes/client-node';
import { Container, type Ended, type Image } from './kubelet-container.ts';
import { verdicts } from './kubelet-probe.ts';

/** What all Pods of a node share. */
export interface Node {
  readonly core: CoreV1Api;
  readonly config: KubeConfig;
  readonly image: Image;
  readonly logs: string;
  /** Readable by everybody; a folder in it for each Pod. */
  readonly folder: string;
  /** A process began or ended. */
  changed(): void;
}

/** A kubelet restarts at once what ended for the first time, and waits longer each time after that. */
const backOff = { first: 10_000, longest: 300_000 } as const;

/** A Pod with one container, from being bound to the node until it is deleted. */
export class PodOnNode {
  readonly name: string;
  readonly #pod: V1Pod;
  readonly #spec: V1Container;
  readonly #address: string;
  readonly #node: Node;
  readonly #startedAt = new Date();
  /** Aborted when nothing is to run any more. */
  readonly #ending = new AbortController();
  readonly #done: Promise<void>;
  #grace = 0;
  #isTold = true;
  #container: Container | undefined;
  #restarts = -1;
  #isStarted = false;
  #isReady = false;
  #last: V1ContainerState | undefined;
  /** Writes of the status, one after the other. */
  #told: Promise<void> = Promise.resolve();

  constructor(pod: V1Pod, address: string, node: Node) {
    const [spec, ...more] = pod.spec?.containers ?? [];
    if (spec === undefined || more.length > 0) throw new Error('Only Pods of one container are known here.');
    this.name = pod.metadata?.name ?? '';
    this.#pod = pod;
    this.#spec = spec;
    this.#address = address;
    this.#node = node;
    this.#done = this.#live();
    this.#done.catch((error: unknown) => console.error(`Pod ${this.name}:`, error));
  }

  get pid(): number | undefined {
    return this.#container?.pid;
  }

  /** How often its container was started again. */
  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Kills the container, as when memory has run out; it is started again. */
  async crash(): Promise<void> {
    await this.#container?.kill();
  }

  /** The API server was told to delete it. */
  end(graceSeconds: number): void {
    if (this.#ending.signal.aborted) return;
    this.#grace = graceSeconds * 1_000;
    this.#ending.abort();
    this.#tell();
  }

  /** Ends it at once, and tells nobody. */
  async kill(): Promise<void> {
    this.#isTold = false;
    this.#ending.abort();
    await this.#container?.kill();
    await this.#done.catch(() => {});
  }

  async #live(): Promise<void> {
    const { signal } = this.#ending;
    const { core } = this.#node;
    const where = { name: this.name, namespace: this.#namespace };
    if (this.#pod.spec?.nodeName === undefined)
      await core.createNamespacedPodBinding({
        ...where,
        body: { metadata: where, target: { kind: 'Node', name: 'stand-in' } },
      });
    const mount = await this.#writeToken();
    while (!signal.aborted) {
      this.#restarts += 1;
      const ended = await this.#runOnce(mount);
      if (signal.aborted) break;
      this.#last = { terminated: { ...ended, reason: ended.exitCode === 0 ? 'Completed' : 'Error' } };
      this.#tell();
      const wait = this.#restarts === 0 ? 0 : Math.min(backOff.first * 2 ** (this.#restarts - 1), backOff.longest);
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
    if (!this.#isTold) return;
    await this.#told;
    await core.deleteNamespacedPod({
      ...where,
      body: { gracePeriodSeconds: 0, preconditions: { uid: this.#pod.metadata?.uid ?? '' } },
    });
  }

  /** From the start of its process to its end. */
  async #runOnce(mount: { source: string; target: string }): Promise<Ended> {
    const { image, logs, changed, config } = this.#node;
    const { runAsUser: user, runAsGroup: group } = this.#pod.spec?.securityContext ?? {};
    if (user === undefined || group === undefined) throw new Error('Its user must be given by the Pod.');
    const server = new URL(config.getCurrentCluster()?.server ?? '');
    const stem = path.join(logs, `${this.name}-${this.#restarts}`);
    const container = new Container({
      spec: this.#spec,
      image,
      address: this.#address,
      variables: { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port },
      user,
      group,
      mount,
      logFile: `${stem}.log`,
    });
    this.#container = container;
    changed();
    this.#tell();
    const over = new AbortController();
    const end = (): void => {
      void this.#keepMetrics(stem).then(() => container.end(this.#isTold ? this.#grace : 0));
    };
    this.#ending.signal.addEventListener('abort', end, { once: true });
    // It may have been ended meanwhile.
    if (this.#ending.signal.aborted) end();
    const watching = this.#watchHealth(container, over.signal);
    const ended = await container.ended;
    this.#ending.signal.removeEventListener('abort', end);
    over.abort();
    await watching;
    changed();
    [this.#isStarted, this.#isReady] = [false, false];
    return ended;
  }

  /** The probes: liveness and readiness count once the container has started. */
  async #watchHealth(container: Container, signal: AbortSignal): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe, ports = [] } = this.#spec;
    const place = {
      address: this.#address,
      ports: new Map(ports.map(({ name = '', containerPort }) => [name, containerPort])),
    };
    const restart = (): Promise<Ended> => container.end((this.#pod.spec?.terminationGracePeriodSeconds ?? 30) * 1_000);
    if (startupProbe !== undefined) {
      for await (const isWell of verdicts(startupProbe, place, signal)) {
        if (!isWell) await restart();
        break;
      }
    }
    if (signal.aborted) return;
    this.#isStarted = true;
    this.#tell();
    const live = async (): Promise<void> => {
      if (livenessProbe === undefined) return;
      for await (const isWell of verdicts(livenessProbe, place, signal)) if (!isWell) await restart();
    };
    const ready = async (): Promise<void> => {
      if (readinessProbe === undefined) return;
      for await (const isWell of verdicts(readinessProbe, place, signal)) {
        this.#isReady = isWell;
        this.#tell();
      }
    };
    await Promise.all([live(), ready()]);
  }

  /** The projected volume that the admission of service accounts gave it, in a folder of this machine. */
  async #writeToken(): Promise<{ source: string; target: string }> {
    const [volume, ...more] = this.#pod.spec?.volumes ?? [];
    const mount = this.#spec.volumeMounts?.find(({ name }) => name === volume?.name);
    const sources = volume?.projected?.sources;
    if (sources === undefined || mount === undefined || more.length > 0)
      throw new Error('Only the volume of the service account is known here.');
    const source = path.join(this.#node.folder, this.#pod.metadata?.uid ?? '');
    mkdirSync(source);
    for (const one of sources)
      for (const [file, text] of await this.#project(one))
        writeFileSync(path.join(source, file), text, { mode: 0o644 });
    chmodSync(source, 0o755);
    return { source, target: mount.mountPath };
  }

  /** The files of one source, each with its text. */
  async #project({ serviceAccountToken, configMap, downwardAPI }: V1VolumeProjection): Promise<[string, string][]> {
    const { core, config, logs } = this.#node;
    const namespace = this.#namespace;
    if (serviceAccountToken !== undefined) {
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name: this.name, uid: this.#pod.metadata?.uid ?? '' };
      const { expirationSeconds = 3_600, path: file } = serviceAccountToken;
      const { status } = await core.createNamespacedServiceAccountToken({
        name: this.#pod.spec?.serviceAccountName ?? 'default',
        namespace,
        body: { spec: { audiences: [], expirationSeconds, boundObjectRef } },
      });
      const token = status?.token ?? '';
      // For whoever searches logs for the tokens that operators had.
      const { server } = config.getCurrentCluster() ?? {};
      writeFileSync(path.join(logs, `${this.name}.kubeconfig`), JSON.stringify({ server, token }), { mode: 0o600 });
      return [[file, token]];
    }
    if (configMap !== undefined) {
      const { data = {} } = await core.readNamespacedConfigMap({ name: configMap.name ?? '', namespace });
      return (configMap.items ?? []).map(({ key, path: file }) => [file, data[key] ?? '']);
    }
    return (downwardAPI?.items ?? []).map(({ path: file, fieldRef }) => {
      if (fieldRef?.fieldPath !== 'metadata.namespace') throw new Error(`${fieldRef?.fieldPath} is not known here.`);
      return [file, namespace];
    });
  }

  get #namespace(): string {
    return this.#pod.metadata?.namespace ?? '';
  }

  /** Writes the status as it is now, after those before. */
  #tell(): void {
    const status = this.#status();
    const where = { name: this.name, namespace: this.#namespace };
    const before = this.#told;
    this.#told = (async () => {
      await before;
      if (!this.#isTold) return;
      try {
        const asMerge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
        await this.#node.core.patchNamespacedPodStatus({ ...where, body: { status } }, asMerge);
      } catch (error) {
        // It was deleted by force; or the API server is away, and whoever waits for the status will say so.
        if (!(error instanceof ApiException)) console.error(`Pod ${this.name}:`, error);
      }
    })();
  }

  #status(): object {
    const pid = this.#container?.pid;
    const isReady = this.#isReady && !this.#ending.signal.aborted;
    const state =
      pid === undefined
        ? { waiting: { reason: 'CrashLoopBackOff' } }
        : { running: { startedAt: this.#container?.startedAt } };
    return {
      phase: 'Running',
      podIP: this.#address,
      podIPs: [{ ip: this.#address }],
      startTime: this.#startedAt,
      conditions: [
        condition('PodScheduled', true),
        condition('Initialized', true),
        condition('ContainersReady', isReady),
        condition('Ready', isReady),
      ],
      containerStatuses: [
        {
          name: this.#spec.name,
          image: this.#spec.image ?? '',
          imageID: '',
          started: this.#isStarted,
          ready: isReady,
          restartCount: this.restarts,
          state,
          lastState: this.#last ?? {},
        },
      ],
    };
  }

  /** What it has counted, before it forgets. */
  async #keepMetrics(stem: string): Promise<void> {
    const port = this.#spec.ports?.find(({ name }) => name === 'metrics')?.containerPort;
    try {
      const page = await fetch(`http://${this.#address}:${port}/metrics`, { signal: AbortSignal.timeout(1_000) });
      writeFileSync(`${stem}.metrics.txt`, await page.text());
    } catch {
      // It has ended, or hangs.
    }
  }
}

function condition(type: string, isTrue: boolean): object {
  return { type, status: isTrue ? 'True' : 'False', lastTransitionTime: new Date() };
}
