import type { Clock } from '../../../domain/clock.ts';

/**
 * When each key may create a VM in place of one that is gone: one after the other in the order of asking, so that a mistake
 * about many VMs is noticed before it is expensive. A key that does not use its slot within one interval gets another one at
 * the end. In memory only: after a restart the evidence takes longer than this anyway.
 */
export class RecreationRate {
  readonly #clock: Clock;
  readonly #interval: number;
  /** The start of each key's turn (monotonic), ascending. */
  readonly #slots = new Map<string, number>();
  #last = -Infinity;

  /** `interval`: milliseconds between two turns. */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#interval = interval;
  }

  /** When `key` may create (monotonic): now or in the past once its slot is due. */
  dueAt(key: string): number {
    const now = this.#clock.monotonic();
    for (const [other, slot] of this.#slots) {
      if (slot > now - this.#interval) break;
      this.#slots.delete(other);
    }
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    this.#last = Math.max(now, this.#last + this.#interval);
    this.#slots.set(key, this.#last);
    return this.#last;
  }

  /** Uses the slot of `key`, if it is due. */
  use(key: string): boolean {
    if (this.dueAt(key) > this.#clock.monotonic()) return false;
    return this.#slots.delete(key);
  }

  forget(key: string): void {
    this.#slots.delete(key);
  }
}
