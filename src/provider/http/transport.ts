import type http from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import got, { type Got, RequestError, TimeoutError } from 'got';
import { systemClock } from '../../domain/clock.ts';
import { isErrorCode } from '../../domain/error-code.ts';
import type { Fence } from '../../domain/fence.ts';
import { Semaphore } from '../../domain/semaphore.ts';
import { type ConnectionOptions, createAgents } from './agents.ts';
import { Body } from './body.ts';

/** Milliseconds to connect (name lookup and TLS included), then until the response starts, and for all of it. */
export interface ExchangeTimeouts {
  readonly connect: number;
  readonly response: number;
  readonly total: number;
}

export interface ExchangeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeouts: ExchangeTimeouts;
  /** The most bytes to read (after decompression) of a 2xx body; `errorBytes` for any other response. */
  readonly bodyBytes: number;
  readonly errorBytes: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when the request is made, and when it is connected, directly before it is sent. If it refuses, the call is
   * `Canceled`.
   */
  readonly fence?: Fence | undefined;
}

/** The received response, as plain data. */
export interface Received {
  readonly kind: 'Received';
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly bytes: number;
  /** Why the body is incomplete. */
  readonly cut?: 'BodyTooLarge' | LostCode;
}

type LostCode = 'ConnectionLost' | 'Timeout' | 'Canceled';

export type Exchange =
  | Received
  /** No connection was established, so nothing was sent. `detail` is an error code such as `ECONNREFUSED`. */
  | { readonly kind: 'NotSent'; readonly code: 'ConnectFailed' | 'Timeout' | 'Canceled'; readonly detail: string }
  | { readonly kind: 'Lost'; readonly code: LostCode; readonly detail: string };

/**
 * How many responses of more than a few kilobytes are received at once: a provider may return the largest list for
 * every key.
 */
const maxLarge = 2;

export interface Exchanger {
  (request: ExchangeRequest): Promise<Exchange>;
  /** A write to this URL may follow soon: establishes its connection meanwhile. Sends no request. */
  open(url: string): void;
}

/** Sends requests. They share connections. */
export function createExchange(options: ConnectionOptions = {}): Exchanger {
  const agents = createAgents(options);
  const client = got.extend({
    agent: { http: agents.http, https: agents.https },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
  });
  const largeBodies = new Semaphore(maxLarge);
  const exchanger = (request: ExchangeRequest): Promise<Exchange> => {
    if (request.method !== 'GET') agents.closeStale();
    return exchangeBy(client, request, largeBodies);
  };
  return Object.assign(exchanger, { open: agents.open });
}

/** Directly, without a proxy. */
export const exchange = createExchange();

/**
 * Sends a request at most once and returns the response. Never rejects. Redirects are not followed, because the API key
 * would be sent along. The body is counted while it arrives. got's error objects contain the request with the key, so
 * none leaves this module.
 */
async function exchangeBy(client: Got, request: ExchangeRequest, largeBodies: Semaphore): Promise<Exchange> {
  if (request.signal?.aborted || isFenced(request)) return { kind: 'NotSent', code: 'Canceled', detail: '' };
  let connected: boolean | undefined;
  let head: { readonly status: number; readonly headers: http.IncomingHttpHeaders } | undefined;
  let body: Body | undefined;
  let bytes = 0;
  let cut: Received['cut'];
  let isLate = false;
  let cancelConnect: (() => void) | undefined;
  const closed = Promise.withResolvers<void>();

  try {
    const stream = send(client, request);
    cancelConnect = systemClock.schedule(request.timeouts.connect, () => {
      isLate = true;
      stream.destroy();
    });
    onConnected(stream, request.url, () => {
      cancelConnect?.();
      connected = !isFenced(request);
      if (!connected) stream.destroy();
    });
    stream.once('close', closed.resolve);
    stream.on('response', (answer: http.IncomingMessage) => {
      head = { status: answer.statusCode ?? 0, headers: answer.headers };
    });
    // `as`: got's stream reads bytes unless an encoding is set.
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      body ??= new Body(isSuccess(head?.status) ? request.bodyBytes : request.errorBytes, largeBodies);
      bytes += chunk.length;
      if (!(await body.append(chunk, closed.promise))) {
        cut = 'BodyTooLarge';
        break;
      }
    }
  } catch (error) {
    const { code, detail } = isLate ? late : describe(error, request.signal);
    if (head === undefined) {
      // The connection was established, and closed before anything was written to it.
      if (connected === false) return { kind: 'NotSent', code: 'Canceled', detail: '' };
      if (connected) return { kind: 'Lost', code, detail };
      return { kind: 'NotSent', code: code === 'ConnectionLost' ? 'ConnectFailed' : code, detail };
    }
    cut = code;
  } finally {
    cancelConnect?.();
    body?.release();
  }
  if (head === undefined) return { kind: 'Lost', code: 'ConnectionLost', detail: '' };
  return {
    kind: 'Received',
    status: head.status,
    headers: firstValues(head.headers),
    body: body?.text ?? '',
    bytes,
    ...(cut === undefined ? {} : { cut }),
  };
}

const late = { code: 'Timeout', detail: 'connect' } as const;

function isFenced({ fence }: ExchangeRequest): boolean {
  return fence !== undefined && !fence();
}

function send(client: Got, { url, method, headers, body = '', timeouts, signal }: ExchangeRequest): Duplex {
  const stream = client.stream(url, {
    method,
    headers,
    // Without this, got would wait for a body to be written to the stream.
    ...(method === 'GET' ? {} : { body }),
    // got's own connect timeouts are separate, and none of them covers a proxy.
    timeout: { send: timeouts.response, response: timeouts.response, request: timeouts.total },
    ...(signal === undefined ? {} : { signal }),
  });
  // This listener stays: an error after the response was cut off is ignored, and without a listener it would end the
  // process.
  stream.on('error', () => {});
  // From a server that switches protocols; got would wait for its response.
  stream.on('upgrade', (_answer: http.IncomingMessage, socket: Duplex) => {
    socket.destroy();
    stream.destroy(Object.assign(new Error(), { code: 'UNEXPECTED_UPGRADE' }));
  });
  stream.on('request', (sent: http.ClientRequest) => sent.prependOnceListener('response', keepLayersPacked));
  return stream;
}

/**
 * got unpacks as many layers as a header lists. A header has space for three thousand, which take seconds and 256 MB.
 */
function keepLayersPacked({ headers }: http.IncomingMessage): void {
  if (headers['content-encoding']?.includes(',')) headers['content-encoding'] = 'layers';
}

/**
 * Calls back when the connection is established and nothing was written to it. Any earlier failure means that nothing
 * was sent.
 */
function onConnected(stream: Duplex, url: string, callback: () => void): void {
  stream.once('socket', (socket: Socket) => {
    if (!socket.connecting) return callback();
    socket.once(url.startsWith('https:') ? 'secureConnect' : 'connect', callback);
  });
}

/** A description of the failure without anything of the request. */
function describe(error: unknown, signal: AbortSignal | undefined): { code: LostCode; detail: string } {
  if (signal?.aborted) return { code: 'Canceled', detail: '' };
  if (error instanceof TimeoutError) return { code: 'Timeout', detail: error.event };
  const { code, cause } = error instanceof RequestError ? error : { code: '', cause: undefined };
  const detail = isErrorCode(code) ? code : '';
  return { code: 'ConnectionLost', detail: detail === 'ERR_PROXY_TUNNEL' ? refusalOf(cause) : detail };
}

/** The proxy's refusal to connect to the provider. */
function refusalOf(cause: unknown): string {
  const status: unknown = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined;
  return Number.isInteger(status) ? `proxy answered ${String(status)}` : 'ERR_PROXY_TUNNEL';
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function firstValues(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}
