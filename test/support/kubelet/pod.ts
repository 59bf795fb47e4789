import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
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
} from '@kubernetes/client-node';
import { Container, type Ended } from './container.ts';
import { type Account, type Image, refusalOf } from './image.ts';
import { verdicts } from './probe.ts';
import { type Mount, writeVolume } from './volume.ts';

/** What all Pods of a node share. */
export interface Node {
  readonly core: CoreV1Api;
  readonly config: KubeConfig;
  readonly image: Image;
  readonly logs: string;
  /** Readable by all users; a folder in it for each Pod. */
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
  #reportsStatus = true;
  #container: Container | undefined;
  #restarts = -1;
  #isStarted = false;
  #isReady = false;
  #waiting: { readonly reason: string; readonly message?: string } = { reason: 'ContainerCreating' };
  #last: V1ContainerState | undefined;
  /** Writes of the status, one after the other. */
  #statusWrites: Promise<void> = Promise.resolve();

  constructor(pod: V1Pod, address: string, node: Node) {
    // A Pod always has a container.
    const [spec = { name: '' }] = pod.spec?.containers ?? [];
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

  /** The image that it asks for and the node has not, in a sentence. */
  get refusal(): string | undefined {
    return refusalOf(this.#node.image, this.#spec.image ?? '');
  }

  /** How often its container was started again. */
  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** What its container has printed since it was started last. */
  output(): string {
    try {
      return readFileSync(`${this.#stem}.log`, 'utf8');
    } catch {
      return ''; // it has not been started yet
    }
  }

  /** The page of its metrics; empty when it does not answer. */
  async metrics(): Promise<string> {
    const port = this.#spec.ports?.find(({ name }) => name === 'metrics')?.containerPort;
    try {
      const page = await fetch(`http://${this.#address}:${port}/metrics`, { signal: AbortSignal.timeout(1_000) });
      return await page.text();
    } catch {
      return '';
    }
  }

  /** Kills the container, as when memory has run out; it is started again. */
  async crash(): Promise<void> {
    await this.#container?.kill();
  }

  /** The API server was asked to delete it. */
  end(graceSeconds: number): void {
    if (this.#ending.signal.aborted) return;
    this.#grace = graceSeconds * 1_000;
    this.#ending.abort();
    this.#writeStatus();
  }

  /** Ends it at once, without a report. */
  async kill(): Promise<void> {
    this.#reportsStatus = false;
    this.#ending.abort();
    await this.#container?.kill();
    await this.#done.catch(() => {});
  }

  async #live(): Promise<void> {
    const { containers = [], initContainers = [] } = this.#pod.spec ?? {};
    if (containers.length + initContainers.length !== 1) throw new Error('Only Pods of one container are known here.');
    const { signal } = this.#ending;
    const { core } = this.#node;
    const where = { name: this.name, namespace: this.#namespace };
    if (this.#pod.spec?.nodeName === undefined)
      await core.createNamespacedPodBinding({
        ...where,
        body: { metadata: where, target: { kind: 'Node', name: 'stand-in' } },
      });
    const mount = await writeVolume(this.#pod, this.#node);
    const { refusal } = this;
    if (refusal !== undefined && !signal.aborted) {
      this.#waiting = { reason: 'ErrImagePull', message: refusal };
      this.#writeStatus();
      await once(signal, 'abort');
    }
    while (!signal.aborted) {
      this.#restarts += 1;
      const ended = await this.#runOnce(mount);
      if (signal.aborted) break;
      this.#last = { terminated: { ...ended, reason: ended.exitCode === 0 ? 'Completed' : 'Error' } };
      this.#waiting = { reason: 'CrashLoopBackOff' };
      this.#writeStatus();
      const wait = this.#restarts === 0 ? 0 : Math.min(backOff.first * 2 ** (this.#restarts - 1), backOff.longest);
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
    if (!this.#reportsStatus) return;
    await this.#statusWrites;
    await core.deleteNamespacedPod({
      ...where,
      body: { gracePeriodSeconds: 0, preconditions: { uid: this.#pod.metadata?.uid ?? '' } },
    });
  }

  /** From the start of its process to its end. */
  async #runOnce(mount: Mount): Promise<Ended> {
    const { image, changed, config } = this.#node;
    const server = new URL(config.getCurrentCluster()?.server ?? '');
    const stem = this.#stem;
    const container = await Container.start({
      spec: this.#spec,
      image,
      address: this.#address,
      variables: { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port },
      account: this.#account,
      mount,
      logFile: `${stem}.log`,
    });
    this.#container = container;
    changed();
    this.#writeStatus();
    const over = new AbortController();
    const end = (): void => {
      void this.#end(container, stem);
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

  /** Keeps what it has counted, before it forgets. */
  async #end(container: Container, stem: string): Promise<void> {
    const page = await this.metrics();
    if (page !== '') writeFileSync(`${stem}.metrics.txt`, page);
    await container.end(this.#reportsStatus ? this.#grace : 0);
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
    this.#writeStatus();
    const live = async (): Promise<void> => {
      if (livenessProbe === undefined) return;
      for await (const isWell of verdicts(livenessProbe, place, signal)) if (!isWell) await restart();
    };
    const ready = async (): Promise<void> => {
      if (readinessProbe === undefined) return;
      for await (const isWell of verdicts(readinessProbe, place, signal)) {
        this.#isReady = isWell;
        this.#writeStatus();
      }
    };
    await Promise.all([live(), ready()]);
  }

  /** The Pod's, or the image's where it names none; never root. */
  get #account(): Account {
    const { account } = this.#node.image;
    const { runAsUser: user = account.user, runAsGroup: group = account.group } = this.#pod.spec?.securityContext ?? {};
    if (!(user > 0)) throw new Error(`Its user is ${user}: only others than root, by number, are known here.`);
    return { user, group };
  }

  /** Of the files of this run of its container. */
  get #stem(): string {
    return path.join(this.#node.logs, `${this.name}-${this.#restarts}`);
  }

  get #namespace(): string {
    return this.#pod.metadata?.namespace ?? '';
  }

  /** Writes the status as it is now, after those before. */
  #writeStatus(): void {
    const status = this.#status();
    const where = { name: this.name, namespace: this.#namespace };
    const before = this.#statusWrites;
    this.#statusWrites = (async () => {
      await before;
      if (!this.#reportsStatus) return;
      try {
        const asMerge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
        await this.#node.core.patchNamespacedPodStatus({ ...where, body: { status } }, asMerge);
      } catch (error) {
        // It was deleted by force; or the API server is unavailable, and the caller that waits for the status reports it.
        if (!(error instanceof ApiException)) console.error(`Pod ${this.name}:`, error);
      }
    })();
  }

  #status(): object {
    const pid = this.#container?.pid;
    const isReady = this.#isReady && !this.#ending.signal.aborted;
    const state =
      pid === undefined ? { waiting: this.#waiting } : { running: { startedAt: this.#container?.startedAt } };
    return {
      phase: this.#restarts < 0 ? 'Pending' : 'Running',
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
          imageID: this.#node.image.digest ?? '',
          started: this.#isStarted,
          ready: isReady,
          restartCount: this.restarts,
          state,
          lastState: this.#last ?? {},
        },
      ],
    };
  }
}

function condition(type: string, isTrue: boolean): object {
  return { type, status: isTrue ? 'True' : 'False', lastTransitionTime: new Date() };
}
