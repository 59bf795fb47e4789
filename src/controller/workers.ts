import type { Clock } from '../domain/clock.ts';
import { namespaceOf } from '../domain/object-key.ts';
import { Semaphore } from '../domain/semaphore.ts';
import type { Log } from '../telemetry/log.ts';
import type { Backoff } from './requeue-backoff.ts';
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
  readonly backoff: Backoff;
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
export function runWorkers({ queue, backoff, count = 32, handle, clock, log, onReconciled }: WorkersOptions): Workers {
  /** Keys whose reconciliations throw, with the last logged error: logged again only when it changes. */
  const lastErrors = new Map<string, string>();

  const semaphore = new Semaphore(count);
  /** By key: since when (monotonic) it holds a worker, the oldest first. */
  const busySince = new Map<string, number>();
  let lastEndAt = clock.monotonic();

  /** Ends the time that the key holds its worker, and returns it in milliseconds. */
  function stopTimer(key: string): number {
    const elapsed = clock.monotonic() - (busySince.get(key) ?? clock.monotonic());
    busySince.delete(key);
    return elapsed;
  }

  async function waitWithoutWorker<T>(
    key: string,
    wait: Promise<T>,
    addWorkTime: (milliseconds: number) => void,
  ): Promise<T> {
    addWorkTime(stopTimer(key));
    try {
      return await semaphore.runReleased(wait, namespaceOf(key));
    } finally {
      busySince.set(key, clock.monotonic());
    }
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
    busySince.set(key, startedAt);
    let workMilliseconds = 0;
    const addWorkTime = (milliseconds: number): void => void (workMilliseconds += milliseconds);
    const result = await handleKey(key, addWorkTime);
    addWorkTime(stopTimer(key));
    lastEndAt = clock.monotonic();
    semaphore.release();
    queue.done(key);
    onReconciled?.({ key, result, milliseconds: clock.monotonic() - startedAt, workMilliseconds, waitMilliseconds });
  }

  async function handleKey(
    key: string,
    addWorkTime: (milliseconds: number) => void,
  ): Promise<Reconciliation['result']> {
    try {
      const result = await handle(key, (wait) => waitWithoutWorker(key, wait, addWorkTime));
      lastErrors.delete(key);
      const hasFailed = 'failed' in result;
      if ('requeue' in result || (hasFailed && result.after === undefined)) {
        queue.addAfter(key, backoff.next(key));
        return hasFailed ? 'error' : 'requeue';
      }
      backoff.forget(key);
      if (result.after === undefined) return 'success';
      queue.addAfter(key, result.after);
      return hasFailed ? 'error' : 'requeue_after';
    } catch (error) {
      logError(key, error);
      queue.addAfter(key, backoff.next(key));
      return 'error';
    }
  }

  function logError(key: string, error: unknown): void {
    const text = String(error);
    if (lastErrors.get(key) === text) return;
    lastErrors.set(key, text);
    log.error('Reconciler error', { object: key, error });
  }

  const ended = work();
  return {
    get longestReconcileMs() {
      const [since] = busySince.values();
      return since === undefined ? 0 : clock.monotonic() - since;
    },
    get unfinishedMs() {
      let sum = 0;
      for (const since of busySince.values()) sum += clock.monotonic() - since;
      return sum;
    },
    get active() {
      return busySince.size;
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
