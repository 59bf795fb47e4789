import { exponentialDelay, jittered } from '../../../domain/backoff.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { Failure, FailureCode, Outcome } from '../../../domain/failure.ts';

/** This many connectivity errors in a row open it. */
const errorsToOpen = 5;
/** The delay of the first probe, doubled for each failed one up to the longest; ±10 %. */
const probeDelays = { first: 5_000, longest: 60_000 };

/** No response, or a server error. Any other response shows that the provider is available. */
const connectivityErrors: ReadonlySet<FailureCode> = new Set([
  'ConnectFailed',
  'ConnectionLost',
  'Timeout',
  'ServerError',
]);

/**
 * Open while the provider is unavailable: then only lists are sent, as probes. The results of calls that were in flight
 * when it opened don't count. Worked table:
 *
 * | closed, and a call ends with                                      | then                                              |
 * | ----------------------------------------------------------------- | ------------------------------------------------- |
 * | no connection, no answer, half an answer, a 5xx; five in a row    | open; a probe after 5 s                           |
 * | four of them, and any other response: 200, 401, 406, 429, garbage | closed; the count starts again                    |
 * | a call that the operator aborted                                  | unchanged: that says nothing about the provider   |
 * | **open, and a list ends with**                                    |                                                   |
 * | one of these errors                                               | open; the next probe after 10, 20, 40, 60, 60 … s |
 * | anything else                                                     | closed                                            |
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #random: () => number;
  #inRow = 0;
  #probes = 0;
  #nextProbeAt: number | undefined;
  #failure: Failure | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  get isOpen(): boolean {
    return this.#nextProbeAt !== undefined;
  }

  /** When (monotonic) the next list may be tried; undefined while closed. */
  get nextProbeAt(): number | undefined {
    return this.#nextProbeAt;
  }

  /** Why no call is sent, with the time until the next probe; undefined while closed. It quotes no response. */
  get failure(): Failure | undefined {
    if (this.#nextProbeAt === undefined || this.#failure === undefined) return undefined;
    const { operation, code, status } = this.#failure;
    return {
      operation,
      class: 'Wait',
      code,
      ...(status === undefined ? {} : { status }),
      retryAfter: Math.max(0, Math.ceil(this.#nextProbeAt - this.#clock.monotonic())),
      text: 'no call is made before the provider answers a list',
    };
  }

  /** Records the result of a single call; returns whether it opened the circuit breaker. */
  record(outcome: Outcome<unknown>): boolean {
    if (this.isOpen) return false;
    if (!outcome.ok && outcome.failure.code === 'Canceled') return false;
    if (outcome.ok || !connectivityErrors.has(outcome.failure.code)) {
      this.#inRow = 0;
      return false;
    }
    this.#inRow += 1;
    if (this.#inRow < errorsToOpen) return false;
    this.#probes = 0;
    this.#stayOpen(outcome.failure);
    return true;
  }

  /** Records the result of a list; returns what changed, if anything. */
  recordList(outcome: Outcome<unknown>): 'Opened' | 'Closed' | undefined {
    if (!this.isOpen) return this.record(outcome) ? 'Opened' : undefined;
    if (!outcome.ok && connectivityErrors.has(outcome.failure.code)) {
      this.#probes += 1;
      this.#stayOpen(outcome.failure);
      return undefined;
    }
    this.#inRow = 0;
    this.#nextProbeAt = undefined;
    this.#failure = undefined;
    return 'Closed';
  }

  #stayOpen(failure: Failure): void {
    const delay = jittered(exponentialDelay(this.#probes, probeDelays), this.#random(), [0.9, 1.1]);
    this.#nextProbeAt = this.#clock.monotonic() + delay;
    this.#failure = failure;
  }
}
