import type { Clock } from '../domain/clock.ts';
import type { Fence } from '../domain/fence.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import { areWorkersStuck } from './liveness.ts';
import { WorkQueueMetrics } from './work-queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';
import { runWorkers, type Workers, type WorkersOptions } from './workers.ts';

export interface ControllerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly fence: Fence;
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
  /** Sets the gauges of the queue and the workers. */
  showMetrics(): void;
}

/** When an object is requeued while the process can't be sure that it is the leader. Milliseconds. */
const fencedRequeue = 1_000;

export function createController(options: ControllerOptions): Controller {
  const { clock, random, log, tracing, fence, reconcile } = options;
  const metrics = new WorkQueueMetrics(options.metrics);
  const queue = new WorkQueue({ clock, random, onAdd: () => metrics.added(), onDelay: () => metrics.delayed() });
  let leadingSince: number | undefined;
  let workers: Workers | undefined;
  let isStopping = false;

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
    showMetrics: () => metrics.show(queue, workers, options.workers),
  };
}
