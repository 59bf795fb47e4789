import type { Clock } from '../../../domain/clock.ts';

/** From a standstill back to the full rate. */
const recoversIn = 60_000;
/** However often it was halved, this part of the full rate is left. */
const leastShare = 1 / 32;
/** What rounding may lack of a whole token. */
const rounding = 1e-6;

export interface TokenBucketOptions {
  /** Tokens a second; 0: unlimited. */
  readonly rate: number;
  /** Tokens that are there at most, for calls that come all at once. */
  readonly burst: number;
}

/**
 * A token bucket: each call takes one token. In any stretch of time no more are taken than the burst and what came in
 * meanwhile. The rate is halved when the provider asks for fewer calls, and grows back evenly after that.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #full: number;
  readonly #burst: number;
  #tokens: number;
  /** Up to when (monotonic) `#tokens` is worked out, and the rate there. It may lie ahead: nothing comes in before. */
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

  /** Milliseconds until the next token, if none is taken before. */
  get nextIn(): number {
    if (this.#full === 0) return 0;
    this.#refill();
    const lacking = Math.max(0, 1 - rounding - this.#tokens);
    const isAhead = Math.max(0, this.#at - this.#clock.monotonic());
    // At a rate that is growing there may be one a little sooner.
    return lacking === 0 ? 0 : isAhead + Math.ceil((lacking / this.#rate) * 1000);
  }

  /** The provider asks for fewer calls, and for none before `until` (monotonic). */
  onThrottled(until: number): void {
    this.pause(until);
    this.#rate = Math.max(this.#rate / 2, this.#full * leastShare);
  }

  /** No token comes in before `until` (monotonic), and all but one go, or the pause itself would fill the bucket. */
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
