import type { Response } from '../../emulator/response.ts';
import { headersOf } from '../../emulator/send-response.ts';
import type { Emulator } from '../../emulator/emulator.ts';
import type { Delivery } from '../../emulator/apply-fault.ts';
import type { Clock } from '../../src/domain/clock.ts';
import type { Exchange, ExchangeRequest, Received } from '../../src/provider/http/transport.ts';

/** The way between the operator and the emulated provider, without a network: all that takes time takes the clock's. */
export interface Wire {
  readonly exchange: (request: ExchangeRequest) => Promise<Exchange>;
  /** While true nothing listens at the provider's address. */
  isRefusing: boolean;
}

/** `travel`: milliseconds that a request is on its way, and its answer too. */
export function createWire(emulator: Emulator, clock: Clock, { travel = 5 }: { readonly travel?: number } = {}): Wire {
  const wire: Wire = {
    isRefusing: false,
    exchange: (request) => {
      if (request.signal?.aborted === true) return Promise.resolve(notSent('Canceled', ''));
      if (!wire.isRefusing) return new Conversation(emulator, clock, travel, request).ended;
      return new Promise((resolve) => clock.schedule(travel, () => resolve(notSent('ConnectFailed', 'ECONNREFUSED'))));
    },
  };
  return wire;
}

function notSent(code: 'Canceled' | 'ConnectFailed', detail: string): Exchange {
  return { kind: 'NotSent', code, detail };
}

/** One request and what comes of it, as the transport would see it on a connection that stands. */
class Conversation {
  readonly ended: Promise<Exchange>;
  readonly #emulator: Emulator;
  readonly #clock: Clock;
  readonly #travel: number;
  readonly #request: ExchangeRequest;
  readonly #resolve: (exchange: Exchange) => void;
  readonly #timers: (() => void)[];
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #head: { readonly status: number; readonly headers: Received['headers'] } | undefined;
  #isOver = false;
  #hangUp: () => void = () => {};

  constructor(emulator: Emulator, clock: Clock, travel: number, request: ExchangeRequest) {
    this.#emulator = emulator;
    this.#clock = clock;
    this.#travel = travel;
    this.#request = request;
    const { promise, resolve } = Promise.withResolvers<Exchange>();
    this.ended = promise;
    this.#resolve = resolve;
    const { response, total } = request.timeouts;
    this.#timers = [
      clock.schedule(response, () => {
        if (this.#head === undefined) this.#lose('Timeout', 'response');
      }),
      clock.schedule(total, () => this.#lose('Timeout', 'request')),
    ];
    request.signal?.addEventListener('abort', this.#abort);
    clock.schedule(travel, () => this.#arrive());
  }

  readonly #abort = (): void => this.#lose('Canceled', '');

  /** A sent request arrives, also if its sender no longer waits for the answer. */
  #arrive(): void {
    const { method, url, headers, body = '' } = this.#request;
    const ended = this.#emulator.receive(
      { method, path: new URL(url).pathname, key: headers['x-api-key'], accept: headers['accept'], body },
      (delivery) => this.#clock.schedule(this.#travel, () => this.#hear(delivery)),
    );
    if (this.#isOver) ended('abandoned');
    this.#hangUp = () => ended('abandoned');
  }

  #hear(delivery: Delivery): void {
    if (this.#isOver) return;
    switch (delivery.kind) {
      case 'answer':
        this.#begin(delivery.answer);
        this.#take(bodyOf(delivery.answer));
        this.#end();
        return;
      case 'hang':
        return;
      case 'reset':
        this.#lose('ConnectionLost', 'ECONNRESET');
        return;
      case 'truncate':
        this.#truncate(delivery.answer, delivery.bytes);
        return;
      case 'drip':
        this.#begin(delivery.answer);
        this.#drip(bodyOf(delivery.answer), delivery);
        return;
      case 'oversize':
        this.#begin({ status: 200, contentType: 'application/json; charset=utf-8', body: '' });
        this.#take(Buffer.alloc(Math.min(delivery.bytes, this.#request.bodyBytes + 1), ' '));
        this.#end();
    }
  }

  #begin(answer: Response): void {
    const headers = Object.entries(headersOf(answer, this.#emulator.providerTime()));
    this.#head = {
      status: answer.status,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
    };
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    const isSuccess = this.#head !== undefined && this.#head.status >= 200 && this.#head.status < 300;
    const limit = isSuccess ? this.#request.bodyBytes : this.#request.errorBytes;
    this.#chunks.push(chunk.subarray(0, limit - this.#bytes));
    this.#bytes += chunk.length;
    if (this.#bytes > limit) this.#end('BodyTooLarge');
  }

  #truncate(answer: Response, bytes: number): void {
    // The head goes out with the first of the body: where there is none to come, it is lost with it.
    if (isWithoutBody(answer)) return this.#lose('ConnectionLost', 'ECONNRESET');
    const body = bodyOf(answer);
    this.#begin(answer);
    this.#take(body.subarray(0, bytes));
    if (body.length <= bytes) this.#end();
    else this.#lose('ConnectionLost', 'ECONNRESET');
  }

  #drip(rest: Buffer, settings: { readonly bytes: number; readonly everyMs: number }): void {
    if (this.#isOver) return;
    this.#take(rest.subarray(0, settings.bytes));
    if (rest.length <= settings.bytes) this.#end();
    else this.#clock.schedule(settings.everyMs, () => this.#drip(rest.subarray(settings.bytes), settings));
  }

  #lose(code: 'ConnectionLost' | 'Timeout' | 'Canceled', detail: string): void {
    if (this.#head === undefined) this.#close({ kind: 'Lost', code, detail });
    else this.#end(code);
  }

  #end(cut?: Received['cut']): void {
    if (this.#head === undefined) return;
    this.#close({
      kind: 'Received',
      ...this.#head,
      body: new TextDecoder().decode(Buffer.concat(this.#chunks)),
      bytes: this.#bytes,
      ...(cut === undefined ? {} : { cut }),
    });
  }

  #close(exchange: Exchange): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#timers) cancel();
    this.#request.signal?.removeEventListener('abort', this.#abort);
    if (exchange.kind !== 'Received' || exchange.cut !== undefined) this.#hangUp();
    this.#resolve(exchange);
  }
}

function bodyOf(answer: Response): Buffer {
  return Buffer.from(isWithoutBody(answer) ? '' : answer.body);
}

/** These statuses have no body, whatever is given for one. */
function isWithoutBody({ status }: Response): boolean {
  return status === 204 || status === 304;
}
