/** The keys that wait for a read, each with the earliest start (monotonic milliseconds) that serves it. */
export class ReadRequests {
  readonly #after = new Map<string, number>();
  #earliest = Infinity;

  /** The earliest requested start; undefined without requests. */
  get earliest(): number | undefined {
    return this.#after.size === 0 ? undefined : this.#earliest;
  }

  /** A key waits for one read; of two requests the earlier counts, because a key that is woken too early requests again. */
  add(key: string, after: number): void {
    this.#after.set(key, Math.min(after, this.#after.get(key) ?? Infinity));
    this.#earliest = Math.min(this.#earliest, after);
  }

  forget(key: string): void {
    this.#after.delete(key);
    // Otherwise it may be too low until the next read of all machines, and at worst causes an early read.
    if (this.#after.size === 0) this.#earliest = Infinity;
  }

  /** The keys that a read started at `startedAt` would serve. */
  servedAt(startedAt: number): readonly string[] {
    return [...this.#after].filter(([, after]) => after <= startedAt).map(([key]) => key);
  }

  /** Removes and returns the keys that a read of all machines, started at `startedAt`, serves. */
  take(startedAt: number): readonly string[] {
    const served = this.servedAt(startedAt);
    for (const key of served) this.#after.delete(key);
    this.#findEarliest();
    return served;
  }

  /** Removes the key if a read of its machine, started at `startedAt`, serves it; whether it does. */
  takeOne(key: string, startedAt: number): boolean {
    const after = this.#after.get(key);
    if (after === undefined || after > startedAt) return false;
    this.#after.delete(key);
    this.#findEarliest();
    return true;
  }

  #findEarliest(): void {
    this.#earliest = Infinity;
    for (const after of this.#after.values()) this.#earliest = Math.min(this.#earliest, after);
  }
}
