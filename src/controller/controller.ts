import type { Clock } from '../domain/clock.ts';
import type { Fence } from '../domain/fence.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { WorkQueue } from './work-queue.ts';
import { runWorkers, type Workers, type WorkersOptions, type Reconciliation } from './workers.ts';
import { controller as machines } from '../telemetry/metrics-table.ts';

export interface ControllerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly fence: Fence;
  /** The labels `controller` and `name` of its metrics. Default: that of VirtualMachines. */
  readonly name?: string;
  /** How many keys are reconciled at once. */
  readonly workers: number;
  readonly reconcile: WorkersOptions['handle'];
}

/** The work queue and its workers, which run only on the leader. */
export interface Controller {
  readonly queue: Pick<WorkQueue, 'add' | 'discard'>;
  /** Since when (monotonic) this process is the leader; undefined on standby. */
  readonly leadingSince: number | undefined;
  readonly isLeading: () => boolean;
  /** This process has become the leader: starts the workers, which reconcile these keys first. */
  lead(keys: Iterable<string>): void;
  /** Starts no further reconciliation, and resolves when those in progress have ended. */
  stop(): Promise<void>;
  isAlive(): boolean;
}

/** When an object is requeued while the process can't be sure that it is the leader. Milliseconds. */
const fencedRequeue = 1_000;

export function createController(options: ControllerOptions): Controller {
  const { clock, random, log, tracing, fence, reconcile } = options;
  const metrics = new WorkQueueMetrics(options.metrics, options.name);
  const queue = new WorkQueue({ clock, random, onAdd: () => metrics.added(), onDelay: () => metrics.delayed() });
  let leadingSince: number | undefined;
  let workers: Workers | undefined;
  let isStopping = false;
  options.metrics.onScrape(() => metrics.show(queue, workers, options.workers));

  return {
    queue,
    get leadingSince() {
      return leadingSince;
    },
    isLeading: () => leadingSince !== undefined,
    lead(keys) {
      leadingSince = clock.monotonic();
      workers = runWorkers({
        queue,
        count: options.workers,
        clock,
        log,
        // A reconciliation whose writes the fence rejects would draw wrong conclusions from that.
        handle: async (key, withoutWorker) =>
          fence()
            ? tracing.reconciliation(key, () => reconcile(key, withoutWorker))
            : { after: fencedRequeue * (1 + random() / 2) },
        onReconciled: (reconciliation) => metrics.ended(reconciliation),
      });
      for (const key of keys) queue.add(key, { priority: 'resync' });
    },
    async stop() {
      isStopping = true;
      queue.shutdown();
      await workers?.stop();
    },
    isAlive: () => workers === undefined || isStopping || !areWorkersStuck(workers, queue, clock.monotonic()),
  };
}

/**
 * Longer than the timeouts of all calls of one reconciliation together, when neither API answers. A long queue alone doesn't
 * count: a restart would only make it longer. Milliseconds.
 */
const stuckAfter = 15 * 60_000;

/** Whether a reconciliation has held its worker for too long, or keys wait although no reconciliation ends. */
function areWorkersStuck(
  workers: Pick<Workers, 'lastEndAt' | 'longestReconcileMs'>,
  { oldestWaitMs }: Pick<WorkQueue, 'oldestWaitMs'>,
  now: number,
): boolean {
  if (workers.longestReconcileMs > stuckAfter) return true;
  return now - workers.lastEndAt > stuckAfter && oldestWaitMs > stuckAfter;
}

const priorities = ['user', 'normal', 'resync'] as const;
const results = ['success', 'requeue_after', 'requeue', 'error'] as const satisfies readonly Reconciliation['result'][];

/** The metrics of a work queue and its workers, with the names and meaning of controller-runtime and client-go. */
export class WorkQueueMetrics {
  readonly #metrics: Metrics;
  readonly #controller: string;
  readonly #queue: { readonly name: string; readonly controller: string };

  constructor(metrics: Metrics, controller = machines) {
    this.#metrics = metrics;
    this.#controller = controller;
    this.#queue = { name: controller, controller };
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
    const controller = this.#controller;
    reconciles.inc({ controller, result });
    if (result === 'error') reconcileErrors.inc({ controller });
    reconcileDuration.observe({ controller }, milliseconds / 1_000);
    workDuration.observe(this.#queue, workMilliseconds / 1_000);
    queueWait.observe(this.#queue, waitMilliseconds / 1_000);
  }

  /** Sets the gauges. A process on standby has no workers, and its queue is empty. */
  show({ depths, oldestWaitMs }: WorkQueue, workers: Workers | undefined, count: number): void {
    const controller = this.#controller;
    const { queueDepth, queueOldestWait, activeWorkers, maxWorkers, unfinishedWork, longestReconcile } = this.#metrics;
    for (const priority of priorities) queueDepth.set({ ...this.#queue, priority }, depths[priority]);
    queueOldestWait.set({ controller }, oldestWaitMs / 1_000);
    unfinishedWork.set(this.#queue, (workers?.unfinishedMs ?? 0) / 1_000);
    longestReconcile.set(this.#queue, (workers?.longestReconcileMs ?? 0) / 1_000);
    if (workers === undefined) return;
    activeWorkers.set({ controller }, workers.active);
    maxWorkers.set({ controller }, count);
  }
}
