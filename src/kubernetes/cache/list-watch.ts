import { jittered } from '../../domain/backoff.ts';
import type { WatchEvent } from '../client.ts';
import { responseError, KubeError, type KubeErrorReason, readStatus } from '../errors.ts';
import { wait } from '../../domain/clock.ts';
import type { Log } from '../../telemetry/log.ts';
import { WatchBackoff } from './watch-backoff.ts';
import { createLister, type ListerOptions, createIdleTimeout } from './initial-list.ts';
import { readBookmark, decodeObject } from './decoder.ts';
import { isNewer, type ObjectChange, type ObjectVersion } from './store.ts';

/** The API server doesn't serve the resource, because its CRD is missing, or this client may not read it. */
export type WatchBlocker = 'NotServed' | 'Forbidden';

export interface ListWatchOptions<Row> extends ListerOptions<Row> {
  /**
   * Milliseconds between relists while the watch works, ±10 % jitter. A lost event leaves no trace: the watch continues,
   * and the next bookmark looks complete. Only the object's next event or a list shows it.
   */
  readonly relistInterval: number;
  readonly onChange: (change: ObjectChange<Row>, initial: boolean) => void;
  readonly onSynced: () => void;
  readonly onRestart?: (resource: string) => void;
  /** Whether the API server is unavailable or still starts: it can't be reached, or serves no watch yet. */
  readonly onAvailability: (isAvailable: boolean) => void;
  /** What prevents listing and watching until an administrator fixes it; undefined if nothing does. */
  readonly onBlocked: (blocker: WatchBlocker | undefined) => void;
  readonly random: () => number;
  readonly log: Log;
}

/**
 * The server sends a bookmark every minute (the first after two). A longer silence means a dead connection, or a server
 * that was restored from a backup: it sends nothing until it reaches the resourceVersion of the watch.
 */
const longestIdleTime = 180_000;
/** A server that was unreachable for this long had an outage. Anything shorter is a broken connection. */
const outage = 5_000;
/** A watch that lasted this long worked; the next starts immediately. */
const steady = 5_000;

/**
 * How long after its start a watch is compared with the resourceVersion of the server, if the server may have been
 * restored.
 */
const settled = 1_000;
/** Failures that a server can return before it is restored from a backup. */
const unreachable: ReadonlySet<KubeErrorReason> = new Set(['Network', 'Timeout', 'Unavailable']);

/** Errors after which the watch continues from its resourceVersion. After any other, the reflector relists. */
const resumable: ReadonlySet<KubeErrorReason> = new Set([
  'Network',
  'Timeout',
  'Unavailable',
  'TooManyRequests',
  'Unauthorized',
  'Forbidden',
]);

/**
 * Keeps `store` in sync with the server's objects of one namespace (or all) until `signal` is aborted: lists, watches,
 * and resumes where a watch broke off.
 */
export async function listAndWatch<Row>(options: ListWatchOptions<Row>): Promise<void> {
  const { client, resource, namespace, labelSelector, store, decoder, clock, random, signal } = options;
  const log = options.log.with({ resource: resource.plural, ...(namespace === undefined ? {} : { namespace }) });
  const backoff = new WatchBackoff(random);
  const listAll = createLister(options);
  let isSynced = false;
  let needsList = true;
  /** The failures since the last success, each of which is logged once. */
  const logged = new Set<string>();
  let isExpired = false;
  /** Ends the early read of a server whose cache still fills; undefined before one. */
  let early: AbortController | undefined;
  let earlyRead: Promise<void> = Promise.resolve();
  /** Since when (monotonic) the server has been unreachable. It may be back, but hasn't answered a list since. */
  let unreachableSince: number | undefined;
  let watches = 0;
  let openedAt: number | undefined;
  /** A connection failed since the last resourceVersion, so the server may have been restored from a backup. */
  let mayBeRestored = false;
  /** When the next relist is due at the latest (monotonic). */
  let relistAt = 0;

  while (!signal.aborted) {
    openedAt = undefined;
    try {
      if (needsList) await list();
      needsList = false;
      if (!(await watch()) || clock.monotonic() >= relistAt) needsList = true;
    } catch (error) {
      if (!signal.aborted) await recover(error);
    }
  }
  await earlyRead;

  /** Only newer versions of known objects are applied before the list is complete: one that breaks off changes nothing else. */
  async function list(): Promise<void> {
    early?.abort();
    store.beginList();
    const { versions, resourceVersion } = await listAll({
      inPages:
        early !== undefined || (unreachableSince !== undefined && clock.monotonic() - unreachableSince >= outage),
      ...(isSynced ? { onVersion: arrived } : {}),
    });
    if (signal.aborted) return;
    unreachableSince = undefined;
    mayBeRestored = false;
    options.onBlocked(undefined);
    for (const change of store.replace(versions, resourceVersion)) options.onChange(change, !isSynced);
    if (!isSynced) options.onSynced();
    isSynced = true;
    relistAt = clock.monotonic() + jittered(options.relistInterval, random(), [0.9, 1.1]);
  }

  function arrived(version: ObjectVersion<Row>): void {
    const change = store.advance(version);
    if (change !== undefined) options.onChange(change, false);
  }

  /**
   * Reads pages, which a starting server answers without its cache, while it refuses watches. Filling the cache takes
   * seconds for a large fleet.
   */
  async function readEarly(until: AbortSignal): Promise<void> {
    const read = createLister({ ...options, signal: until });
    const onVersion = (version: ObjectVersion<Row>): void => void (until.aborted || arrived(version));
    await read({ inPages: true, onVersion }).catch((error: unknown) => {
      if (!until.aborted) log.debug('Failed to list a starting API server', { error });
    });
  }

  /** Processes one watch until it ends; false if it went silent. */
  async function watch(): Promise<boolean> {
    const idleTimeout = createIdleTimeout(clock, longestIdleTime);
    const restored = new AbortController();
    const done = new AbortController();
    const startedAt = clock.monotonic();
    const from = store.resourceVersion ?? '';
    const untilCompared = mayBeRestored
      ? clock.schedule(settled, () => void compare(from, restored, AbortSignal.any([signal, done.signal])))
      : () => {};
    if (watches > 0) options.onRestart?.(options.resource.plural);
    watches += 1;
    try {
      const stream = client.watch(resource, {
        namespace,
        labelSelector,
        resourceVersion: from,
        timeoutSeconds: secondsOfWatch(),
        allowWatchBookmarks: true,
        signal: AbortSignal.any([signal, idleTimeout.signal, restored.signal]),
        onOpen: opened,
      });
      for await (const event of stream) {
        idleTimeout.reset();
        apply(event, from);
      }
    } finally {
      idleTimeout.end();
      untilCompared();
      done.abort();
    }
    if (restored.signal.aborted) {
      log.warn('API server returned an earlier resourceVersion than before, relisting');
      return false;
    }
    if (idleTimeout.signal.aborted) {
      log.info('Watch was silent for too long, relisting');
      return false;
    }
    // Otherwise, a proxy that ends every watch would cause a busy loop.
    if (clock.monotonic() - startedAt < 1_000) {
      throw new KubeError(`watch ${resource.plural}: ended at once`, { reason: 'Unavailable' });
    }
    return true;
  }

  /**
   * Compares the server's resourceVersion while the watch runs. A failure proves nothing: the next watch compares
   * again.
   */
  async function compare(from: string, restored: AbortController, until: AbortSignal): Promise<void> {
    try {
      const { resourceVersion } = await client.list(resource, { namespace, labelSelector, limit: 1, signal: until });
      mayBeRestored = false;
      if (isNewer(from, resourceVersion)) restored.abort();
    } catch (error) {
      log.debug('Failed to read resourceVersion of API server', { error });
    }
  }

  /**
   * With jitter, so that a thousand watches that started together don't end together. At most until the next relist.
   */
  function secondsOfWatch(): number {
    const untilList = Math.ceil((relistAt - clock.monotonic()) / 1_000);
    return Math.max(2, Math.min(300 + Math.floor(random() * 300), untilList));
  }

  function opened(): void {
    early?.abort();
    openedAt = clock.monotonic();
    options.onBlocked(undefined);
    options.onAvailability(true);
    if (logged.size > 0) log.info('Watch resumed');
    logged.clear();
  }

  function apply({ type, object }: WatchEvent, from: string): void {
    if (type === 'ERROR') {
      const status = readStatus(object);
      throw responseError(`watch ${resource.plural}`, status?.code ?? 0, status);
    }
    if (type === 'BOOKMARK') {
      const version = readBookmark(object);
      if (version !== undefined) store.progress(demandAfter(from, version));
      return;
    }
    const version = decodeObject(decoder, resource, object);
    demandAfter(from, version.resourceVersion);
    const change = store.apply(type, version);
    if (change !== undefined) options.onChange(change, false);
  }

  /** A watch sends only later versions. An earlier one comes from a restored server: relist. */
  function demandAfter(from: string, version: string): string {
    if (!isNewer(from, version)) return version;
    throw new KubeError(`watch ${resource.plural}: an event from before the watch`, { reason: 'Gone' });
  }

  /** Decides how to continue after a failure, logs it once, and waits. */
  async function recover(error: unknown): Promise<void> {
    const reason = error instanceof KubeError ? error.reason : 'Unexpected';
    const wasSteady = openedAt !== undefined && clock.monotonic() - openedAt >= steady;
    if (wasSteady) {
      backoff.reset();
      unreachableSince = undefined;
    }
    if (wasSteady || reason === 'Network') {
      early?.abort();
      early = undefined;
    }
    if (!resumable.has(reason)) needsList = true;
    options.onBlocked(blockerOf(error));
    // Load balancers cut idle connections, and old resourceVersions expire: both are routine.
    if (wasSteady && (reason === 'Network' || reason === 'Gone')) return log.debug('Watch ended early', { reason });
    if (reason === 'Network') unreachableSince ??= clock.monotonic();
    if (!wasSteady && unreachable.has(reason)) mayBeRestored = true;
    // After an outage, the resourceVersion of the watch has usually expired. That is a response, so the list doesn't
    // wait.
    const wasExpired = isExpired;
    isExpired = reason === 'Gone';
    if (isExpired && !wasExpired) return log.debug('Watch resourceVersion expired, relisting', { reason });
    const { status, retryAfter } = error instanceof KubeError ? error : {};
    const failure = `${reason} ${status}`;
    if (!logged.has(failure)) log.warn('Watch failed, retrying', { reason, error });
    logged.add(failure);
    const delay = backoff.next(reason, clock.monotonic(), retryAfter);
    const isStarting = backoff.isStarting(clock.monotonic());
    options.onAvailability(!isStarting);
    if (isStarting && reason === 'TooManyRequests' && isSynced && early === undefined) {
      early = new AbortController();
      earlyRead = readEarly(AbortSignal.any([signal, early.signal]));
    }
    await wait(clock, delay, signal);
  }
}

/** An unreachable API server isn't reported as a blocker: it comes back without an administrator. */
function blockerOf(error: unknown): WatchBlocker | undefined {
  if (!(error instanceof KubeError)) return undefined;
  if (error.reason === 'Forbidden' || error.reason === 'Unauthorized') return 'Forbidden';
  return error.status === 404 ? 'NotServed' : undefined;
}
