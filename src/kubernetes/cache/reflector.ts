import type { KubeClient, Resource } from '../client.ts';
import type { Clock } from '../../domain/clock.ts';
import { namespaceOf } from '../../domain/object-key.ts';
import type { Log } from '../../telemetry/log.ts';
import { listAndWatch, type WatchBlocker } from './list-watch.ts';
import { createDecoder } from './decoder.ts';
import { type ObjectChange, Store } from './store.ts';

/** One object that came (no `before`), changed or went (no `after`). */
export interface ReflectorChange<Row> extends ObjectChange<Row> {
  /** It was there when the reflector started. */
  readonly initial: boolean;
}

export interface ReflectorOptions<Row> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource;
  /** All namespaces when left out; else one list and one watch for each. */
  readonly namespaces?: readonly string[] | undefined;
  readonly labelSelector?: string | undefined;
  /**
   * What is kept of an object; undefined: nothing. If it throws, that is logged and the object stays as it was last
   * understood, or unknown.
   */
  readonly transform: (object: unknown) => Row | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Called after every change of what `get` returns, by list, watch or `assume`. */
  readonly onChange: (change: ReflectorChange<Row>) => void;
  /** Called for every watch but the first. */
  readonly onRestart?: () => void;
  readonly pageSize?: number;
  /** Milliseconds between relists when nothing seems wrong; half an hour by default. */
  readonly relistInterval?: number;
}

/** A local copy of the API server's objects of one kind, permanently kept up to date. */
export interface Reflector<Row> {
  start(): void;
  /** Resolves when no request is in flight. */
  stop(): Promise<void>;
  /** Resolves when everything has been listed once; never, if stopped before. */
  readonly synced: Promise<void>;
  isSynced(): boolean;
  /** What keeps it from being up to date until an administrator does something. */
  readonly blocker: WatchBlocker | undefined;
  /** By `namespace/name`. */
  get(key: string): Row | undefined;
  keys(): Iterable<string>;
  readonly size: number;
  /**
   * Stores the response of the operator's own write, so that the next reconciliation sees it. Ignored if it is known already or
   * something newer is, its deletion included.
   */
  assume(object: unknown): void;
}

/** Lists and watches; never gives up, never takes silence, an error or half an answer for a deletion. */
export function createReflector<Row>(options: ReflectorOptions<Row>): Reflector<Row> {
  const { namespaces, log, resource } = options;
  const decoder = createDecoder(options.transform, log.with({ resource: resource.plural }));
  // Under '' for all namespaces at once.
  const stores = new Map((namespaces ?? ['']).map((namespace) => [namespace, new Store<Row>()]));
  const stopping = new AbortController();
  const synced = Promise.withResolvers<void>();
  const blockers = new Map<string, WatchBlocker>();
  let unsynced = stores.size;
  let loops: Promise<unknown> = Promise.resolve();
  if (unsynced === 0) synced.resolve();

  const storeOf = (key: string): Store<Row> | undefined => stores.get(namespaces === undefined ? '' : namespaceOf(key));

  function notify(change: ObjectChange<Row>, initial: boolean): void {
    try {
      options.onChange({ ...change, initial });
    } catch (error) {
      // Its listener's fault; what is known stays true.
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
