import type { Clock } from '../domain/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { Backoff } from './requeue-backoff.ts';
import { Places } from '../domain/semaphore.ts';
import type { Workqueue } from './work-queue.ts';

/**
 * How work on a key ended: come back after so many milliseconds (or not by itself); with exponential backoff, though nothing
 * failed; or it failed, and comes back after so many milliseconds or else with exponential backoff.
 */
export type Handled =
  { readonly after?: number } | { readonly requeue: true } | { readonly failed: true; readonly after?: number };

/** Waits without a worker: another key is handled meanwhile, and this pass goes on when a worker is free again. */
export type Park = <T>(wait: Promise<T>) => Promise<T>;

/** One pass over one key, for metrics. The results are those of controller-runtime. */
export interface Pass {
  readonly key: string;
  readonly result: 'success' | 'requeue_after' | 'requeue' | 'error';
  readonly milliseconds: number;
  /** For how long it held a worker. */
  readonly workMilliseconds: number;
  /** From when the key was due until a worker took it. */
  readonly waitMilliseconds: number;
}

export interface WorkersOptions {
  readonly queue: Workqueue;
  readonly backoff: Backoff;
  /** How many keys are worked on at once, not counting those that are parked. */
  readonly count?: number;
  /** What may take long for reasons of others goes through `park`, so that it uses up no worker. */
  readonly handle: (key: string, park: Park) => Promise<Handled>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPass?: (pass: Pass) => void;
}

export interface Workers {
  /** Milliseconds that the oldest pass has held its worker, not counting what it waited parked before; 0 when none does. */
  readonly longestPassMs: number;
  /** The same of all passes together. */
  readonly unfinishedMs: number;
  /** Workers in use. */
  readonly active: number;
  /** When a pass ended last, or all began (monotonic). */
  readonly lastEndAt: number;
  /** Shuts the queue down and resolves when the passes under way are finished. */
  stop(): Promise<void>;
}

/** Takes keys and handles them, so many at a time. A pass that throws is that key's trouble only. */
export function runWorkers({ queue, backoff, count = 32, handle, clock, log, onPass }: WorkersOptions): Workers {
  /** Keys whose passes throw, with what was last said of them: said again only when it changes. */
  const complaints = new Map<string, string>();

  const places = new Places(count);
  /** Since when (monotonic) which key holds a worker, the longest first. */
  const holding = new Map<string, number>();
  let lastEndAt = clock.monotonic();

  /** Milliseconds for which the key has held its worker; it does no longer. */
  function letGo(key: string): number {
    const held = clock.monotonic() - (holding.get(key) ?? clock.monotonic());
    holding.delete(key);
    return held;
  }

  async function parkedWait<T>(key: string, wait: Promise<T>, onHeld: (milliseconds: number) => void): Promise<T> {
    onHeld(letGo(key));
    try {
      return await places.away(wait, key.slice(0, key.indexOf('/')));
    } finally {
      holding.set(key, clock.monotonic());
    }
  }

  async function work(): Promise<void> {
    const passes = new Set<Promise<void>>();
    for (;;) {
      // A key that nobody can work on yet stays in the queue, where a more urgent one may still overtake it.
      await places.vacancy();
      const key = await queue.take();
      if (key === undefined) break;
      await places.take();
      const running = pass(key).finally(() => passes.delete(running));
      passes.add(running);
    }
    await Promise.all(passes);
  }

  async function pass(key: string): Promise<void> {
    const startedAt = clock.monotonic();
    const waitMilliseconds = queue.waitOf(key);
    holding.set(key, startedAt);
    let workMilliseconds = 0;
    const onHeld = (milliseconds: number): void => void (workMilliseconds += milliseconds);
    const result = await handleOne(key, onHeld);
    onHeld(letGo(key));
    lastEndAt = clock.monotonic();
    places.leave();
    queue.done(key);
    onPass?.({ key, result, milliseconds: clock.monotonic() - startedAt, workMilliseconds, waitMilliseconds });
  }

  async function handleOne(key: string, onHeld: (milliseconds: number) => void): Promise<Pass['result']> {
    try {
      const handled = await handle(key, (wait) => parkedWait(key, wait, onHeld));
      complaints.delete(key);
      const hasFailed = 'failed' in handled;
      if ('requeue' in handled || (hasFailed && handled.after === undefined)) {
        queue.addAfter(key, backoff.next(key));
        return hasFailed ? 'error' : 'requeue';
      }
      backoff.forget(key);
      if (handled.after === undefined) return 'success';
      queue.addAfter(key, handled.after);
      return hasFailed ? 'error' : 'requeue_after';
    } catch (error) {
      complain(key, error);
      queue.addAfter(key, backoff.next(key));
      return 'error';
    }
  }

  function complain(key: string, error: unknown): void {
    const text = String(error);
    if (complaints.get(key) === text) return;
    complaints.set(key, text);
    log.error('Reconciler error', { object: key, error });
  }

  const ended = work();
  return {
    get longestPassMs() {
      const [since] = holding.values();
      return since === undefined ? 0 : clock.monotonic() - since;
    },
    get unfinishedMs() {
      let sum = 0;
      for (const since of holding.values()) sum += clock.monotonic() - since;
      return sum;
    },
    get active() {
      return holding.size;
    },
    get lastEndAt() {
      return lastEndAt;
    },
    async stop() {
      queue.shutdown();
      await ended;
    },
  };
}
