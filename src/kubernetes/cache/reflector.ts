import type { KubeClient, Resource } from '../client.ts';
import type { Clock } from '../../domain/clock.ts';
import { namespaceOf } from '../../domain/object-key.ts';
import type { Log } from '../../telemetry/log.ts';
import { listAndWatch, type WatchBlocker } from './list-watch.ts';
import { createDecoder } from './decoder.ts';
import { type ObjectChange, Store } from './store.ts';

/** An object that was added (no `before`), changed or deleted (no `after`). */
export interface ReflectorChange<Row> extends ObjectChange<Row> {
  /** It is part of the initial list. */
  readonly initial: boolean;
}

export interface ReflectorOptions<Row> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource;
  /** All namespaces if omitted; otherwise one list and one watch for each. */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string | undefined;
  /**
   * What the cache keeps of an object; undefined: nothing. If it throws, that is logged, and the last readable version
   * of the object stays.
   */
  readonly transform: (object: unknown) => Row | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Called after every change of what `get` returns, by list, watch or `assume`. */
  readonly onChange: (change: ReflectorChange<Row>) => void;
  /** Called with the plural of the resource for every watch after the first. */
  readonly onRestart?: (resource: string) => void;
  readonly pageSize?: number;
  /** Milliseconds between relists while the watch works. */
  readonly relistInterval: number;
}

/** A local copy of the API server's objects of one kind, kept up to date. */
export interface Reflector<Row> {
  start(): void;
  /** Resolves when no request is in flight. */
  stop(): Promise<void>;
  /** Resolves after the initial list; never, if stopped before. */
  readonly synced: Promise<void>;
  isSynced(): boolean;
  /** Whether the API server can be reached and serves the watches. One that just started serves them last. */
  isAvailable(): boolean;
  /** What prevents it from being up to date until an administrator fixes it. */
  readonly blocker: WatchBlocker | undefined;
  /** By `namespace/name`. */
  get(key: string): Row | undefined;
  keys(): Iterable<string>;
  readonly size: number;
  /**
   * Stores the response to the operator's own write, so that the next reconciliation sees it. Ignored if this version
   * or a newer one is known, including a deletion.
   */
  assume(object: unknown): void;
}

/** Lists and watches without end. Never takes silence, an error or an incomplete response for a deletion. */
export function createReflector<Row>(options: ReflectorOptions<Row>): Reflector<Row> {
  const { namespaces, log, resource } = options;
  const decoder = createDecoder(options.transform, log.with({ resource: resource.plural }));
  // The key is '' for all namespaces at once.
  const stores = new Map((namespaces ?? ['']).map((namespace) => [namespace, new Store<Row>()]));
  const stopping = new AbortController();
  const synced = Promise.withResolvers<void>();
  const blockers = new Map<string, WatchBlocker>();
  const unavailable = new Set<string>();
  let unsynced = stores.size;
  let loops: Promise<unknown> = Promise.resolve();
  if (unsynced === 0) synced.resolve();

  const storeOf = (key: string): Store<Row> | undefined => stores.get(namespaces === undefined ? '' : namespaceOf(key));

  function notify(change: ObjectChange<Row>, initial: boolean): void {
    try {
      options.onChange({ ...change, initial });
    } catch (error) {
      // The error is the listener's; the cache is still correct.
      log.error('Failed to handle change of object', { object: change.key, error });
    }
  }

  return {
    start() {
      loops = Promise.all(
        [...stores].map(([namespace, store]) =>
          listAndWatch({
            ...options,
            namespace: namespace === '' ? undefined : namespace,
            store,
            decoder,
            onChange: notify,
            onAvailability(isAvailable) {
              if (isAvailable) unavailable.delete(namespace);
              else unavailable.add(namespace);
            },
            onBlocked(blocker) {
              if (blocker === undefined) blockers.delete(namespace);
              else blockers.set(namespace, blocker);
            },
            signal: stopping.signal,
            onSynced() {
              unsynced -= 1;
              if (unsynced === 0) synced.resolve();
            },
          }),
        ),
      );
    },
    async stop() {
      stopping.abort();
      await loops;
    },
    synced: synced.promise,
    isSynced: () => unsynced === 0,
    isAvailable: () => unavailable.size === 0,
    get blocker() {
      const [blocker] = blockers.values();
      return blocker;
    },
    get: (key) => storeOf(key)?.get(key),
    *keys() {
      for (const store of stores.values()) yield* store.keys();
    },
    get size() {
      return [...stores.values()].reduce((sum, store) => sum + store.size, 0);
    },
    assume(object) {
      const version = decoder(object);
      const change = version && storeOf(version.key)?.assume(version);
      if (change !== undefined) notify(change, false);
    },
  };
}
