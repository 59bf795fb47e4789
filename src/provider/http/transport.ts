import http from 'node:http';
import https from 'node:https';
import got, { TimeoutError } from 'got';
import type { Fence } from '../../model/fence.ts';

/** Milliseconds for each phase of one exchange, and for all of it. */
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
  /** Most bytes to read (after decompression) of a 2xx body; of any other answer, `errorBytes`. */
  readonly bodyBytes: number;
  readonly errorBytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Asked when the request is made and when its connection stands, directly before it is sent; if it refuses, `Cancelled`. */
  readonly fence?: Fence | undefined;
}

/** What was received: plain data. */
export interface Received {
  readonly kind: 'Received';
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly bytes: number;
  /** Why the body is not all of it. */
  readonly cut?: 'BodyTooLarge' | LostCode;
}

type LostCode = 'ConnectionLost' | 'Timeout' | 'Cancelled';

export type Exchange =
  | Received
  /** No connection came about, so nothing was sent. `detail` is an error code such as `ECONNREFUSED`. */
  | { readonly kind: 'NotSent'; readonly code: 'ConnectFailed' | 'Timeout' | 'Cancelled'; readonly detail: string }
  | { readonly kind: 'Lost'; readonly code: LostCode; readonly detail: string };

// Shared by all providers. An idle connection is closed before a server or a load balancer is likely to do it: a write
// that meets a closing connection has an unknown outcome.
const idle = { keepAlive: true, timeout: 15_000 } as const;
const agents = { http: new http.Agent(idle), https: new https.Agent(idle) };

/**
 * One request, sent at most once, and its answer. Never rejects. Redirects are not followed, because the API key would
 * travel along; the body is counted while it comes. got's error objects hold the request with the key: none leaves here.
 */
export async function exchange(request: ExchangeRequest): Promise<Exchange> {
  if (request.signal?.aborted || isFenced(request)) return { kind: 'NotSent', code: 'Cancelled', detail: '' };
  const { connect, response: responseTimeout, total } = request.timeouts;
  let connected: boolean | undefined;
  let head: { status: number; headers: http.IncomingHttpHeaders } | undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut: Received['cut'];

  try {
    const stream = got.stream(request.url, {
      method: request.method,
      headers: request.headers,
      // Without one, got would wait for a body to be written into the stream.
      ...(request.method === 'GET' ? {} : { body: request.body ?? '' }),
      agent: agents,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: {
        lookup: connect,
        connect,
        secureConnect: connect,
        send: responseTimeout,
        response: responseTimeout,
        request: total,
      },
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    // An error after the answer was cut off has nobody to tell; without a listener it would end the process.
    stream.on('error', () => {});
    stream.on('request', (sent: http.ClientRequest) =>
      watchConnection(sent, () => {
        connected = !isFenced(request);
        if (!connected) sent.destroy();
      }),
    );
    stream.on('response', (answer: http.IncomingMessage) => {
      head = { status: answer.statusCode ?? 0, headers: answer.headers };
    });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const limit = isSuccess(head?.status) ? request.bodyBytes : request.errorBytes;
      chunks.push(chunk.subarray(0, limit - bytes));
      bytes += chunk.length;
      if (bytes > limit) {
        cut = 'BodyTooLarge';
        break;
      }
    }
  } catch (error) {
    const { code, detail } = describe(error, request.signal);
    if (head === undefined) {
      // The connection stood, and was given up before anything was written to it.
      if (connected === false) return { kind: 'NotSent', code: 'Cancelled', detail: '' };
      if (connected) return { kind: 'Lost', code, detail };
      return { kind: 'NotSent', code: code === 'ConnectionLost' ? 'ConnectFailed' : code, detail };
    }
    cut = code;
  }
  if (head === undefined) return { kind: 'Lost', code: 'ConnectionLost', detail: '' };
  return {
    kind: 'Received',
    status: head.status,
    headers: firstValues(head.headers),
    body: new TextDecoder().decode(Buffer.concat(chunks)),
    bytes,
    ...(cut === undefined ? {} : { cut }),
  };
}

function isFenced({ fence }: ExchangeRequest): boolean {
  return fence !== undefined && !fence();
}

/** Node assigns the socket a tick after the request is made. Whatever fails before a connection stands was not sent. */
function watchConnection(request: http.ClientRequest, onConnected: () => void): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return onConnected();
    socket.once(request.protocol === 'https:' ? 'secureConnect' : 'connect', onConnected);
  });
}

function describe(error: unknown, signal: AbortSignal | undefined): { code: LostCode; detail: string } {
  if (signal?.aborted) return { code: 'Cancelled', detail: '' };
  if (error instanceof TimeoutError) return { code: 'Timeout', detail: error.event };
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  // Node's codes are constants; nothing else of an error is known to be free of the request.
  return {
    code: 'ConnectionLost',
    detail: typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : '',
  };
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function firstValues(headers: http.IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}
