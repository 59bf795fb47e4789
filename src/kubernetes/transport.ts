import type { KubeConfig } from '@kubernetes/client-node';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../domain/clock.ts';
import { isErrorCode } from '../domain/error-code.ts';
import type { Fence } from '../domain/fence.ts';
import { createCredentials, type Identity, type TlsOptions } from './auth.ts';
import { KubeError } from './errors.ts';
import { fencedDispatcher } from './fenced-dispatcher.ts';
import { decode } from './json-lines.ts';

export type KubeVerb = 'get' | 'list' | 'create' | 'patch' | 'watch' | 'version';

/** A request to the API server. */
export interface Call {
  readonly verb: KubeVerb;
  /** The resource for metrics, such as `virtualmachines/status`. */
  readonly resource: string;
  /** A description of the call, with which its errors begin. */
  readonly what: string;
  readonly method: 'GET' | 'POST' | 'PATCH';
  /** Path and query below the server's URL. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
  /** The most bytes of the response. A longer one is `TooLarge`. */
  readonly maxResponseBytes?: number;
}

/** An object has at most 1.5 MiB by etcd's default, and as much again in `managedFields`. */
export const longestObject = 32 * 1_024 * 1_024;

export interface KubeResponse {
  readonly status: number;
  readonly retryAfter?: string;
  readonly date?: string;
  readonly body: string;
}

/**
 * A request that was sent, for metrics and tests. The HTTP status is 0 without a response. The time of a watch ends
 * with its first byte.
 */
export interface CallReport {
  readonly verb: KubeVerb;
  readonly method: Call['method'];
  /** The host of the API server, with the port if the URL has one. */
  readonly host: string;
  readonly resource: string;
  readonly status: number;
  readonly milliseconds: number;
}

/** The bytes of each body sent and each chunk received, including those of watches. */
export interface TrafficReport {
  readonly verb: KubeVerb;
  readonly resource: string;
  readonly sent: number;
  readonly received: number;
}

/**
 * Sends requests to one API server. Throws KubeError `Network`, `Timeout` or `Unauthorized`; any other response is
 * returned.
 */
export interface Transport {
  /** The clock for deadlines and waits. */
  readonly clock: Clock;
  /** Sends a request once (twice after a 401, with a new token) and reads the whole response. */
  exchange(call: Call, signal?: AbortSignal): Promise<KubeResponse>;
  /**
   * The same, but leaves the body of a 200 open. The deadline is for the start of the response; `signal` ends the whole
   * exchange.
   */
  open(call: Call, signal: AbortSignal): Promise<KubeResponse & { readonly stream?: AsyncIterable<Uint8Array> }>;
  /** Waits for requests in flight, and aborts watches. */
  close(): Promise<void>;
}

export interface TransportOptions {
  readonly clock: Clock;
  /** The operator's version, for the User-Agent. */
  readonly version: string;
  /** Milliseconds from the call to the end of its response, or to the start of a watch's. */
  readonly deadline?: number;
  /**
   * Called directly before any request but a GET is sent. If it doesn't permit the request, the call ends as `Fenced`.
   */
  readonly fence?: Fence;
  readonly onCall?: (report: CallReport) => void;
  readonly onTraffic?: (report: TrafficReport) => void;
}

interface Connections {
  readonly tls: TlsOptions;
  readonly calls: Dispatcher;
  readonly watches: Pool;
}

/** As many as workers, so that no worker waits for another's connection. */
const callConnections = 32;

/** Shared keep-alive connections: one pool for calls and one for watches, which occupy theirs for minutes. */
export function createTransport(config: KubeConfig, options: TransportOptions): Transport {
  const { clock, version, deadline = 30_000 } = options;
  const credentials = createCredentials(config, clock);
  const server = new URL(config.getCurrentCluster()?.server ?? '');
  const prefix = server.pathname.replace(/\/$/, '');
  let connections: Connections | undefined;

  function connect(tls: TlsOptions): Connections {
    if (connections !== undefined && isSame(connections.tls, tls)) return connections;
    // The client certificate or the cluster's CA was rotated: new connections use it, and the old ones finish their
    // requests.
    void connections?.calls.close();
    void connections?.watches.close();
    const pool: Pool.Options = {
      pipelining: 1,
      // On a single connection, a large list would delay all small calls.
      allowH2: false,
      // An open connection saves the handshakes. API servers keep idle ones for 90 s or longer.
      keepAliveTimeout: 60_000,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...tls, keepAliveInitialDelay: 30_000 },
    };
    const calls = new Pool(server.origin, { ...pool, connections: callConnections });
    connections = {
      tls,
      calls: options.fence === undefined ? calls : fencedDispatcher(calls, options.fence),
      watches: new Pool(server.origin, pool),
    };
    return connections;
  }

  async function send(kind: 'calls' | 'watches', call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const identity = await credentials.current();
    const answer = await sendAs(identity, kind, call, signal);
    if (answer.statusCode !== 401 || !(await credentials.refresh())) return answer;
    await answer.body.dump();
    return sendAs(await credentials.current(), kind, call, signal);
  }

  async function sendAs(identity: Identity, kind: 'calls' | 'watches', call: Call, signal: AbortSignal) {
    const startedAt = clock.monotonic();
    let status = 0;
    try {
      const answer = await connect(identity.tls)[kind].request({
        method: call.method,
        path: `${prefix}${call.path}`,
        headers: {
          ...identity.headers,
          accept: 'application/json',
          'user-agent': `vps247-operator/${version}`,
          ...(call.contentType === undefined ? {} : { 'content-type': call.contentType }),
        },
        body: call.body ?? null,
        signal,
      });
      status = answer.statusCode;
      return answer;
    } finally {
      const { verb, method, resource, body = '' } = call;
      const milliseconds = clock.monotonic() - startedAt;
      options.onCall?.({ verb, method, host: server.host, resource, status, milliseconds });
      if (body !== '') options.onTraffic?.({ verb, resource, sent: Buffer.byteLength(body), received: 0 });
    }
  }

  function received({ verb, resource }: Call, bytes: number): void {
    options.onTraffic?.({ verb, resource, sent: 0, received: bytes });
  }

  /** Runs `work` with the deadline, which `release` ends early. Only here, errors become KubeErrors. */
  async function within<T>(
    call: Call,
    work: (signal: AbortSignal, release: () => void) => Promise<T>,
    outer?: AbortSignal,
  ): Promise<T> {
    const timeout = new AbortController();
    const release = clock.schedule(deadline, () => timeout.abort());
    const signal = outer === undefined ? timeout.signal : AbortSignal.any([outer, timeout.signal]);
    const aborted = Promise.withResolvers<never>();
    const abort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    try {
      // A race, because a credential plugin that hangs ignores the signal.
      return await Promise.race([work(signal, release), aborted.promise]);
    } catch (error) {
      throw lostError(call.what, error, timeout.signal.aborted ? deadline : undefined);
    } finally {
      release();
      // Otherwise the outer signal, which can live as long as the process, would keep this response in memory.
      signal.removeEventListener('abort', abort);
    }
  }

  return {
    clock,
    exchange: (call, outer) =>
      within(
        call,
        async (signal) => readResponse(call, await send('calls', call, signal), (bytes) => received(call, bytes)),
        outer,
      ),
    open: (call, outer) =>
      within(
        call,
        async (signal, release) => {
          const response = await send('watches', call, signal);
          const count = (bytes: number): void => received(call, bytes);
          if (response.statusCode !== 200) return readResponse(call, response, count);
          release();
          return { status: 200, body: '', stream: readStream(call.what, response.body, count) };
        },
        outer,
      ),
    async close() {
      await Promise.all([connections?.watches.destroy(), connections?.calls.close()]);
    },
  };
}

/** The other options come from the kubeconfig, which is read once. */
function isSame(a: TlsOptions, b: TlsOptions): boolean {
  return a.ca === b.ca && a.cert === b.cert && a.key === b.key;
}

type Count = (bytes: number) => void;

async function readResponse(
  { what, maxResponseBytes = longestObject }: Call,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  count: Count,
): Promise<KubeResponse> {
  const { 'retry-after': retryAfter, date } = headers;
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early destroys the connection, and with it the rest of the response.
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    count(piece.length);
    length += piece.length;
    if (length > maxResponseBytes)
      throw new KubeError(`${what}: the answer has more than ${maxResponseBytes} bytes`, { reason: 'TooLarge' });
    pieces.push(piece);
  }
  const [first] = pieces;
  const bytes = pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces);
  return {
    status: statusCode,
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
    ...(typeof date === 'string' ? { date } : {}),
    body: decode(bytes),
  };
}

async function* readStream(what: string, stream: AsyncIterable<Uint8Array>, count: Count): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of stream) {
      count(chunk.length);
      yield chunk;
    }
  } catch (error) {
    throw lostError(what, error, undefined);
  }
}

function lostError(what: string, error: unknown, deadline: number | undefined): KubeError {
  if (error instanceof KubeError) return error;
  if (deadline !== undefined) {
    return new KubeError(`${what}: no complete answer within ${deadline} ms`, { reason: 'Timeout' });
  }
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  const detail = isErrorCode(code) ? code : 'connection lost';
  return new KubeError(`${what}: ${detail}`, { reason: 'Network' });
}
