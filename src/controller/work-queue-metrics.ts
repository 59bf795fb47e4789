import { controller } from '../telemetry/metrics-table.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Reconciliation, Workers } from './workers.ts';
import type { WorkQueue } from './work-queue.ts';

const priorities = ['user', 'normal', 'resync'] as const;
const results = ['success', 'requeue_after', 'requeue', 'error'] as const satisfies readonly Reconciliation['result'][];

/** The metrics of a work queue and its workers, with the names and meaning of controller-runtime and client-go. */
export class WorkQueueMetrics {
  readonly #metrics: Metrics;
  readonly #queue = { name: controller, controller };

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    // Present from the start, or `increase()` would miss the first one.
    for (const result of results) metrics.reconciles.inc({ controller, result }, 0);
    metrics.reconcileErrors.inc({ controller }, 0);
    metrics.queueAdds.inc(this.#queue, 0);
    metrics.queueRetries.inc(this.#queue, 0);
  }

  added(): void {
    this.#metrics.queueAdds.inc(this.#queue);
  }

  delayed(): void {
    this.#metrics.queueRetries.inc(this.#queue);
  }

  ended({ result, milliseconds, workMilliseconds, waitMilliseconds }: Reconciliation): void {
    const { reconciles, reconcileErrors, reconcileDuration, queueWait, workDuration } = this.#metrics;
    reconciles.inc({ controller, result });
    if (result === 'error') reconcileErrors.inc({ controller });
    reconcileDuration.observe({ controller }, milliseconds / 1_000);
    workDuration.observe(this.#queue, workMilliseconds / 1_000);
    queueWait.observe(this.#queue, waitMilliseconds / 1_000);
  }

  /** Sets the gauges. A process on standby has no workers, and its queue is empty. */
  show({ depths, oldestWaitMs }: WorkQueue, workers: Workers | undefined, count: number): void {
    const { queueDepth, queueOldestWait, activeWorkers, maxWorkers, unfinishedWork, longestReconcile } = this.#metrics;
    for (const priority of priorities) queueDepth.set({ ...this.#queue, priority }, depths[priority]);
    queueOldestWait.set(oldestWaitMs / 1_000);
    unfinishedWork.set(this.#queue, (workers?.unfinishedMs ?? 0) / 1_000);
    longestReconcile.set(this.#queue, (workers?.longestReconcileMs ?? 0) / 1_000);
    if (workers === undefined) return;
    activeWorkers.set({ controller }, workers.active);
    maxWorkers.set({ controller }, count);
  }
}
