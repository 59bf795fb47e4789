/**
 * A stand-in for a node with its kubelet, for the Pods of one namespace. It runs the container of each Pod in the image's root file
 * system, with the token, user, environment and probes of the Pod. It reports the Pod's status, restarts the container when it
 * exits, and stops it within its grace period. It has one image, and refuses a Pod with another one. It supports only what an
 * operator's Pod uses; anything else is an error.
 *
 * Unlike a node, it has no network for each Pod (each listens on an address of the loopback network instead) with DNS, no limits for
 * memory and CPU, no seccomp profile, and no renewal of tokens, which outlive every test.
 */
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CoreV1Api, type V1Pod } from '@kubernetes/client-node';
import { createKubeClient, type KubeClient } from '../../../src/kubernetes/client.ts';
import { loadKubeConfig } from '../../../src/kubernetes/config.ts';
import { createTransport } from '../../../src/kubernetes/transport.ts';
import { systemClock } from '../../../src/domain/clock.ts';
import { Watchdog } from '../../../hack/control-plane/watchdog.ts';
import type { Image } from './image.ts';
import { type Node, PodOnNode } from './pod.ts';

export interface KubeletOptions {
  /** With all permissions: a node has more of them than any user. */
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Unpacks the one image in a folder that all users can read, which is removed with the kubelet. */
  readonly unpack: (folder: string) => Image | Promise<Image>;
  /** Where logs, arguments and metrics of containers go. */
  readonly logs: string;
}

/** Until the API server is there again. */
const retryAfter = 200;

export class Kubelet implements AsyncDisposable {
  readonly image: Image;
  readonly #client: KubeClient;
  readonly #namespace: string;
  readonly #node: Node;
  readonly #watchdog: Watchdog;
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;
  /** By UID: a Pod that is gone and one that is new may have the same name. */
  readonly #pods = new Map<string, PodOnNode>();
  #addresses = 0;

  /** Rejects when the image cannot be unpacked. */
  static async start(options: KubeletOptions): Promise<Kubelet> {
    const folder = mkdtempSync(path.join(tmpdir(), 'vps247-kubelet-'));
    // Containers are not of the user who made it.
    chmodSync(folder, 0o755);
    const watchdog = new Watchdog(folder);
    try {
      return new Kubelet(options, { folder, watchdog, image: await options.unpack(folder) });
    } catch (error) {
      await watchdog.release();
      throw error;
    }
  }

  private constructor(
    { kubeconfig, namespace, logs }: KubeletOptions,
    { folder, watchdog, image }: { readonly folder: string; readonly watchdog: Watchdog; readonly image: Image },
  ) {
    const config = loadKubeConfig({ kubeconfig });
    this.#client = createKubeClient(createTransport(config, { clock: systemClock, version: 'kubelet' }));
    this.#namespace = namespace;
    this.#watchdog = watchdog;
    this.image = image;
    mkdirSync(logs, { recursive: true });
    this.#node = {
      core: config.makeApiClient(CoreV1Api),
      config,
      image,
      logs,
      folder,
      changed: () => this.#watchdog.watch(this.pods.flatMap(({ pid }) => (pid === undefined ? [] : [pid]))),
    };
    this.#following = this.#follow();
  }

  /** Those that are on the node now. */
  get pods(): readonly PodOnNode[] {
    return [...this.#pods.values()];
  }

  /** Ends all containers without a report, as a power cut would. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await Promise.all(this.pods.map((pod) => pod.kill()));
    await this.#client.close();
    await this.#watchdog.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const resource = { group: '', version: 'v1', plural: 'pods' };
    const options = { namespace: this.#namespace, signal };
    while (!signal.aborted) {
      try {
        const { items, resourceVersion } = await this.#client.list(resource, options);
        const pods = items as V1Pod[]; // what the API promises, here and below; but for times, which are texts
        for (const uid of this.#pods.keys()) if (!pods.some((pod) => uidOf(pod) === uid)) await this.#forget(uid);
        for (const pod of pods) this.#see(pod);
        const timeoutSeconds = 3_600;
        const watching = { ...options, resourceVersion, timeoutSeconds, allowWatchBookmarks: true } as const;
        for await (const { type, object } of this.#client.watch(resource, watching)) {
          if (type === 'ERROR') break;
          if (type === 'DELETED') await this.#forget(uidOf(object as V1Pod));
          else if (type !== 'BOOKMARK') this.#see(object as V1Pod);
        }
      } catch {
        await sleep(retryAfter, undefined, { signal }).catch(() => {});
      }
    }
  }

  #see(pod: V1Pod): void {
    const uid = uidOf(pod);
    let known = this.#pods.get(uid);
    if (known === undefined) {
      this.#addresses += 1;
      known = new PodOnNode(pod, `127.77.0.${this.#addresses}`, this.#node);
      this.#pods.set(uid, known);
    }
    if (pod.metadata?.deletionTimestamp !== undefined) known.end(pod.metadata.deletionGracePeriodSeconds ?? 0);
  }

  async #forget(uid: string): Promise<void> {
    await this.#pods.get(uid)?.kill();
    this.#pods.delete(uid);
  }
}

function uidOf(pod: V1Pod): string {
  return pod.metadata?.uid ?? '';
}
