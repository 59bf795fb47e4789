import { jittered } from '../../../domain/backoff.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { Failure } from '../../../domain/failure.ts';

/** The pause after a 429 without `Retry-After`. */
const defaultWait = 5_000;
/** The minimum: a 429 with "0 seconds" still means too many requests. */
const shortestWait = 1_000;

/** The rate-limit pause of an account: no call is sent until it ends; calls in flight finish. */
export class RateLimitPause {
  readonly #clock: Clock;
  readonly #random: () => number;
  #until = -Infinity;
  #failure: Failure | undefined;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** When (monotonic) it ends; undefined without one. */
  get pausedUntil(): number | undefined {
    return this.#until > this.#clock.monotonic() ? this.#until : undefined;
  }

  /** The failure that started it, with the remaining wait; undefined without one. */
  get failure(): Failure | undefined {
    const until = this.pausedUntil;
    if (until === undefined || this.#failure === undefined) return undefined;
    return { ...this.#failure, class: 'Wait', retryAfter: Math.ceil(until - this.#clock.monotonic()) };
  }

  /**
   * Starts or prolongs the pause if the failure asks for that. A shorter wait than the present one changes nothing.
   * Calls that were in flight together may all get such a failure, which starts the pause once.
   */
  record(failure: Failure): 'Started' | 'Prolonged' | undefined {
    const asks = failure.code === 'RateLimited' || (failure.code === 'ServerError' && failure.retryAfter !== undefined);
    if (!asks) return undefined;
    const wait = Math.max(shortestWait, failure.retryAfter ?? defaultWait);
    // With up to 10 % jitter, so that several operators don't return at the same moment.
    const until = this.#clock.monotonic() + jittered(wait, this.#random(), [1, 1.1]);
    if (until <= this.#until) return undefined;
    const isNew = this.pausedUntil === undefined;
    this.#until = until;
    this.#failure = failure;
    return isNew ? 'Started' : 'Prolonged';
  }
}
