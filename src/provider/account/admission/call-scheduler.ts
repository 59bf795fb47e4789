import type { Clock } from '../../../domain/clock.ts';
import { RoundRobin } from '../../../domain/round-robin.ts';
import type { TokenBucket } from './token-bucket.ts';

/** The purposes of calls, the most urgent first: deletions and power cuts, power changes, creates, reads, lists. */
export const callPriorities = ['Remove', 'Power', 'Create', 'Read', 'List'] as const;
export type CallPriority = (typeof callPriorities)[number];

/** One slot in this many goes to the priority that has waited longest for one, so that none starves. */
const agingInterval = 4;

export interface CallSchedulerOptions {
  readonly bucket: TokenBucket;
  /**
   * Calls in flight at a time, lists excluded: there is only one list at a time, and it must not wait for calls that
   * hang.
   */
  readonly maxInFlight: number;
  /** Whether only a list may be sent now; call `dispatch` when that ends. */
  readonly listsOnly: () => boolean;
}

/**
 * Orders the calls of an account by priority, then round-robin by flow. Worked table, when all of these wait and a
 * token arrives:
 *
 * | waiting                                               | who gets the slot                                 |
 * | ----------------------------------------------------- | ------------------------------------------------- |
 * | 1,000 creates, and a delete that came last            | the delete                                        |
 * | 1,000 creates of one namespace, one create of another | round-robin: the single one is second at most     |
 * | 1,000 deletes and a create                            | three deletes, then the create                    |
 * | 1,000 deletes, stops, creates, reads, and a list      | three deletes, a stop, three deletes, a create, … |
 * | calls, at the concurrency limit                       | none, until one ends; a list is sent nevertheless |
 * | calls, but the key may be rejected                    | only a list: it shows whether the key is accepted |
 *
 * So a waiting priority gets at least one slot in sixteen. Within a priority, slots go round-robin by flow.
 */
export class CallScheduler {
  readonly #clock: Clock;
  readonly #options: CallSchedulerOptions;
  readonly #levels = new Map<CallPriority, PriorityLevel>(
    callPriorities.map((priority) => [priority, new PriorityLevel()]),
  );
  readonly #idle = Promise.withResolvers<void>();
  #inFlight = 0;
  #dispatched = 0;
  #isStopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, options: CallSchedulerOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Calls in flight now, lists excluded. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many calls wait, by priority. */
  get waiting(): Readonly<Record<CallPriority, number>> {
    // The map has exactly the priorities.
    return Object.fromEntries([...this.#levels].map(([priority, level]) => [priority, level.waiting.size])) as Record<
      CallPriority,
      number
    >;
  }

  /**
   * Waits for a slot. True: call now, then `release` the slot. False: rejected, stopped, or `signal` was aborted
   * before.
   */
  async acquire(priority: CallPriority, flow: string, signal?: AbortSignal): Promise<boolean> {
    if (this.#isStopped || signal?.aborted === true) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { waiting } = this.#level(priority);
    const leave = (): void => {
      if (waiting.delete(flow, resolve)) resolve(false);
    };
    signal?.addEventListener('abort', leave);
    waiting.add(flow, resolve);
    this.dispatch();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /** Releases the slot of a call of this priority that has ended. */
  release(priority: CallPriority): void {
    if (priority !== 'List') this.#inFlight -= 1;
    this.dispatch();
    if (this.#isStopped && this.#inFlight === 0) this.#idle.resolve();
  }

  /** Assigns the free slots. */
  dispatch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (let priority = this.#next(); priority !== undefined; priority = this.#next()) {
      if (!this.#options.bucket.take()) {
        this.#cancelTimer = this.#clock.schedule(this.#options.bucket.nextIn, () => this.dispatch());
        return;
      }
      this.#dispatched += 1;
      if (priority !== 'List') this.#inFlight += 1;
      const level = this.#level(priority);
      level.lastDispatch = this.#dispatched;
      level.waiting.take()?.(true);
    }
  }

  /** Rejects waiting calls, which would not get a slot soon. */
  rejectWaiting(): void {
    for (const { waiting } of this.#levels.values())
      for (let waiter = waiting.take(); waiter !== undefined; waiter = waiting.take()) waiter(false);
    this.dispatch();
  }

  /** Rejects waiting calls, and resolves when the last call has ended, lists excluded. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.rejectWaiting();
    if (this.#inFlight === 0) this.#idle.resolve();
    return this.#idle.promise;
  }

  #next(): CallPriority | undefined {
    const mayCall = this.#inFlight < this.#options.maxInFlight && !this.#options.listsOnly();
    const waiting = callPriorities.filter(
      (priority) => this.#level(priority).waiting.size > 0 && (mayCall || priority === 'List'),
    );
    if ((this.#dispatched + 1) % agingInterval !== 0) return waiting[0];
    let longest = waiting[0];
    for (const priority of waiting) {
      if (longest === undefined || this.#level(priority).lastDispatch < this.#level(longest).lastDispatch)
        longest = priority;
    }
    return longest;
  }

  #level(priority: CallPriority): PriorityLevel {
    // The map has a queue for each priority.
    return this.#levels.get(priority) as PriorityLevel;
  }
}

type Waiter = (isAcquired: boolean) => void;

/** The waiting calls of one priority. */
class PriorityLevel {
  readonly waiting = new RoundRobin<Waiter>();
  /** The number of this priority's last slot. */
  lastDispatch = 0;
}
