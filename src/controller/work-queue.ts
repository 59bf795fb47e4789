import type { Clock } from '../domain/clock.ts';
import {
  type Again,
  createQueueItem,
  DelayingQueue,
  isIdle,
  type Priority,
  type QueueItem,
  type Waiting,
} from './item-queues.ts';
import type { OwnWrite } from './own-write.ts';
import { exponentialDelay, jittered } from '../domain/backoff.ts';
import { namespaceOf } from '../domain/object-key.ts';
import { RoundRobin } from '../domain/round-robin.ts';

const rank = { user: 0, normal: 1, resync: 2 } as const satisfies Record<Priority, number>;
const priorities = ['user', 'normal', 'resync'] as const satisfies readonly Priority[];
const agingAfter = 5_000;
/** Keys by priority after each key by age. */
const byPriorityPerAged = 3;

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** For the jitter of the backoff: a number in [0, 1). */
  readonly random: () => number;
  /** Called when a key begins to wait that didn't wait already. */
  readonly onAdd?: () => void;
  /** Called when a key is to be added after a delay. */
  readonly onDelay?: () => void;
}

/**
 * Keys to reconcile. A key waits at most once and has at most one worker; a key that is added while it is processed waits again
 * after `done`. Higher priorities go first. Every fourth key is the oldest one that has waited for five seconds, whatever its
 * priority: no key starves, and a high priority doesn't wait for a backlog. Within a priority: round-robin by namespace.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #items = new Map<string, QueueItem>();
  readonly #queues: Readonly<Record<Priority, RoundRobin<QueueItem>>> = {
    user: new RoundRobin(),
    normal: new RoundRobin(),
    resync: new RoundRobin(),
  };
  readonly #delaying: DelayingQueue;
  readonly #getters: ((key: string | undefined) => void)[] = [];
  #isShutDown = false;
  #byPriorityLeft = 0;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
    this.#delaying = new DelayingQueue(options.clock, (item) => this.#add(item, 'normal'));
  }

  /**
   * The default priority is `normal`. Of a key that waits already, the higher priority counts. `isOnly`: whether the key is added for
   * nothing but this write.
   */
  add(
    key: string,
    {
      priority = 'normal',
      isOnly,
    }: { readonly priority?: Priority; readonly isOnly?: (write: OwnWrite) => boolean } = {},
  ): void {
    if (!this.#isShutDown) this.#add(this.#itemOf(key), priority, isOnly);
  }

  /** The write of the reconciliation in progress was answered: what was added for it alone needs no further reconciliation. */
  discard(key: string, write: OwnWrite): void {
    const processing = this.#items.get(key)?.processing;
    if (processing?.dirty?.isOnly?.(write) === true) processing.dirty = undefined;
  }

  /** Adds the key after this many milliseconds, or earlier if requested before; canceled when a worker takes the key sooner. */
  addAfter(key: string, milliseconds: number): void {
    if (this.#isShutDown) return;
    if (milliseconds <= 0) return this.add(key);
    this.#options.onDelay?.();
    this.#delaying.add(this.#itemOf(key), milliseconds);
  }

  /** Adds the key with exponential backoff, after a failure. Returns whether `error` differs from that of the failure before. */
  addRateLimited(key: string, error?: string): boolean {
    const item = this.#itemOf(key);
    const isNew = error !== undefined && item.lastError !== error;
    item.lastError = error;
    this.addAfter(key, requeueDelay(item.failures, this.#options.random()));
    item.failures += 1;
    return isNew;
  }

  /** The key succeeded: its next failure counts as its first. */
  forget(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    item.failures = 0;
    item.lastError = undefined;
    this.#release(item);
  }

  /** The next key, as soon as there is one; undefined after `shutdown`. The worker must call `done` with it. */
  get(): Promise<string | undefined> {
    if (this.#isShutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#getters.push(resolve);
      this.#serve();
    });
  }

  done(key: string): void {
    const item = this.#items.get(key);
    if (item === undefined) return;
    const dirty = item.processing?.dirty;
    item.processing = undefined;
    if (dirty !== undefined && !this.#isShutDown) this.#enqueue(item, dirty);
    this.#release(item);
    this.#serve();
  }

  /** Milliseconds that a key waited before its worker took it. */
  queueDuration(key: string): number {
    return this.#items.get(key)?.processing?.waited ?? 0;
  }

  /** `get` returns no further key. */
  shutdown(): void {
    this.#isShutDown = true;
    this.#delaying.clear();
    for (const resolve of this.#getters.splice(0)) resolve(undefined);
  }

  /** Keys that wait now. */
  get depth(): number {
    return priorities.reduce((sum, priority) => sum + this.#queues[priority].size, 0);
  }

  /** `depth` by priority. */
  get depths(): Readonly<Record<Priority, number>> {
    const { user, normal, resync } = this.#queues;
    return { user: user.size, normal: normal.size, resync: resync.size };
  }

  /** Milliseconds that the oldest key has waited; 0 when none waits. */
  get oldestWaitMs(): number {
    const now = this.#options.clock.monotonic();
    let oldest = now;
    // All items, because the next one of each namespace isn't the oldest if its priority was raised.
    for (const priority of priorities)
      for (const item of this.#queues[priority]) oldest = Math.min(oldest, sinceOf(item));
    return now - oldest;
  }

  #itemOf(key: string): QueueItem {
    const known = this.#items.get(key);
    if (known !== undefined) return known;
    const item = createQueueItem(key);
    this.#items.set(key, item);
    return item;
  }

  #release(item: QueueItem): void {
    if (isIdle(item)) this.#items.delete(item.key);
  }

  #add(item: QueueItem, priority: Priority, isOnly?: Again['isOnly']): void {
    const wanted = { priority, since: this.#options.clock.monotonic() };
    const { processing } = item;
    if (processing === undefined) this.#enqueue(item, wanted);
    else processing.dirty = processing.dirty === undefined ? { ...wanted, isOnly } : higher(processing.dirty, wanted);
    this.#serve();
  }

  #enqueue(item: QueueItem, wanted: Waiting): void {
    const known = item.waiting;
    if (known === undefined) this.#options.onAdd?.();
    else if (rank[known.priority] <= rank[wanted.priority]) return;
    else this.#queues[known.priority].delete(namespaceOf(item.key), item);
    item.waiting = { priority: wanted.priority, since: known?.since ?? wanted.since };
    this.#queues[wanted.priority].add(namespaceOf(item.key), item);
  }

  #serve(): void {
    while (this.#getters.length > 0) {
      const item = this.#next();
      if (item === undefined) return;
      this.#getters.shift()?.(this.#handOut(item));
    }
  }

  /** The next item by priority; or, when the aging interval is over, the one that has waited longest. */
  #next(): QueueItem | undefined {
    const late = this.#options.clock.monotonic() - agingAfter;
    let best: QueueItem | undefined;
    let isByPriority = true;
    for (const priority of priorities) {
      const { head } = this.#queues[priority];
      if (head === undefined) continue;
      const isOverdue = this.#byPriorityLeft === 0 && sinceOf(head) <= late;
      if (best !== undefined && !(isOverdue && sinceOf(head) < sinceOf(best))) continue;
      isByPriority = best === undefined;
      best = head;
    }
    if (best !== undefined)
      this.#byPriorityLeft = isByPriority ? Math.max(0, this.#byPriorityLeft - 1) : byPriorityPerAged;
    return best;
  }

  #handOut(item: QueueItem): string {
    const waited = this.#options.clock.monotonic() - sinceOf(item);
    if (item.waiting !== undefined) this.#queues[item.waiting.priority].take();
    item.waiting = undefined;
    // The reconciliation that begins returns when the key is due again.
    this.#delaying.remove(item);
    item.processing = { waited, dirty: undefined };
    return item.key;
  }
}

function sinceOf({ waiting }: QueueItem): number {
  return waiting?.since ?? Infinity;
}

function higher(a: Waiting, b: Waiting): Again {
  return {
    priority: rank[a.priority] <= rank[b.priority] ? a.priority : b.priority,
    since: a.since,
    isOnly: undefined,
  };
}

const delays = { first: 5, longest: 5 * 60_000 };

/**
 * Milliseconds to wait after another failure: 5 ms, doubled for each earlier failure in a row up to 5 minutes, minus up to a
 * quarter of jitter.
 */
export function requeueDelay(earlierFailures: number, random: number): number {
  return jittered(exponentialDelay(earlierFailures, delays), random, [1, 0.75]);
}
