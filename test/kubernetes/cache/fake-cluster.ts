import type { KubeClient, ListOptions, WatchEvent, WatchOptions } from '../../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import { type OpenWatch, Watches } from '../../support/api-server/watches.ts';

export interface FakeObject {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly spec: string;
}

/** An API server of one resource: it has state, lists it in pages, watches from history, and fails on request. */
export class FakeCluster implements Pick<KubeClient, 'list' | 'watch'> {
  readonly calls: string[] = [];
  /** What each call asked for, those that were refused included. */
  readonly asked: (Omit<ListOptions, 'resourceVersion'> &
    Partial<Pick<WatchOptions, 'timeoutSeconds' | 'sendInitialEvents'>>)[] = [];
  /** The next calls fail, one for each reason. */
  readonly failures: (
    KubeErrorReason | { readonly reason: KubeErrorReason; readonly retryAfter?: number; readonly status?: number }
  )[] = [];
  /** While set, watches do not report changes. */
  isSilent = false;
  /** Whether it knows `sendInitialEvents`; else it refuses, or says nothing. */
  streams: 'yes' | 'refuses' | 'ignores' = 'refuses';
  /** Runs after each page of a list, before the next is asked for. */
  afterPage: (() => void) | undefined;
  /** What the answer to a list waits for. */
  holds: () => Promise<void> | undefined = () => undefined;
  readonly #objects = new Map<string, FakeObject>();
  #version = 100;
  readonly #watches = new Watches({ version: () => this.#version });
  #uids = 0;

  put(key: string, spec = ''): FakeObject {
    const [namespace = '', name = ''] = key.split('/');
    const known = this.#objects.get(key);
    this.#version += 1;
    const uid = known?.metadata.uid ?? `uid-${(this.#uids += 1)}`;
    const object = { metadata: { namespace, name, uid, resourceVersion: String(this.#version) }, spec };
    this.#objects.set(key, object);
    this.#publish(known === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  remove(key: string): void {
    const known = this.#objects.get(key);
    if (known === undefined) return;
    this.#objects.delete(key);
    this.#version += 1;
    const metadata = { ...known.metadata, resourceVersion: String(this.#version) };
    this.#publish('DELETED', { ...known, metadata });
  }

  get watches(): ReadonlySet<OpenWatch> {
    return this.#watches.open;
  }

  bookmark(): void {
    this.#watches.bookmark();
  }

  /** Throws history away: a watch from before is refused. */
  compact(): void {
    this.#watches.compact();
  }

  /** As after a restore from a backup: other objects, lower versions. */
  restore(version: number, objects: Readonly<Record<string, string>>): void {
    this.#objects.clear();
    this.#watches.restore();
    this.#version = version;
    for (const [key, spec] of Object.entries(objects)) this.put(key, spec);
  }

  /** Ends all watches. */
  cut(reason?: KubeErrorReason): void {
    for (const watch of this.watches) watch.end(reason);
  }

  /** How many items each page was asked for. */
  readonly limits: number[] = [];

  async list(_resource: unknown, options: ListOptions = {}) {
    const { namespace, limit = 500, continue: from, maxResponseBytes } = options;
    this.asked.push(options);
    this.calls.push(['list', namespace, from].filter(Boolean).join(' '));
    this.limits.push(limit);
    this.#failOnRequest();
    await this.holds();
    options.signal?.throwIfAborted();
    const [version, start] = from === undefined ? [this.#version, 0] : from.split('+').map(Number);
    const all = [...this.#objects.values()].filter(
      (object) => (namespace ?? object.metadata.namespace) === object.metadata.namespace,
    );
    const items = all.slice(start, (start ?? 0) + limit);
    const end = (start ?? 0) + limit;
    const bytes = items.reduce((sum, { spec }) => sum + spec.length, 0);
    if (bytes > (maxResponseBytes ?? Infinity)) throw new KubeError('list', { reason: 'TooLarge' });
    this.afterPage?.();
    return { items, resourceVersion: String(version), ...(end < all.length ? { continue: `${version}+${end}` } : {}) };
  }

  async *watch(_resource: unknown, options: WatchOptions): AsyncIterable<WatchEvent> {
    this.asked.push(options);
    if (options.signal.aborted) throw new KubeError('watch', { reason: 'Network' });
    const isStream = options.sendInitialEvents === true;
    if (isStream && this.streams === 'refuses') throw new KubeError('watch', { reason: 'Invalid' });
    this.calls.push(
      [isStream ? 'stream' : 'watch', options.namespace, options.resourceVersion].filter(Boolean).join(' '),
    );
    this.#failOnRequest();
    yield* this.#watches.watch(options, isStream ? this.#initial() : undefined);
  }

  #initial(): WatchEvent[] {
    const objects = [...this.#objects.values()].map((object): WatchEvent => ({ type: 'ADDED', object }));
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    const end = { metadata: { resourceVersion: String(this.#version), annotations } };
    return this.streams === 'yes' ? [...objects, { type: 'BOOKMARK', object: end }] : objects;
  }

  #publish(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: FakeObject): void {
    const { namespace } = object.metadata;
    const published = {
      version: this.#version,
      event: { type, object },
      isFor: (options: WatchOptions) => (options.namespace ?? namespace) === namespace,
    };
    this.#watches.record(published);
    if (!this.isSilent) this.#watches.send(published);
  }

  #failOnRequest(): void {
    const failure = this.failures.shift();
    if (failure === undefined) return;
    throw new KubeError('failed on request', typeof failure === 'string' ? { reason: failure } : failure);
  }
}
