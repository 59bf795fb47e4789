import { createHash } from 'node:crypto';
import type { VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { backoff } from './requeue.ts';

/** A status that was stable for this long is restored immediately. */
const calm = 10 * 60_000;

/**
 * Delays a status that another writer replaces repeatedly: another installation that reports something else, a policy,
 * a script. Otherwise each would respond to the other's write immediately, without end. The first time, the status is
 * restored immediately, then with exponential backoff. A status with new content is never delayed.
 */
export interface Rewrites {
  /** A hash of the status that was stored last, and when (monotonic). */
  readonly stored: string;
  readonly storedAt: number;
  /** How often it was restored in a row. */
  readonly count: number;
  /** When (monotonic) it may be restored again. */
  readonly until: number;
}

/** The status was stored. Times are monotonic. */
export function noteStoredStatus(
  before: Rewrites | undefined,
  status: VirtualMachineStatus,
  now: number,
  random: number,
): Rewrites {
  const stored = digest(status);
  const isAgain = before !== undefined && stored === before.stored && now - before.storedAt < calm;
  if (!isAgain) return { stored, storedAt: now, count: 0, until: -Infinity };
  return { stored, storedAt: now, count: before.count + 1, until: now + backoff(before.count, random) };
}

/** How long the status has to wait, in milliseconds. */
export function heldFor(rewrites: Rewrites | undefined, status: VirtualMachineStatus, now: number): number {
  if (rewrites === undefined || rewrites.until <= now || digest(status) !== rewrites.stored) return 0;
  return rewrites.until - now;
}

/** A hash of the status without the transition times of its conditions, which depend on the status that it replaces. */
function digest(status: VirtualMachineStatus): string {
  const conditions = status.conditions?.map((condition) => ({ ...condition, lastTransitionTime: undefined }));
  return createHash('sha256')
    .update(JSON.stringify({ ...status, conditions }))
    .digest('base64');
}
