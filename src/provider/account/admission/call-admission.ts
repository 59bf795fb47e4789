import type { Clock } from '../../../domain/clock.ts';
import type { Failure, Outcome } from '../../../domain/failure.ts';
import type { Log } from '../../../telemetry/log.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { TokenBucket } from './token-bucket.ts';
import { RateLimitPause } from './rate-limit-pause.ts';
import type { AccountSettings } from '../polling/poll-schedule.ts';
import { type CallPriority, CallScheduler } from './call-scheduler.ts';

/** The state of an account's admission control, for metrics. */
export interface CallStats {
  /** Whether the provider counts as unavailable, so that only probes go out. */
  readonly isCircuitOpen: boolean;
  /** Whether a rate-limit pause (`Retry-After`) is in effect. */
  readonly isRateLimited: boolean;
  /** Sustained calls per second; `Infinity` if unlimited. */
  readonly rate: number;
  /** Calls in flight, lists excluded. */
  readonly inFlight: number;
  readonly waiting: Readonly<Record<CallPriority, number>>;
}

export interface CallAdmissionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly limits: Pick<AccountSettings, 'providerRate' | 'providerBurst' | 'maxInFlight'>;
  /** Whether only lists may be sent, for reasons of the account. */
  readonly listsOnly: () => boolean;
}

/**
 * Whether and when a call may be sent: every call of an account needs a slot. Waiting calls are rejected when a
 * rate-limit pause starts or the provider becomes unavailable, so that no call waits for minutes.
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
    this.#bucket = new TokenBucket(clock, { rate: limits.providerRate, burst: limits.providerBurst });
    this.#scheduler = new CallScheduler(clock, {
      bucket: this.#bucket,
      maxInFlight: limits.maxInFlight,
      listsOnly: () => this.#breaker.isOpen || listsOnly(),
    });
  }

  /** Why no call is sent now. A list is sent nevertheless, at `pausedUntil` or `nextProbeAt`. */
  get refusal(): Failure | undefined {
    return this.#pause.failure ?? this.#breaker.failure;
  }

  /** When (monotonic) the rate-limit pause ends; undefined without one. */
  get pausedUntil(): number | undefined {
    return this.#pause.pausedUntil;
  }

  /** When (monotonic) the next list may probe the provider; undefined while it is available. */
  get nextProbeAt(): number | undefined {
    return this.#breaker.nextProbeAt;
  }

  /** Sustained calls per second; `Infinity` if unlimited. */
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

  /**
   * Sends a call once it has a slot; undefined if it gets none: rejected, stopped or aborted. Throws only if the call
   * does.
   */
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

  /** Records the result of a call. */
  record(outcome: Outcome<unknown>): void {
    if (this.#breaker.record(outcome)) this.#opened();
    if (!outcome.ok) this.#recordThrottling(outcome.failure);
  }

  /** Records the result of a list, which also shows whether the provider is available again. */
  recordList(outcome: Outcome<unknown>): void {
    const change = this.#breaker.recordList(outcome);
    if (change === 'Opened') this.#opened();
    if (change === 'Closed') {
      this.#log.info('Provider is available again, circuit breaker closed');
      // Waiting calls continue, one after the other.
      this.#bucket.dropBurst();
    }
    if (!outcome.ok) this.#recordThrottling(outcome.failure);
  }

  /** Sends the calls that may be sent by now. */
  dispatch(): void {
    this.#scheduler.dispatch();
  }

  rejectWaiting(): void {
    this.#scheduler.rejectWaiting();
  }

  /** Rejects waiting calls, and resolves when the calls in flight have ended, lists excluded. */
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
    // Several calls in flight may all be refused: that counts as one slowdown, however long the pause becomes.
    if (until !== undefined) this.#bucket[change === 'Started' ? 'onThrottled' : 'pause'](until);
    this.#scheduler.rejectWaiting();
  }
}
