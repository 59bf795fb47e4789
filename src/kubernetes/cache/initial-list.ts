import type { KubeClient, ListPage, Resource } from '../client.ts';
import { answerError, KubeError, readStatus } from '../errors.ts';
import type { Clock } from '../../domain/clock.ts';
import { isEndOfInitial, readBookmark, decodeObject, type Decoder } from './decoder.ts';
import { createIdleTimeout } from './idle-timeout.ts';
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

/** All objects as of one moment. */
export interface ListResult<Row> {
  readonly versions: ReadonlyMap<string, ObjectVersion<Row>>;
  readonly resourceVersion: string;
}

/**
 * A server that sends nothing for so long, objects or their end, does not know what it was asked for, or has begun to serve a
 * moment ago and forgets to answer: it is asked for pages this time.
 */
const longestPause = 5_000;

/**
 * The most bytes of a page that are in memory at a time. Five hundred objects of the usual size are half of it, three of the
 * largest fill it.
 */
const longestPage = 4 * 1_024 * 1_024;

/**
 * Reads the initial list, one object at a time where the server can (`sendInitialEvents`), else in pages, or because it shall: a server
 * that began to serve a moment ago is the one that forgets to answer. A server that says it cannot, or never did it, is asked once. It
 * rejects with KubeError when it breaks off: what came until then counts for nothing.
 */
export function createLister<Row>(
  options: ListerOptions<Row>,
): (how: { readonly inPages: boolean }) => Promise<ListResult<Row>> {
  const { client, resource, namespace, labelSelector, pageSize = 500, store, decoder, clock, signal } = options;
  let canStream = true;
  let hasStreamed = false;

  return async ({ inPages }) => (canStream && !inPages ? await stream() : undefined) ?? pages();

  /** Undefined when the server does not know this way. */
  async function stream(): Promise<ListResult<Row> | undefined> {
    const versions = new Map<string, ObjectVersion<Row>>();
    const idleTimeout = createIdleTimeout(clock, longestPause);
    const done = new AbortController();
    try {
      const events = client.watch(resource, {
        namespace,
        labelSelector,
        // Of the newest state, as a list without a resourceVersion.
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
          throw answerError(`watch ${resource.plural}`, status?.code ?? 0, status);
        }
        if (type !== 'BOOKMARK') {
          const version = decodeObject(decoder, resource, object, store);
          // Changes may come in between: the newest counts.
          if (type === 'DELETED') versions.delete(version.key);
          else versions.set(version.key, version);
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

  async function pages(): Promise<ListResult<Row>> {
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
      }
      resourceVersion ??= page.resourceVersion;
      next = page.continue;
      // Large objects are mostly few.
      limit = Math.min(limit * 2, pageSize);
    } while (resourceVersion === undefined || next !== undefined);
    return { versions, resourceVersion };
  }

  /** Undefined: so many are more than may be in memory at a time. */
  async function pageOf(limit: number, next: string | undefined): Promise<ListPage | undefined> {
    // A single object has to be taken however large it is.
    const bound = limit === 1 ? {} : { longestAnswer: longestPage };
    try {
      return await client.list(resource, { namespace, labelSelector, limit, continue: next, signal, ...bound });
    } catch (error) {
      if (limit === 1 || !(error instanceof KubeError) || error.reason !== 'TooLarge') throw error;
      return undefined;
    }
  }
}
