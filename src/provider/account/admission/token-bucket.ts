import type { Clock } from '../../../domain/clock.ts';

/** The time from zero back to the full rate. */
const recoversIn = 60_000;
/** The lower limit of the rate, as a part of the full rate. */
const leastShare = 1 / 32;
/** Tolerance for rounding errors of a whole token. */
const rounding = 1e-6;

export interface TokenBucketOptions {
  /** Tokens a second; 0: unlimited. */
  readonly rate: number;
  /** The capacity, for bursts of calls. */
  readonly burst: number;
}

/**
 * A token bucket: each call takes one token. In any period, no more are taken than the burst plus the tokens added
 * meanwhile. The rate is halved when the provider asks for fewer calls, and grows back linearly.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #full: number;
  readonly #burst: number;
  #tokens: number;
  /**
   * The time (monotonic) that `#tokens` and the rate are computed for. In the future during a pause: no tokens are
   * added before.
   */
  #at: number;
  #rate: number;

  constructor(clock: Clock, { rate, burst }: TokenBucketOptions) {
    this.#clock = clock;
    this.#full = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#rate = rate;
    this.#at = clock.monotonic();
  }

  /** Tokens a second now; `Infinity` when unlimited. */
  get rate(): number {
    this.#refill();
    return this.#full === 0 ? Infinity : this.#rate;
  }

  take(): boolean {
    if (this.#full === 0) return true;
    this.#refill();
    if (this.#tokens < 1 - rounding) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** Milliseconds until the next token, if none is taken earlier. */
  get nextIn(): number {
    if (this.#full === 0) return 0;
    this.#refill();
    const lacking = Math.max(0, 1 - rounding - this.#tokens);
    const isAhead = Math.max(0, this.#at - this.#clock.monotonic());
    // At a growing rate, it can arrive slightly earlier.
    return lacking === 0 ? 0 : isAhead + Math.ceil((lacking / this.#rate) * 1000);
  }

  /** The provider asked for fewer calls, and for none before `until` (monotonic). */
  onThrottled(until: number): void {
    this.pause(until);
    this.#rate = Math.max(this.#rate / 2, this.#full * leastShare);
  }

  /**
   * Adds no token before `until` (monotonic), and removes all but one: otherwise the pause itself would fill the
   * bucket.
   */
  pause(until: number): void {
    this.dropBurst();
    this.#at = Math.max(this.#at, until);
  }

  /** Removes all tokens but one, so that waiting calls are not sent all at once. */
  dropBurst(): void {
    this.#refill();
    this.#tokens = Math.min(this.#tokens, 1);
  }

  #refill(): void {
    const now = this.#clock.monotonic();
    const elapsed = now - this.#at;
    if (elapsed <= 0) return;
    const growth = this.#full / recoversIn;
    const growing = Math.min(elapsed, growth === 0 ? 0 : (this.#full - this.#rate) / growth);
    const after = this.#rate + growing * growth;
    const came = ((this.#rate + after) / 2) * growing + this.#full * (elapsed - growing);
    this.#tokens = Math.min(this.#burst, this.#tokens + came / 1000);
    this.#rate = growing < elapsed ? this.#full : after;
    this.#at = now;
  }
}
