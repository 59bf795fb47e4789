import { createWriteStream, mkdirSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { group, plural, version } from '../../src/api/v1alpha1/constants.ts';
import { accountPlural } from '../../src/api/v1alpha1/account-types.ts';
import { createKubeClient, type KubeClient, type Resource } from '../../src/kubernetes/client.ts';
import { hasReason } from '../../src/kubernetes/errors.ts';
import { loadKubeConfig } from '../../src/kubernetes/config.ts';
import { createTransport, type Transport } from '../../src/kubernetes/transport.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { openSecret } from './secret-object.ts';

/** What was recorded of an API server. */
export interface Recorded {
  /** Every value that a Secret ever held. */
  readonly values: readonly string[];
  /** How many objects were written down, each version counted. */
  readonly objects: number;
}

export interface Recorder {
  /** Reads all objects again, of every kind, and ends. Throws KubeError when the API server has stopped. */
  stop(): Promise<Recorded>;
}

/** Where the operator writes and tests plant. Objects of these come and go, so each of their versions is written down. */
const watched: readonly Resource[] = [
  { group, version, plural },
  { group, version, plural: accountPlural },
  { group: 'events.k8s.io', version: 'v1', plural: 'events' },
  { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' },
  { group: '', version: 'v1', plural: 'configmaps' },
  { group: '', version: 'v1', plural: 'secrets' },
];

/** Until a resource is served, or the server is back. Short, because objects may live shortly. */
const retryAfter = 100;

/**
 * From now on writes the objects of the API server of `kubeconfig` into `directory`: one JSON text a line, a file for each
 * resource. The data of Secrets is not written, and returned at the end.
 */
export function recordObjects(kubeconfig: string, directory: string): Recorder {
  const transport = createTransport(loadKubeConfig({ kubeconfig }), { clock: systemClock, version: 'recorder' });
  const client = createKubeClient(transport);
  const pages = new Pages(directory);
  const stopping = new AbortController();
  const watches = watched.map((resource) => follow(client, resource, pages, stopping.signal));
  return {
    async stop() {
      try {
        for (const resource of await discover(transport)) await listWhenReady(client, resource, pages);
      } finally {
        stopping.abort();
        await Promise.all(watches);
        await client.close();
        await pages.close();
      }
      return { values: [...pages.values], objects: pages.objects };
    },
  };
}

/** The files, and what must not stand in them. */
class Pages {
  readonly values = new Set<string>();
  objects = 0;
  readonly #directory: string;
  readonly #files = new Map<string, WriteStream>();

  constructor(directory: string) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
  }

  add(resource: Resource, object: object): void {
    const { shown, values } = isSecret(resource) ? openSecret(object) : { shown: object, values: [] };
    for (const value of values) this.values.add(value);
    this.#file(resource).write(`${JSON.stringify(shown)}\n`);
    this.objects += 1;
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await finished(file.end());
  }

  #file({ group: of, plural: what }: Resource): WriteStream {
    const name = `${[what, of].filter((part) => part !== '').join('.')}.jsonl`;
    const file = this.#files.get(name) ?? createWriteStream(join(this.#directory, name));
    this.#files.set(name, file);
    return file;
  }
}

function isSecret({ group: of, plural: what }: Resource): boolean {
  return of === '' && what === 'secrets';
}

/** Every version of every object, until it is stopped. It does not use the reflector, which is under test itself. */
async function follow(client: KubeClient, resource: Resource, pages: Pages, signal: AbortSignal): Promise<void> {
  let resourceVersion: string | undefined;
  while (!signal.aborted) {
    try {
      resourceVersion ??= await list(client, resource, pages, signal);
      for await (const { type, object } of client.watch(resource, {
        resourceVersion,
        timeoutSeconds: 3_600,
        allowWatchBookmarks: true,
        signal,
      })) {
        resourceVersion = type === 'ERROR' ? undefined : versionOf(object);
        if (type === 'ERROR') break;
        if (type !== 'BOOKMARK') pages.add(resource, Object(object));
      }
    } catch {
      // Not served yet, or no server at the moment.
      resourceVersion = undefined;
      await sleep(retryAfter, undefined, { signal }).catch(() => {});
    }
  }
}

/** The first request for a custom resource lets the API server fill its cache, and is refused until that is done. */
async function listWhenReady(client: KubeClient, resource: Resource, pages: Pages): Promise<void> {
  for (;;) {
    try {
      await list(client, resource, pages);
      return;
    } catch (error) {
      if (!hasReason(error, 'TooManyRequests')) throw error;
      await sleep(retryAfter);
    }
  }
}

/** Answers the version to watch from. */
async function list(client: KubeClient, resource: Resource, pages: Pages, signal?: AbortSignal): Promise<string> {
  const page = await client.list(resource, { signal });
  for (const object of page.items) pages.add(resource, Object(object));
  return page.resourceVersion;
}

function versionOf(object: unknown): string {
  // Every object has metadata with a version.
  return (object as { readonly metadata: { readonly resourceVersion: string } }).metadata.resourceVersion;
}

/** All that is stored, each group in the version that the server prefers. */
async function discover(transport: Transport): Promise<Resource[]> {
  const get = async <T>(path: string): Promise<T> => {
    const call = { verb: 'get', resource: '', what: `get ${path}`, method: 'GET', path } as const;
    const { status, body } = await transport.exchange(call);
    if (status !== 200) throw new Error(`get ${path}: ${status}`);
    // What the API guarantees for its own paths.
    return JSON.parse(body) as T;
  };
  const { groups } = await get<{
    readonly groups: readonly { readonly name: string; readonly preferredVersion: { readonly version: string } }[];
  }>('/apis');
  const versions = [
    { group: '', version: 'v1', path: '/api/v1' },
    ...groups.map(({ name, preferredVersion }) => ({
      group: name,
      version: preferredVersion.version,
      path: `/apis/${name}/${preferredVersion.version}`,
    })),
  ];
  const resources: Resource[] = [];
  for (const { path, ...of } of versions) {
    const page = await get<{
      readonly resources: readonly { readonly name: string; readonly verbs: readonly string[] }[];
    }>(path);
    // What can be listed and not watched is computed when asked for, such as `componentstatuses`.
    for (const { name, verbs } of page.resources) if (verbs.includes('watch')) resources.push({ ...of, plural: name });
  }
  return resources;
}
