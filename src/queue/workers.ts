import type { Clock } from '../model/clock.ts';
import type { Log } from '../telemetry/log.ts';
import type { Backoff } from './backoff.ts';
import type { Workqueue } from './workqueue.ts';

/** How work on a key ended: come back after so many milliseconds (or not by itself), or with growing delays. */
export type Handled = { readonly after?: number } | { readonly failed: true };

/** One pass over one key, for metrics. `Error`: it threw. */
export interface Pass {
  readonly key: string;
  readonly result: 'Done' | 'Later' | 'Failed' | 'Error';
  readonly milliseconds: number;
  /** From when the key was due until a worker took it. */
  readonly waitMilliseconds: number;
}

export interface WorkersOptions {
  readonly queue: Workqueue;
  readonly backoff: Backoff;
  /** How many keys are worked on at once. */
  readonly count?: number;
  readonly handle: (key: string) => Promise<Handled>;
  readonly clock: Clock;
  readonly log: Log;
  readonly onPass?: (pass: Pass) => void;
}

export interface Workers {
  /** Shuts the queue down and resolves when the passes under way are finished. */
  stop(): Promise<void>;
}

/** Takes keys and handles them, each worker one at a time. A pass that throws is that key's trouble only. */
export function runWorkers({ queue, backoff, count = 32, handle, clock, log, onPass }: WorkersOptions): Workers {
  /** Keys whose passes throw, with what was last said of them: said again only when it changes. */
  const complaints = new Map<string, string>();

  async function work(): Promise<void> {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) await pass(key);
  }

  async function pass(key: string): Promise<void> {
    const startedAt = clock.monotonic();
    const waitMilliseconds = queue.waitOf(key);
    const result = await handleOne(key);
    queue.done(key);
    onPass?.({ key, result, milliseconds: clock.monotonic() - startedAt, waitMilliseconds });
  }

  async function handleOne(key: string): Promise<Pass['result']> {
    try {
      const handled = await handle(key);
      complaints.delete(key);
      if ('failed' in handled) {
        queue.addAfter(key, backoff.next(key));
        return 'Failed';
      }
      backoff.forget(key);
      if (handled.after === undefined) return 'Done';
      queue.addAfter(key, handled.after);
      return 'Later';
    } catch (error) {
      complain(key, error);
      queue.addAfter(key, backoff.next(key));
      return 'Error';
    }
  }

  function complain(key: string, error: unknown): void {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (complaints.get(key) === text) return;
    complaints.set(key, text);
    log.error('Pass failed; it will be tried again', { object: key, error });
  }

  const workers = Promise.all(Array.from({ length: count }, work));
  return {
    async stop() {
      queue.shutdown();
      await workers;
    },
  };
}
