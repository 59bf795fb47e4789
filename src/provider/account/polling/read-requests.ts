import type { Subscription, Subscriptions } from '../subscriptions.ts';

/**
 * The keys that wait for a read of one kind, each with the earliest start (monotonic milliseconds) that serves it, in
 * this field of its record.
 */
export class ReadRequests {
  readonly #subscriptions: Subscriptions;
  readonly #field: 'listAfter' | 'machineAfter';
  #waiting = 0;
  #earliest = Infinity;

  constructor(subscriptions: Subscriptions, field: 'listAfter' | 'machineAfter') {
    this.#subscriptions = subscriptions;
    this.#field = field;
  }

  /** The earliest requested start; undefined without requests. */
  get earliest(): number | undefined {
    return this.#waiting === 0 ? undefined : this.#earliest;
  }

  /** A key waits for one read; of two requests the earlier counts, because a key that is woken too early requests again. */
  add(key: string, after: number): void {
    const record = this.#subscriptions.of(key);
    if (record[this.#field] === undefined) this.#waiting += 1;
    record[this.#field] = Math.min(after, record[this.#field] ?? Infinity);
    this.#earliest = Math.min(this.#earliest, after);
  }

  /** `earliest` may be too low then until the next read of all machines, and at worst causes an early read. */
  forget(record: Subscription): void {
    if (record[this.#field] === undefined) return;
    record[this.#field] = undefined;
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#earliest = Infinity;
  }

  /** Removes and returns the keys that a read of all machines, started at `startedAt`, serves. */
  take(startedAt: number): readonly string[] {
    if (this.#waiting === 0) return [];
    const served = [...this.#subscriptions.records()].filter((record) => this.#isServed(record, startedAt));
    for (const record of served) this.forget(record);
    this.#findEarliest();
    return served.map(({ key }) => key);
  }

  /** Removes the request of the key if a read of its machine, started at `startedAt`, serves it; whether it does. */
  takeOne(record: Subscription, startedAt: number): boolean {
    if (!this.#isServed(record, startedAt)) return false;
    this.forget(record);
    this.#findEarliest();
    return true;
  }

  #isServed(record: Subscription, startedAt: number): boolean {
    const after = record[this.#field];
    return after !== undefined && after <= startedAt;
  }

  #findEarliest(): void {
    if (this.#waiting === 0) return;
    this.#earliest = Infinity;
    for (const record of this.#subscriptions.records())
      this.#earliest = Math.min(this.#earliest, record[this.#field] ?? Infinity);
  }
}
