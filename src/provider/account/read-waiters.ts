/** Who waits for a list that starts at or after which moment (monotonic milliseconds). */
export class ListWaiters {
  readonly #after = new Map<string, number>();
  #earliest = Infinity;

  /** The earliest moment anybody waits for; undefined when nobody waits. */
  get earliest(): number | undefined {
    return this.#after.size === 0 ? undefined : this.#earliest;
  }

  /** A key waits for one list; asked twice, for the earlier one: who is woken too early asks again, who is not can't. */
  add(key: string, after: number): void {
    this.#after.set(key, Math.min(after, this.#after.get(key) ?? Infinity));
    this.#earliest = Math.min(this.#earliest, after);
  }

  forget(key: string): void {
    this.#after.delete(key);
    // Left low otherwise: exact again with the next list, and at worst that comes early.
    if (this.#after.size === 0) this.#earliest = Infinity;
  }

  /** Removes and returns the keys that a list started at `startedAt` serves. */
  take(startedAt: number): readonly string[] {
    const served = [...this.#after].filter(([, after]) => after <= startedAt).map(([key]) => key);
    for (const key of served) this.#after.delete(key);
    this.#earliest = Infinity;
    for (const after of this.#after.values()) this.#earliest = Math.min(this.#earliest, after);
    return served;
  }
}
