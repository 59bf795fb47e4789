import type { Clock } from '../../../domain/clock.ts';

/**
 * When each key may recreate a deleted VM: one after the other, in the order of requests, so that a mistake about many
 * VMs is noticed before it becomes expensive. A key keeps an expired slot, because its evidence or request may have
 * waited in the account's queue: it may create once no other key has done so for an interval. In memory only: after a
 * restart, the evidence takes longer than this anyway.
 */
export class RecreationRate {
  readonly #clock: Clock;
  readonly #interval: number;
  /** The start of each key's slot (monotonic). */
  readonly #slots = new Map<string, number>();
  #last = -Infinity;
  #lastUsed = -Infinity;

  /** `interval`: milliseconds between two slots. */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#interval = interval;
  }

  /** When `key` may create (monotonic): in the past, or when its slot starts. Without a slot: the next free one. */
  dueAt(key: string): number {
    const slot = this.#slots.get(key) ?? this.#nextAt(this.#clock.monotonic());
    return Math.max(slot, this.#lastUsed + this.#interval);
  }

  /** Reserves a slot for `key`, if it has none, and returns when it may create (monotonic). */
  reserve(key: string): number {
    if (!this.#slots.has(key)) {
      this.#last = this.#nextAt(this.#clock.monotonic());
      this.#slots.set(key, this.#last);
    }
    return this.dueAt(key);
  }

  /** Uses the slot of `key`, if it may create now. */
  use(key: string): boolean {
    const now = this.#clock.monotonic();
    if (this.reserve(key) > now) return false;
    this.#lastUsed = now;
    return this.#slots.delete(key);
  }

  #nextAt(now: number): number {
    return Math.max(now, this.#last + this.#interval);
  }

  /** The key needs its slot no longer: the later ones move up. */
  forget(key: string): void {
    const freed = this.#slots.get(key);
    this.#slots.delete(key);
    if (freed === undefined || freed <= this.#clock.monotonic() - this.#interval) return;
    for (const [other, slot] of this.#slots) if (slot > freed) this.#slots.set(other, slot - this.#interval);
    this.#last -= this.#interval;
  }
}
