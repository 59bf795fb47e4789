import type { Clock } from '../../../domain/clock.ts';
import type { Recreations } from '../account.ts';
import type { Subscriptions } from '../subscriptions.ts';

/**
 * When each key may recreate a deleted VM: one after the other, in the order of requests, so that a mistake about many
 * VMs is noticed before it becomes expensive. A key keeps an expired slot, because its evidence or request may have
 * waited in the account's queue: it may create once no other key has done so for an interval. In memory only: after a
 * restart, the evidence takes longer than this anyway.
 */
export class RecreationRate implements Recreations {
  readonly #clock: Clock;
  readonly #subscriptions: Subscriptions;
  readonly #interval: number;
  #last = -Infinity;
  #lastUsed = -Infinity;
  /** What the last `use` changed. */
  #use: { readonly key: string; readonly slot: number; readonly lastUsed: number } | undefined;

  /** `interval`: milliseconds between two slots. */
  constructor(clock: Clock, subscriptions: Subscriptions, interval: number) {
    this.#clock = clock;
    this.#subscriptions = subscriptions;
    this.#interval = interval;
  }

  dueAt(key: string): number {
    const slot = this.#subscriptions.get(key)?.recreationSlot ?? this.#nextAt(this.#clock.monotonic());
    return Math.max(slot, this.#lastUsed + this.#interval);
  }

  reserve(key: string): number {
    const record = this.#subscriptions.of(key);
    if (record.recreationSlot === undefined) {
      this.#last = this.#nextAt(this.#clock.monotonic());
      record.recreationSlot = this.#last;
    }
    return this.dueAt(key);
  }

  use(key: string): boolean {
    const now = this.#clock.monotonic();
    if (this.reserve(key) > now) return false;
    const record = this.#subscriptions.of(key);
    this.#use = { key, slot: record.recreationSlot ?? now, lastUsed: this.#lastUsed };
    this.#lastUsed = now;
    record.recreationSlot = undefined;
    return true;
  }

  giveBack(key: string): void {
    const record = this.#subscriptions.get(key);
    if (record === undefined || this.#use?.key !== key) return;
    record.recreationSlot = this.#use.slot;
    this.#lastUsed = this.#use.lastUsed;
    this.#use = undefined;
  }

  #nextAt(now: number): number {
    return Math.max(now, this.#last + this.#interval);
  }

  forget(key: string): void {
    const record = this.#subscriptions.get(key);
    const freed = record?.recreationSlot;
    if (record === undefined || freed === undefined) return;
    record.recreationSlot = undefined;
    if (freed <= this.#clock.monotonic() - this.#interval) return;
    for (const other of this.#subscriptions.records())
      if (other.recreationSlot !== undefined && other.recreationSlot > freed) other.recreationSlot -= this.#interval;
    this.#last -= this.#interval;
  }
}
