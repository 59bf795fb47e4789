import type { Clock } from '../domain/clock.ts';
import { namespaceOf } from '../domain/object-key.ts';
import { Semaphore } from '../domain/semaphore.ts';
import type { Log } from '../telemetry/log.ts';
import type { WorkQueue } from './work-queue.ts';

/**
 * How a reconciliation ended: requeue after so many milliseconds (or not at all); requeue with exponential backoff, though nothing
 * failed; or it failed, and is requeued after so many milliseconds or else with exponential backoff.
 */
export type ReconcileResult =
  { readonly after?: number } | { readonly requeue: true } | { readonly failed: true; readonly after?: number };

/** Waits without a worker: another key is reconciled meanwhile, and this reconciliation resumes when a worker is free. */
export type ReleaseWorker = <T>(wait: Promise<T>) => Promise<T>;

/** One reconciliation of one key, for metrics. The results are those of controller-runtime. */
export interface Reconciliation {
  readonly key: string;
  readonly result: 'success' | 'requeue_after' | 'requeue' | 'error';
  readonly milliseconds: number;
  /** How long it held a worker. */
  readonly workMilliseconds: number;
  /** From when the key was due until a worker took it. */
  readonly waitMilliseconds: number;
}

export interface WorkersOptions {
  readonly queue: WorkQueue;
  /** How many keys are reconciled at once, not counting those that wait without a worker. */
  readonly count?: number;
  /** Waits for other parties go through `withoutWorker`, so that they hold no worker. */
  readonly handle: (key: string, withoutWorker: ReleaseWorker) => Promise<ReconcileResult>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onReconciled?: (reconciliation: Reconciliation) => void;
}

export interface Workers {
  /** Milliseconds that the oldest reconciliation has held its worker, without earlier waits; 0 when none holds one. */
  readonly longestReconcileMs: number;
  /** The sum of the same over all reconciliations. */
  readonly unfinishedMs: number;
  /** Workers in use. */
  readonly active: number;
  /** When (monotonic) the last reconciliation ended, or the workers started. */
  readonly lastEndAt: number;
  /** Shuts the queue down and resolves when the reconciliations in progress have ended. */
  stop(): Promise<void>;
}

/** Takes keys and reconciles them, at most `count` at a time. A reconciliation that throws affects only its key. */
export function runWorkers({ queue, count = 32, handle, clock, log, onReconciled }: WorkersOptions): Workers {
  const semaphore = new Semaphore(count);
  /** Since when (monotonic) each reconciliation holds its worker, the oldest first. */
  const busy = new Set<{ readonly since: number }>();
  let lastEndAt = clock.monotonic();

  /** Measures how long a reconciliation holds a worker, in milliseconds. */
  function createTimer(): { readonly stop: () => void; readonly start: () => void; readonly elapsed: () => number } {
    let current = { since: clock.monotonic() };
    let elapsed = 0;
    busy.add(current);
    return {
      stop() {
        busy.delete(current);
        elapsed += clock.monotonic() - current.since;
      },
      start() {
        current = { since: clock.monotonic() };
        busy.add(current);
      },
      elapsed: () => elapsed,
    };
  }

  async function work(): Promise<void> {
    const reconciliations = new Set<Promise<void>>();
    for (;;) {
      // While no worker is free the key stays in the queue, where a higher priority can still overtake it.
      await semaphore.untilAvailable();
      const key = await queue.get();
      if (key === undefined) break;
      await semaphore.acquire();
      const running = reconcile(key).finally(() => reconciliations.delete(running));
      reconciliations.add(running);
    }
    await Promise.all(reconciliations);
  }

  async function reconcile(key: string): Promise<void> {
    const startedAt = clock.monotonic();
    const waitMilliseconds = queue.queueDuration(key);
    const timer = createTimer();
    const result = await handleKey(key, async (wait) => {
      timer.stop();
      try {
        return await semaphore.runReleased(wait, namespaceOf(key));
      } finally {
        timer.start();
      }
    });
    timer.stop();
    lastEndAt = clock.monotonic();
    semaphore.release();
    queue.done(key);
    const milliseconds = clock.monotonic() - startedAt;
    onReconciled?.({ key, result, milliseconds, workMilliseconds: timer.elapsed(), waitMilliseconds });
  }

  async function handleKey(key: string, withoutWorker: ReleaseWorker): Promise<Reconciliation['result']> {
    try {
      const result = await handle(key, withoutWorker);
      const hasFailed = 'failed' in result;
      if ('requeue' in result || (hasFailed && result.after === undefined)) {
        queue.addRateLimited(key);
        return hasFailed ? 'error' : 'requeue';
      }
      queue.forget(key);
      if (result.after === undefined) return 'success';
      queue.addAfter(key, result.after);
      return hasFailed ? 'error' : 'requeue_after';
    } catch (error) {
      // Repeated with each retry otherwise.
      if (queue.addRateLimited(key, String(error))) log.error('Reconciler error', { object: key, error });
      return 'error';
    }
  }

  const ended = work();
  return {
    get longestReconcileMs() {
      const [oldest] = busy;
      return oldest === undefined ? 0 : clock.monotonic() - oldest.since;
    },
    get unfinishedMs() {
      let sum = 0;
      for (const { since } of busy) sum += clock.monotonic() - since;
      return sum;
    },
    get active() {
      return busy.size;
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
