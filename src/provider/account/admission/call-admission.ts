import type { Clock } from '../../../domain/clock.ts';
import type { Failure, Outcome } from '../../../domain/failure.ts';
import type { Log } from '../../../telemetry/log.ts';
import { Breaker } from './circuit-breaker.ts';
import { Bucket } from './token-bucket.ts';
import { Gate } from './rate-limit-pause.ts';
import type { AccountSettings } from '../polling/poll-schedule.ts';
import { type Lane, Turns } from './call-scheduler.ts';

/** How calls of an account get through, for metrics. */
export interface TrafficReading {
  /** Whether the provider counts as away, so that only probes go out. */
  readonly isBreakerOpen: boolean;
  /** Whether the provider asked us to stay away for a time that is not over. */
  readonly isGateClosed: boolean;
  /** Calls a second that may go out in the long run; `Infinity` without a limit. */
  readonly rate: number;
  /** Calls under way, lists apart. */
  readonly inFlight: number;
  readonly waiting: Readonly<Record<Lane, number>>;
}

export interface TrafficOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly settings: Pick<AccountSettings, 'ratePerSecond' | 'burst' | 'maxInFlight'>;
  /** Whether nothing but a list may go out, for reasons of the account's own. */
  readonly isHeld: () => boolean;
}

/**
 * Whether and when a call may go out: every call of an account takes a turn here. Turned away is who waits when the
 * provider asks for quiet or turns out to be away: nobody stands in line for minutes.
 */
export class Traffic {
  readonly #log: Log;
  readonly #gate: Gate;
  readonly #breaker: Breaker;
  readonly #bucket: Bucket;
  readonly #turns: Turns;

  constructor({ clock, log, random, settings, isHeld }: TrafficOptions) {
    this.#log = log;
    this.#gate = new Gate(clock, random);
    this.#breaker = new Breaker(clock, random);
    this.#bucket = new Bucket(clock, { rate: settings.ratePerSecond, burst: settings.burst });
    this.#turns = new Turns(clock, {
      bucket: this.#bucket,
      maxInFlight: settings.maxInFlight,
      isHeld: () => this.#breaker.isOpen || isHeld(),
    });
  }

  /** Why a call need not even be tried now; a list is tried nevertheless, at the time that `closedUntil` or `probeAt` tells. */
  get refusal(): Failure | undefined {
    return this.#gate.failure ?? this.#breaker.failure;
  }

  /** Until when (monotonic) the provider asked us to stay away; undefined when it did not. */
  get closedUntil(): number | undefined {
    return this.#gate.closedUntil;
  }

  /** When (monotonic) the next list may probe whether the provider is back; undefined while it is not away. */
  get probeAt(): number | undefined {
    return this.#breaker.probeAt;
  }

  /** Calls a second that may go out in the long run; `Infinity` without a limit. */
  get rate(): number {
    return this.#bucket.rate;
  }

  get reading(): TrafficReading {
    return {
      isBreakerOpen: this.#breaker.isOpen,
      isGateClosed: this.closedUntil !== undefined,
      rate: this.rate,
      inFlight: this.#turns.inFlight,
      waiting: this.#turns.waiting,
    };
  }

  /** Makes a call when its turn comes; undefined when it does not: turned away, stopped, or given up. Rejects only if the call does. */
  async inTurn<T>(lane: Lane, group: string, call: () => Promise<T>, givenUp?: AbortSignal): Promise<T | undefined> {
    if (!(await this.#turns.take(lane, group, givenUp))) return undefined;
    try {
      return await call();
    } finally {
      this.#turns.end(lane);
    }
  }

  /** What a call was answered. */
  heed(outcome: Outcome<unknown>): void {
    if (this.#breaker.heed(outcome)) this.#opened();
    if (!outcome.ok) this.#heedWish(outcome.failure);
  }

  /** What a list was answered, which also tells whether the provider is back. */
  heedList(outcome: Outcome<unknown>): void {
    const change = this.#breaker.heedList(outcome);
    if (change === 'Opened') this.#opened();
    if (change === 'Closed') {
      this.#log.info('Provider is available again, circuit breaker closed');
      // Everybody goes on now, one after the other.
      this.#bucket.drain();
    }
    if (!outcome.ok) this.#heedWish(outcome.failure);
  }

  /** What was held back may go out by now. */
  grant(): void {
    this.#turns.grant();
  }

  turnAway(): void {
    this.#turns.turnAway();
  }

  /** Turns away who waits, and resolves when the calls under way have ended, lists apart. */
  stop(): Promise<void> {
    return this.#turns.stop();
  }

  #opened(): void {
    this.#log.warn('Provider is unavailable, circuit breaker opened', { failure: this.#breaker.failure });
    this.#turns.turnAway();
  }

  #heedWish(failure: Failure): void {
    const change = this.#gate.heed(failure);
    if (change === undefined) return;
    const until = this.#gate.closedUntil;
    // Of calls that were in flight together each may be refused: that is one wish, however long the pause becomes.
    if (until !== undefined) this.#bucket[change === 'Closed' ? 'halve' : 'pause'](until);
    this.#turns.turnAway();
  }
}
