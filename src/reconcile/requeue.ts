import type { ReconcileResult } from '../controller/workers.ts';
import { exponentialDelay, jittered } from '../domain/backoff.ts';
import type { Clock } from '../domain/clock.ts';
import { hasReason, KubeError, type KubeErrorReason } from '../kubernetes/errors.ts';
import type { Log } from '../telemetry/log.ts';

export const retryDelays = { first: 1_000, longest: 5 * 60_000 };

/** Milliseconds until the next attempt after this many failures. */
export function backoff(failures: number, random: number): number {
  return jittered(exponentialDelay(failures, retryDelays), random, [0.5, 1]);
}

/** Failures that say nothing about the object: the API server is unavailable, or this process may not be the leader any more. */
const unavailableReasons: ReadonlySet<KubeErrorReason> = new Set(['Network', 'Timeout', 'Unavailable', 'Fenced']);
const unavailableRetry = 2_000;
/** How often the log names an object that waits for the API server. All of them wait for the same. */
const logInterval = 60_000;

/** Milliseconds until an object that waits for the API server is reconciled again. */
export function unavailableDelay(random: number): number {
  return unavailableRetry * (1 + random / 2);
}

/** Logs that objects wait for the API server: the first one, then at most one a minute. */
export class UnavailableLog {
  readonly #log: Log;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #loggedAt = -Infinity;
  #omitted = 0;

  constructor({ log, clock }: { readonly log: Log; readonly clock: Pick<Clock, 'monotonic'> }) {
    this.#log = log;
    this.#clock = clock;
  }

  note(object: string, error: KubeError): void {
    const now = this.#clock.monotonic();
    if (now - this.#loggedAt < logInterval) {
      this.#omitted += 1;
      return;
    }
    this.#log.warn('API server is unavailable, requeued object', { object, error, omittedLines: this.#omitted });
    this.#loggedAt = now;
    this.#omitted = 0;
  }
}

/**
 * When a reconciliation is repeated: after the concluded time, when a refused status may be written again
 * (`unstoredUntil`), or because of the status (after `due`), whichever is first. Milliseconds; the times are monotonic.
 */
export function requeueAfter(
  { after, isSuperseded }: { readonly after: number | undefined; readonly isSuperseded: boolean },
  unstoredUntil: number | undefined,
  due: number,
  now: number,
): ReconcileResult {
  if (isSuperseded) return { requeue: true };
  const unstoredFor = Math.max(0, (unstoredUntil ?? Infinity) - now);
  const soonest = Math.min(after ?? Infinity, unstoredFor, due);
  return Number.isFinite(soonest) ? { after: soonest } : {};
}

/** The same after an error. Rethrows an error about the object. */
export function requeueAfterError(
  { unavailable, random }: { readonly unavailable: Pick<UnavailableLog, 'note'>; readonly random: () => number },
  key: string,
  error: unknown,
): ReconcileResult {
  // The object was just changed or deleted; the watch is about to show that.
  if (hasReason(error, 'Conflict', 'NotFound')) return { requeue: true };
  if (!(error instanceof KubeError) || !unavailableReasons.has(error.reason)) throw error;
  // A fixed delay, because the backoff of the object must not outlast the outage.
  unavailable.note(key, error);
  return { failed: true, after: unavailableDelay(random()) };
}
