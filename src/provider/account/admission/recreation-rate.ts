import type { Clock } from '../../../domain/clock.ts';

/**
 * When each key may create a VM in place of one that is gone: one after the other in the order of asking, so that a mistake
 * about many VMs is noticed before it is expensive. A key that doesn't use its slot within one interval gets another one at
 * the end. In memory only: after a restart the evidence takes longer than this anyway.
 */
export class RecreationRate {
  readonly #clock: Clock;
  readonly #interval: number;
  /** The start of each key's slot (monotonic), ascending. */
  readonly #slots = new Map<string, number>();
  #last = -Infinity;

  /** `interval`: milliseconds between two slots. */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#interval = interval;
  }

  /** When `key` may create (monotonic): in the past, or when its slot starts. Without a slot: the next free one. */
  dueAt(key: string): number {
    const now = this.#clock.monotonic();
    const known = this.#slots.get(key);
    return known !== undefined && known > now - this.#interval ? known : this.#nextAt(now);
  }

  /** Reserves a slot for `key`, if it has none, and returns its start (monotonic). */
  reserve(key: string): number {
    const now = this.#clock.monotonic();
    for (const [other, slot] of this.#slots) {
      if (slot > now - this.#interval) break;
      this.#slots.delete(other);
    }
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    this.#last = this.#nextAt(now);
    this.#slots.set(key, this.#last);
    return this.#last;
  }

  /** Uses the slot of `key`, if it has started. */
  use(key: string): boolean {
    if (this.reserve(key) > this.#clock.monotonic()) return false;
    return this.#slots.delete(key);
  }

  #nextAt(now: number): number {
    return Math.max(now, this.#last + this.#interval);
  }

  forget(key: string): void {
    this.#slots.delete(key);
  }
}
