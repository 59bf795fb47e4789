import { createHash } from 'node:crypto';
import type { VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { backoff } from './conclude.ts';

/** A status that stood for so long is put back at once. */
const calm = 10 * 60_000;

/**
 * Slows down a status that another writer replaces again and again: another installation that reports something else, a policy, a
 * script. Each would otherwise answer the other's write at once, without end. The first time it is put back at once, then with
 * exponential backoff. A status that says something new is never held.
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

  /** How long the status is to wait, in milliseconds. */
  heldFor(status: VirtualMachineStatus, now: number): number {
    if (this.#until <= now || digest(status) !== this.#stored) return 0;
    return this.#until - now;
  }
}

/** Of what the status says: the times of its conditions follow from what it is put in place of. */
function digest(status: VirtualMachineStatus): string {
  const conditions = status.conditions?.map((condition) => ({ ...condition, lastTransitionTime: undefined }));
  return createHash('sha256')
    .update(JSON.stringify({ ...status, conditions }))
    .digest('base64');
}
