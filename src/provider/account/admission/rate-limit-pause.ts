import { jittered } from '../../../domain/backoff.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { Failure } from '../../../domain/failure.ts';

/** The pause after a 429 without `Retry-After`. */
const defaultWait = 5_000;
/** A provider that says "0 seconds" still said "too many". */
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

  /** Until when (monotonic) it is closed; undefined when it is open. */
  get pausedUntil(): number | undefined {
    return this.#until > this.#clock.monotonic() ? this.#until : undefined;
  }

  /** The failure that closed it, with what is left of the wait; undefined when it is open. */
  get failure(): Failure | undefined {
    const until = this.pausedUntil;
    if (until === undefined || this.#failure === undefined) return undefined;
    return { ...this.#failure, class: 'Wait', retryAfter: Math.ceil(until - this.#clock.monotonic()) };
  }

  /**
   * Closes it if the failure asks for that; a shorter wait than the present one changes nothing. Whether it was open
   * until now: calls that were in flight together may all get it, which counts once.
   */
  record(failure: Failure): 'Closed' | 'Prolonged' | undefined {
    const asks = failure.code === 'RateLimited' || (failure.code === 'ServerError' && failure.retryAfter !== undefined);
    if (!asks) return undefined;
    const wait = Math.max(shortestWait, failure.retryAfter ?? defaultWait);
    // Later by up to a tenth, so that several operators do not come back at the same moment.
    const until = this.#clock.monotonic() + jittered(wait, this.#random(), [1, 1.1]);
    if (until <= this.#until) return undefined;
    const wasOpen = this.pausedUntil === undefined;
    this.#until = until;
    this.#failure = failure;
    return wasOpen ? 'Closed' : 'Prolonged';
  }
}
