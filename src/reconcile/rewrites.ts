import { createHash } from 'node:crypto';
import type { VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { backoff } from './conclude.ts';

/** A status that was stable for this long is restored immediately. */
const calm = 10 * 60_000;

/**
 * Delays a status that another writer replaces repeatedly: another installation that reports something else, a policy,
 * a script. Otherwise each would respond to the other's write immediately, without end. The first time, the status is
 * restored immediately, then with exponential backoff. A status with new content is never delayed.
 */
export class Rewrites {
  #stored: string | undefined;
  #storedAt = 0;
  #count = 0;
  #until = -Infinity;

  /** The status was stored. Times are monotonic. */
  noteStored(status: VirtualMachineStatus, now: number, random: number): void {
    const stored = digest(status);
    const isAgain = stored === this.#stored && now - this.#storedAt < calm;
    this.#count = isAgain ? this.#count + 1 : 0;
    this.#until = isAgain ? now + backoff(this.#count - 1, random) : -Infinity;
    this.#stored = stored;
    this.#storedAt = now;
  }

  /** How long the status has to wait, in milliseconds. */
  heldFor(status: VirtualMachineStatus, now: number): number {
    if (this.#until <= now || digest(status) !== this.#stored) return 0;
    return this.#until - now;
  }
}

/** A hash of the status without the transition times of its conditions, which depend on the status that it replaces. */
function digest(status: VirtualMachineStatus): string {
  const conditions = status.conditions?.map((condition) => ({ ...condition, lastTransitionTime: undefined }));
  return createHash('sha256')
    .update(JSON.stringify({ ...status, conditions }))
    .digest('base64');
}
