import { type DelayRange, exponentialDelay, jittered } from '../../domain/backoff.ts';
import type { KubeErrorReason } from '../errors.ts';

const inTrouble: DelayRange = { first: 800, longest: 20_000 };
/** A refused connection costs next to nothing, and the server should be found as soon as it is back. */
const unreachable: DelayRange = { first: 200, longest: 600 };
/** The delay while the CRD is missing, so that the resource is found soon after the CRD is applied. */
const missing: DelayRange = { first: 800, longest: 2_000 };
const starting: DelayRange = { first: 100, longest: 300 };
/**
 * How long a server that answers again may take to become ready. Milliseconds. Until then it returns 503 and, while its
 * cache fills, 429. Both ask for waits of a second to half a minute, although it is usually ready sooner.
 */
const startTime = 60_000;

/** Exponential backoff between attempts to list or watch, with up to 50 % jitter. */
export class WatchBackoff {
  readonly #random: () => number;
  #growth: DelayRange = inTrouble;
  #failures = 0;
  /** Since when (monotonic) a server that was unreachable answers again. */
  #answersSince: number | undefined;

  constructor(random: () => number) {
    this.#random = random;
  }

  /**
   * Milliseconds to wait after another failure at `now` (monotonic). `retryAfter`: the wait that the server asked for,
   * which doesn't count while it starts.
   */
  next(reason: KubeErrorReason, now: number, retryAfter?: number): number {
    const growth = this.#growthFor(reason, now);
    if (growth !== this.#growth) this.#failures = 0;
    this.#growth = growth;
    const delay = jittered(exponentialDelay(this.#failures, growth), this.#random(), [1, 1.5]);
    this.#failures += 1;
    return growth === starting ? delay : Math.max(delay, retryAfter ?? 0);
  }

  /** Whether the server can't be reached, or has answered again for less than a minute (`now` is monotonic). */
  isStarting(now: number): boolean {
    return this.#growth === unreachable || this.#isStartTime(now);
  }

  #growthFor(reason: KubeErrorReason, now: number): DelayRange {
    if (reason === 'Network') {
      this.#answersSince = undefined;
      return unreachable;
    }
    if (this.#growth === unreachable) this.#answersSince = now;
    if (this.#isStartTime(now)) return starting;
    return reason === 'Unexpected' ? missing : inTrouble;
  }

  #isStartTime(now: number): boolean {
    return this.#answersSince !== undefined && now - this.#answersSince < startTime;
  }

  reset(): void {
    this.#failures = 0;
    this.#growth = inTrouble;
    this.#answersSince = undefined;
  }
}
