import type { KubeClient, ListPage, Resource } from '../client.ts';
import { responseError, KubeError, readStatus } from '../errors.ts';
import type { Clock } from '../../domain/clock.ts';
import { isEndOfInitial, readBookmark, decodeObject, type Decoder } from './decoder.ts';
import type { Store, ObjectVersion } from './store.ts';

export interface ListerOptions<Row> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly pageSize?: number;
  readonly store: Store<Row>;
  readonly decoder: Decoder<Row>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** All objects at one moment. */
export interface ListResult<Row> {
  readonly versions: ReadonlyMap<string, ObjectVersion<Row>>;
  readonly resourceVersion: string;
}

export interface ListRequest<Row> {
  readonly inPages: boolean;
  readonly onVersion?: (version: ObjectVersion<Row>) => void;
}

/**
 * A server that sends nothing for this long doesn't support streaming lists, or has just started and doesn't answer
 * them. It is asked for pages instead.
 */
const longestPause = 5_000;

/**
 * The most bytes of pages in memory at a time. Five hundred objects of the usual size take half of it; three of the
 * largest fill it.
 */
const longestPage = 4 * 1_024 * 1_024;

/**
 * Reads the initial list: streamed (`sendInitialEvents`) where the server supports that, otherwise in pages. `inPages`
 * forces pages, because a server that has just started doesn't answer streaming lists. A server that doesn't support
 * them is asked once. Calls `onVersion` with each object as it arrives. Rejects with KubeError if the list breaks off.
 */
export function createLister<Row>(options: ListerOptions<Row>): (how: ListRequest<Row>) => Promise<ListResult<Row>> {
  const { client, resource, namespace, labelSelector, pageSize = 500, store, decoder, clock, signal } = options;
  let canStream = true;
  let hasStreamed = false;

  return async ({ inPages, onVersion = () => {} }) =>
    (canStream && !inPages ? await stream(onVersion) : undefined) ?? pages(onVersion);

  /** Undefined if the server doesn't support streaming lists. */
  async function stream(onVersion: (version: ObjectVersion<Row>) => void): Promise<ListResult<Row> | undefined> {
    const versions = new Map<string, ObjectVersion<Row>>();
    const idleTimeout = createIdleTimeout(clock, longestPause);
    const done = new AbortController();
    try {
      const events = client.watch(resource, {
        namespace,
        labelSelector,
        // Of the newest state, like a list without a resourceVersion.
        resourceVersion: '',
        sendInitialEvents: true,
        allowWatchBookmarks: true,
        timeoutSeconds: 300,
        signal: AbortSignal.any([signal, idleTimeout.signal, done.signal]),
      });
      for await (const { type, object } of events) {
        idleTimeout.reset();
        if (type === 'ERROR') {
          const status = readStatus(object);
          throw responseError(`watch ${resource.plural}`, status?.code ?? 0, status);
        }
        if (type !== 'BOOKMARK') {
          const version = decodeObject(decoder, resource, object, store);
          // Changes can arrive in between: the newest version counts.
          if (type === 'DELETED') versions.delete(version.key);
          else {
            versions.set(version.key, version);
            onVersion(version);
          }
        } else if (isEndOfInitial(object)) {
          hasStreamed = true;
          return { versions, resourceVersion: readBookmark(object) ?? '' };
        }
      }
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason !== 'Invalid') throw error;
      canStream = false;
      return undefined;
    } finally {
      idleTimeout.end();
      done.abort();
    }
    if (idleTimeout.signal.aborted) {
      canStream = hasStreamed;
      return undefined;
    }
    throw new KubeError(`watch ${resource.plural}: ended before the initial list was complete`, { reason: 'Network' });
  }

  async function pages(onVersion: (version: ObjectVersion<Row>) => void): Promise<ListResult<Row>> {
    const versions = new Map<string, ObjectVersion<Row>>();
    let resourceVersion: string | undefined;
    let next: string | undefined;
    let limit = pageSize;
    do {
      const page = await pageOf(limit, next);
      if (page === undefined) {
        limit = Math.ceil(limit / 4);
        continue;
      }
      for (const item of page.items) {
        const version = decodeObject(decoder, resource, item, store);
        versions.set(version.key, version);
        onVersion(version);
      }
      resourceVersion ??= page.resourceVersion;
      next = page.continue;
      // Usually only few objects are large.
      limit = Math.min(limit * 2, pageSize);
    } while (resourceVersion === undefined || next !== undefined);
    return { versions, resourceVersion };
  }

  /** Undefined: this many don't fit into memory at a time. */
  async function pageOf(limit: number, next: string | undefined): Promise<ListPage | undefined> {
    // A single object is read however large it is.
    const bound = limit === 1 ? {} : { maxResponseBytes: longestPage };
    try {
      return await client.list(resource, { namespace, labelSelector, limit, continue: next, signal, ...bound });
    } catch (error) {
      if (limit === 1 || !(error instanceof KubeError) || error.reason !== 'TooLarge') throw error;
      return undefined;
    }
  }
}

/** Aborts its signal when nothing was received for `milliseconds`. */
export function createIdleTimeout(clock: Clock, milliseconds: number) {
  const controller = new AbortController();
  let receivedAt = clock.monotonic();
  // Checked when the time may be over, because moving a timer with each of thousands of events is expensive.
  const look = (): void => {
    const left = receivedAt + milliseconds - clock.monotonic();
    if (left <= 0) controller.abort();
    else cancel = clock.schedule(left, look);
  };
  let cancel = clock.schedule(milliseconds, look);
  return {
    signal: controller.signal,
    reset: () => void (receivedAt = clock.monotonic()),
    end: () => cancel(),
  };
}
