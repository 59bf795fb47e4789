/**
 * Entries that wait: round-robin by group, so that five thousand entries of one namespace don't delay the only one of
 * another; first in, first out within a group.
 */
export class RoundRobin<T> {
  /** By group, the next one first. */
  readonly #groups = new Map<string, Set<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the entry behind the others of its group. It must not wait here already. */
  add(group: string, entry: T): void {
    this.#size += 1;
    const entries = this.#groups.get(group);
    if (entries === undefined) this.#groups.set(group, new Set([entry]));
    else entries.add(entry);
  }

  /** Returns whether the entry waited. */
  delete(group: string, entry: T): boolean {
    const entries = this.#groups.get(group);
    if (entries?.delete(entry) !== true) return false;
    this.#size -= 1;
    if (entries.size === 0) this.#groups.delete(group);
    return true;
  }

  /** The next entry. */
  get head(): T | undefined {
    for (const [first] of this.#groups.values()) return first;
    return undefined;
  }

  /** Removes the next entry, and moves its group behind the others. */
  take(): T | undefined {
    for (const [group, entries] of this.#groups) {
      const [entry] = entries;
      this.#groups.delete(group);
      if (entries.size > 1) this.#groups.set(group, entries);
      // `as`: no group is empty.
      entries.delete(entry as T);
      this.#size -= 1;
      return entry;
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const entries of this.#groups.values()) yield* entries;
  }
}
