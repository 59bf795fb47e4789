import type { Clock } from '../../../domain/clock.ts';
import type { Failure, Outcome } from '../../../domain/failure.ts';
import type { Log } from '../../../telemetry/log.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { TokenBucket } from './token-bucket.ts';
import { RateLimitPause } from './rate-limit-pause.ts';
import type { AccountSettings } from '../polling/poll-schedule.ts';
import { type CallPriority, CallScheduler } from './call-scheduler.ts';

/** How calls of an account get through, for metrics. */
export interface CallStats {
  /** Whether the provider counts as away, so that only probes go out. */
  readonly isCircuitOpen: boolean;
  /** Whether the provider asked us to stay away for a time that is not over. */
  readonly isRateLimited: boolean;
  /** Calls a second that may go out in the long run; `Infinity` without a limit. */
  readonly rate: number;
  /** Calls under way, lists apart. */
  readonly inFlight: number;
  readonly waiting: Readonly<Record<CallPriority, number>>;
}

export interface CallAdmissionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly limits: Pick<AccountSettings, 'ratePerSecond' | 'burst' | 'maxInFlight'>;
  /** Whether nothing but a list may go out, for reasons of the account's own. */
  readonly listsOnly: () => boolean;
}

/**
 * Whether and when a call may go out: every call of an account takes a turn here. Turned away is who waits when the
 * provider asks for quiet or turns out to be away: nobody stands in line for minutes.
 */
export class CallAdmission {
  readonly #log: Log;
  readonly #pause: RateLimitPause;
  readonly #breaker: CircuitBreaker;
  readonly #bucket: TokenBucket;
  readonly #scheduler: CallScheduler;

  constructor({ clock, log, random, limits, listsOnly }: CallAdmissionOptions) {
    this.#log = log;
    this.#pause = new RateLimitPause(clock, random);
    this.#breaker = new CircuitBreaker(clock, random);
    this.#bucket = new TokenBucket(clock, { rate: limits.ratePerSecond, burst: limits.burst });
    this.#scheduler = new CallScheduler(clock, {
      bucket: this.#bucket,
      maxInFlight: limits.maxInFlight,
      listsOnly: () => this.#breaker.isOpen || listsOnly(),
    });
  }

  /** Why a call need not even be tried now; a list is tried nevertheless, at the time that `pausedUntil` or `nextProbeAt` tells. */
  get refusal(): Failure | undefined {
    return this.#pause.failure ?? this.#breaker.failure;
  }

  /** Until when (monotonic) the provider asked us to stay away; undefined when it did not. */
  get pausedUntil(): number | undefined {
    return this.#pause.pausedUntil;
  }

  /** When (monotonic) the next list may probe whether the provider is back; undefined while it is not away. */
  get nextProbeAt(): number | undefined {
    return this.#breaker.nextProbeAt;
  }

  /** Calls a second that may go out in the long run; `Infinity` without a limit. */
  get rate(): number {
    return this.#bucket.rate;
  }

  get stats(): CallStats {
    return {
      isCircuitOpen: this.#breaker.isOpen,
      isRateLimited: this.pausedUntil !== undefined,
      rate: this.rate,
      inFlight: this.#scheduler.inFlight,
      waiting: this.#scheduler.waiting,
    };
  }

  /** Makes a call when its turn comes; undefined when it does not: turned away, stopped, or given up. Rejects only if the call does. */
  async schedule<T>(
    priority: CallPriority,
    flow: string,
    call: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T | undefined> {
    if (!(await this.#scheduler.acquire(priority, flow, signal))) return undefined;
    try {
      return await call();
    } finally {
      this.#scheduler.release(priority);
    }
  }

  /** What a call was answered. */
  record(outcome: Outcome<unknown>): void {
    if (this.#breaker.record(outcome)) this.#opened();
    if (!outcome.ok) this.#recordThrottling(outcome.failure);
  }

  /** What a list was answered, which also tells whether the provider is back. */
  recordList(outcome: Outcome<unknown>): void {
    const change = this.#breaker.recordList(outcome);
    if (change === 'Opened') this.#opened();
    if (change === 'Closed') {
      this.#log.info('Provider is available again, circuit breaker closed');
      // Everybody goes on now, one after the other.
      this.#bucket.dropBurst();
    }
    if (!outcome.ok) this.#recordThrottling(outcome.failure);
  }

  /** What was held back may go out by now. */
  dispatch(): void {
    this.#scheduler.dispatch();
  }

  rejectWaiting(): void {
    this.#scheduler.rejectWaiting();
  }

  /** Turns away who waits, and resolves when the calls under way have ended, lists apart. */
  stop(): Promise<void> {
    return this.#scheduler.stop();
  }

  #opened(): void {
    this.#log.warn('Provider is unavailable, circuit breaker opened', { failure: this.#breaker.failure });
    this.#scheduler.rejectWaiting();
  }

  #recordThrottling(failure: Failure): void {
    const change = this.#pause.record(failure);
    if (change === undefined) return;
    const until = this.#pause.pausedUntil;
    // Of calls that were in flight together each may be refused: that is one wish, however long the pause becomes.
    if (until !== undefined) this.#bucket[change === 'Closed' ? 'onThrottled' : 'pause'](until);
    this.#scheduler.rejectWaiting();
  }
}
