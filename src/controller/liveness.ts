import type { WorkQueue } from './work-queue.ts';
import type { Workers } from './workers.ts';

/**
 * Longer than the timeouts of all calls of one reconciliation together, when neither API answers. A long queue alone doesn't
 * count: a restart would only make it longer. Milliseconds.
 */
const stuckAfter = 15 * 60_000;

/** Whether a reconciliation has held its worker for too long, or keys wait although no reconciliation ends. */
export function areWorkersStuck(
  workers: Pick<Workers, 'lastEndAt' | 'longestReconcileMs'>,
  { oldestWaitMs }: Pick<WorkQueue, 'oldestWaitMs'>,
  now: number,
): boolean {
  if (workers.longestReconcileMs > stuckAfter) return true;
  return now - workers.lastEndAt > stuckAfter && oldestWaitMs > stuckAfter;
}
