import { exponentialDelay } from '../domain/backoff.ts';
import { fieldsOf } from '../domain/json.ts';
import { responseError, KubeError, type KubeErrorReason, readStatus } from './errors.ts';
import { parse, readJsonLines } from './json-lines.ts';
import { parseRetryAfter } from '../domain/retry-after.ts';
import { type KubeResponse, type Call, longestObject, type Transport } from './transport.ts';
import { wait } from '../domain/clock.ts';

/** A resource of the API; the core group is ''. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
}

export interface ObjectRef {
  readonly namespace: string;
  readonly name: string;
}

export interface ListOptions {
  /** All namespaces if omitted. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** The most items of one page. */
  readonly limit?: number | undefined;
  /** The `continue` token of the previous page. */
  readonly continue?: string | undefined;
  /** The most bytes of the response. A longer one is `TooLarge`. */
  readonly maxResponseBytes?: number | undefined;
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined;
}

export interface ListPage {
  readonly items: unknown[];
  readonly resourceVersion: string;
  /** Set if there are more items. */
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** Events after this version. With `sendInitialEvents` it may be empty: from the newest state. */
  readonly resourceVersion: string;
  /**
   * Sends all objects first, each as ADDED, and then a BOOKMARK with the annotation `k8s.io/initial-events-end`. A
   * server that doesn't support this refuses it (`Invalid`), or sends no such bookmark.
   */
  readonly sendInitialEvents?: true | undefined;
  /** The server ends the watch after this many seconds. */
  readonly timeoutSeconds: number;
  readonly allowWatchBookmarks: true;
  /** Ends the watch immediately, without an error. */
  readonly signal: AbortSignal;
  /** Called when the server accepts the watch. Its first event may be a minute away. */
  readonly onOpen?: (() => void) | undefined;
}

const eventTypes = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;

export interface WatchEvent {
  readonly type: (typeof eventTypes)[number];
  /** An ERROR's is a `Status`. */
  readonly object: unknown;
}

export interface Patch {
  readonly type: 'merge' | 'json';
  readonly body: unknown;
  readonly subresource?: 'status';
}

/** The part of the Kubernetes API that the operator uses. All methods throw KubeError and nothing else. */
export interface KubeClient {
  /** Throws `NotFound` only if the API reports that this object doesn't exist. */
  get(resource: Resource, ref: ObjectRef): Promise<unknown>;
  list(resource: Resource, options?: ListOptions): Promise<ListPage>;
  /** Returns the stored object. */
  create(resource: Resource, namespace: string, body: unknown): Promise<unknown>;
  /** Returns the stored object. With metadata.resourceVersion in a merge body, a changed object is a `Conflict`. */
  patch(resource: Resource, ref: ObjectRef, patch: Patch): Promise<unknown>;
  /** Ends when the server ends it properly, or `signal` is aborted. A broken connection is `Network`. */
  watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent>;
  /** The server's version, as `v1.37.2`. */
  version(): Promise<string>;
  /** Waits for calls in flight, and ends watches. */
  close(): Promise<void>;
}

const fieldManager = 'vps247-operator';
const tries = 3;
const retryDelays = { first: 200, longest: Infinity };
/** Longer waits are left to the caller, which may have other work to do. */
const longestWait = 5_000;
/**
 * The reflector has its own backoff for lists, because it knows whether the server is starting. Only the next page of a
 * list is waited for, because all pages before it would be read again.
 */
const longestWaitOfList = 500;

interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** The longest wait before a retry, in milliseconds. */
  readonly longest?: number;
}

/** The server refused it before it was handled, or it is harmless: it may be sent again. */
const readRetries: ReadonlySet<KubeErrorReason> = new Set(['TooManyRequests', 'Unavailable', 'Network']);
const writeRetries: ReadonlySet<KubeErrorReason> = new Set(['TooManyRequests']);

export function createKubeClient(transport: Transport): KubeClient {
  const { clock } = transport;

  async function callOnce(request: Call, signal?: AbortSignal): Promise<unknown> {
    const answer = await transport.exchange(request, signal);
    if (answer.status < 200 || answer.status > 299) throw refusal(request, answer, clock.now());
    return parse(request.what, answer.body, answer.status);
  }

  async function call(request: Call, { signal, longest = longestWait }: Patience = {}): Promise<unknown> {
    const retried = request.method === 'GET' ? readRetries : writeRetries;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await callOnce(request, signal);
      } catch (error) {
        if (!(error instanceof KubeError) || !retried.has(error.reason) || attempt === tries || signal?.aborted)
          throw error;
        const delay = error.retryAfter ?? exponentialDelay(attempt - 1, retryDelays);
        if (delay > longest) throw error;
        await wait(clock, delay, signal);
      }
    }
  }

  return {
    get: (resource, ref) =>
      call({
        verb: 'get',
        resource: resource.plural,
        what: `get ${resource.plural} ${ref.namespace}/${ref.name}`,
        method: 'GET',
        path: pathOf(resource, ref.namespace, ref.name),
      }),

    async list(resource, { namespace, signal, maxResponseBytes, ...query } = {}) {
      const what = `list ${resource.plural}${inNamespace(namespace)}`;
      const path = pathOf(resource, namespace) + queryOf({ ...query });
      const bound = maxResponseBytes === undefined ? {} : { maxResponseBytes };
      const request: Call = { verb: 'list', resource: resource.plural, what, method: 'GET', path, ...bound };
      const longest = query.continue === undefined ? longestWaitOfList : longestWait;
      const page = await call(request, { signal, longest });
      return readPage(what, page);
    },

    create: (resource, namespace, body) =>
      call({
        verb: 'create',
        resource: resource.plural,
        what: `create ${resource.plural}${inNamespace(namespace)}`,
        method: 'POST',
        path: pathOf(resource, namespace) + queryOf({ fieldManager }),
        contentType: 'application/json',
        body: JSON.stringify(body),
      }),

    patch(resource, ref, { type, body, subresource }) {
      const target = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
      return call({
        verb: 'patch',
        resource: target,
        what: `patch ${target} ${ref.namespace}/${ref.name}`,
        method: 'PATCH',
        path: pathOf(resource, ref.namespace, ref.name, subresource) + queryOf({ fieldManager }),
        contentType: `application/${type === 'merge' ? 'merge-patch' : 'json-patch'}+json`,
        body: JSON.stringify(body),
      });
    },

    async *watch(resource, { namespace, signal, onOpen, ...options }) {
      const what = `watch ${resource.plural}${inNamespace(namespace)}`;
      // Required together, or the server refuses.
      const match = options.sendInitialEvents === true ? { resourceVersionMatch: 'NotOlderThan' } : {};
      const path = pathOf(resource, namespace) + queryOf({ watch: true, ...options, ...match });
      try {
        const request: Call = { verb: 'watch', resource: resource.plural, what, method: 'GET', path };
        const answer = await transport.open(request, signal);
        if (answer.stream === undefined) throw refusal(request, answer, clock.now());
        onOpen?.();
        for await (const event of readJsonLines(what, answer.stream, longestObject)) yield readEvent(what, event);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },

    async version() {
      const what = 'get the version';
      const { gitVersion } = fieldsOf(
        await call({ verb: 'version', resource: '', what, method: 'GET', path: '/version' }),
      );
      return typeof gitVersion === 'string' ? gitVersion : 'unknown';
    },

    close: () => transport.close(),
  };
}

function pathOf({ group, version, plural }: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const parts = [...(namespace === undefined ? [] : ['namespaces', namespace]), plural, name, subresource];
  return [root, ...parts.filter((part) => part !== undefined).map(encodeURIComponent)].join('/');
}

function queryOf(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? '' : `?${query}`;
}

function inNamespace(namespace: string | undefined): string {
  return namespace === undefined ? '' : ` in ${namespace}`;
}

function refusal(call: Call, { status, body, retryAfter, date }: KubeResponse, now: number): KubeError {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Not a message of the API but, for example, of a proxy. The status is enough.
  }
  return responseError(call.what, status, readStatus(value), {
    retryAfter: parseRetryAfter(retryAfter, date, now),
    isSecret: call.resource === 'secrets' && call.body !== undefined,
  });
}

function readPage(what: string, value: unknown): ListPage {
  const { items, metadata } = fieldsOf(value);
  const { resourceVersion, continue: next, remainingItemCount } = fieldsOf(metadata);
  // An empty list can be null. Anything else must not count as an empty list.
  const isList = Array.isArray(items) || items === null;
  if (!isList || typeof resourceVersion !== 'string' || resourceVersion === '') {
    throw new KubeError(`${what}: the answer is not a list`, { reason: 'Protocol' });
  }
  return {
    items: items ?? [],
    resourceVersion,
    ...(typeof next === 'string' && next !== '' ? { continue: next } : {}),
    ...(typeof remainingItemCount === 'number' ? { remainingItemCount } : {}),
  };
}

function readEvent(what: string, value: unknown): WatchEvent {
  const { type, object } = fieldsOf(value);
  const known = eventTypes.find((name) => name === type);
  if (known === undefined || typeof object !== 'object' || object === null) {
    throw new KubeError(`${what}: not a watch event`, { reason: 'Protocol' });
  }
  return { type: known, object };
}
