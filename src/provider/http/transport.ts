import http from 'node:http';
import https from 'node:https';
import { pipeline } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { systemClock } from '../../model/clock.ts';
import type { Fence } from '../../model/fence.ts';

/** Milliseconds until a connection stands (name and TLS included), from then until an answer begins, and for all of it. */
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

/** How an answer may be packed: a list of ten thousand machines is a tenth of its size then. */
const unpack = { gzip: createGunzip, deflate: createInflate, br: createBrotliDecompress } as const;

/** Which of the times ran out. */
class PhaseTimeout extends Error {
  readonly phase: keyof ExchangeTimeouts;

  constructor(phase: keyof ExchangeTimeouts) {
    super(phase);
    this.phase = phase;
  }
}

/**
 * One request, sent at most once, and its answer. Never rejects. Redirects are not followed, because the API key would
 * travel along; the body is counted while it comes. Errors may hold the request with the key: none leaves here.
 */
export async function exchange(request: ExchangeRequest): Promise<Exchange> {
  if (request.signal?.aborted || isFenced(request)) return { kind: 'NotSent', code: 'Cancelled', detail: '' };
  let connected: boolean | undefined;
  let head: http.IncomingMessage | undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut: Received['cut'];
  const deadlines = new Deadlines(request.timeouts);

  try {
    const sent = send(request, deadlines);
    watchConnection(sent, () => {
      connected = !isFenced(request);
      if (connected) deadlines.connected();
      else sent.destroy();
    });
    head = await answerTo(sent);
    deadlines.answered();
    for await (const chunk of bodyOf(head)) {
      const limit = isSuccess(head.statusCode) ? request.bodyBytes : request.errorBytes;
      chunks.push(chunk.subarray(0, limit - bytes));
      bytes += chunk.length;
      if (bytes > limit) {
        cut = 'BodyTooLarge';
        break;
      }
    }
  } catch (error) {
    // What the end of the connection looks like from the other side of it is no news when it was us who ended it.
    const { code, detail } = describe(deadlines.passed ?? error, request.signal);
    if (head === undefined) {
      // The connection stood, and was given up before anything was written to it.
      if (connected === false) return { kind: 'NotSent', code: 'Cancelled', detail: '' };
      if (connected) return { kind: 'Lost', code, detail };
      return { kind: 'NotSent', code: code === 'ConnectionLost' ? 'ConnectFailed' : code, detail };
    }
    cut = code;
  } finally {
    deadlines.end();
  }
  return {
    kind: 'Received',
    status: head.statusCode ?? 0,
    headers: firstValues(head.headers),
    body: new TextDecoder().decode(Buffer.concat(chunks)),
    bytes,
    ...(cut === undefined ? {} : { cut }),
  };
}

function isFenced({ fence }: ExchangeRequest): boolean {
  return fence !== undefined && !fence();
}

function send({ url, method, headers, body, signal }: ExchangeRequest, deadlines: Deadlines): http.ClientRequest {
  const isTls = url.startsWith('https:');
  const sent = (isTls ? https : http).request(url, {
    method,
    headers: { ...headers, 'accept-encoding': Object.keys(unpack).join(', ') },
    agent: isTls ? agents.https : agents.http,
    ...(signal === undefined ? {} : { signal }),
  });
  deadlines.begin(sent);
  sent.end(body ?? '');
  return sent;
}

/** Resolves with the head of the answer; rejects with whatever came before one. */
function answerTo(sent: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve);
    // Stays: an error after the answer was cut off has nobody to tell, and without a listener it would end the process.
    sent.on('error', reject);
    // A server that wants to speak another protocol ends it without an error.
    sent.once('close', () => reject(new Error('closed')));
  });
}

/** The body, unpacked. A loop over it that ends early ends the connection. */
function bodyOf(answer: http.IncomingMessage): AsyncIterable<Buffer> {
  const encoding = answer.headers['content-encoding']?.trim().toLowerCase();
  const name = encoding === 'x-gzip' ? 'gzip' : encoding;
  if (name === undefined || !Object.hasOwn(unpack, name)) return answer;
  // `as`: one of its own names, as just seen.
  return pipeline(answer, unpack[name as keyof typeof unpack](), () => {});
}

/** Ends a request when one of its times has passed. */
class Deadlines {
  readonly #timeouts: ExchangeTimeouts;
  #sent: http.ClientRequest | undefined;
  #cancelPhase = (): void => {};
  #cancelWhole = (): void => {};
  #hasEnded = false;
  /** The one that passed. */
  passed: PhaseTimeout | undefined;

  constructor(timeouts: ExchangeTimeouts) {
    this.#timeouts = timeouts;
  }

  begin(sent: http.ClientRequest): void {
    this.#sent = sent;
    this.#cancelWhole = this.#in('total');
    this.#cancelPhase = this.#in('connect');
  }

  connected(): void {
    this.#cancelPhase();
    // A connection may stand at last when nobody waits for it any more.
    if (!this.#hasEnded) this.#cancelPhase = this.#in('response');
  }

  answered(): void {
    this.#cancelPhase();
  }

  end(): void {
    this.#hasEnded = true;
    this.#cancelPhase();
    this.#cancelWhole();
  }

  /** Sockets live in real time. */
  #in(phase: keyof ExchangeTimeouts): () => void {
    return systemClock.schedule(this.#timeouts[phase], () => {
      this.passed ??= new PhaseTimeout(phase);
      this.#sent?.destroy(this.passed);
    });
  }
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
  if (error instanceof PhaseTimeout) return { code: 'Timeout', detail: error.phase };
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
