interface Entries<T> {
  readonly byKey: Map<string, T>;
  bytes: number;
  /** The key that was added last, while it is there: finding it in `byKey` would take a step for each entry. */
  newest: string | undefined;
}

/** Entries by namespace, taken round-robin. At the limit, the namespace with the most bytes loses entries first. */
export class EventShelf<T> {
  bytes = 0;
  readonly #bytesOf: (entry: T) => number;
  /** By namespace, the next one first: its entries in order of arrival. */
  readonly #namespaces = new Map<string, Entries<T>>();

  constructor(bytesOf: (entry: T) => number) {
    this.#bytesOf = bytesOf;
  }

  get(namespace: string, key: string): T | undefined {
    return this.#namespaces.get(namespace)?.byKey.get(key);
  }

  /** The key must not be there already. */
  add(namespace: string, key: string, entry: T): void {
    const entries = this.#namespaces.get(namespace) ?? { byKey: new Map<string, T>(), bytes: 0, newest: key };
    this.#namespaces.set(namespace, entries);
    entries.newest = key;
    entries.byKey.set(key, entry);
    const bytes = this.#bytesOf(entry);
    entries.bytes += bytes;
    this.bytes += bytes;
  }

  delete(namespace: string, key: string | undefined): T | undefined {
    const entries = this.#namespaces.get(namespace);
    if (key === undefined || entries === undefined) return undefined;
    const entry = entries.byKey.get(key);
    if (entry === undefined) return undefined;
    entries.byKey.delete(key);
    if (entries.newest === key) entries.newest = undefined;
    const bytes = this.#bytesOf(entry);
    entries.bytes -= bytes;
    this.bytes -= bytes;
    if (entries.byKey.size === 0) this.#namespaces.delete(namespace);
    return entry;
  }

  takeNext(): T | undefined {
    const [next] = this.#namespaces;
    if (next === undefined) return undefined;
    const [namespace, entries] = next;
    const [key] = entries.byKey.keys();
    const entry = this.delete(namespace, key);
    // Behind the others.
    if (this.#namespaces.delete(namespace)) this.#namespaces.set(namespace, entries);
    return entry;
  }

  takeNewestOfLargest(): T | undefined {
    const [namespace, entries] = this.#largest();
    return this.delete(namespace, entries.newest ?? [...entries.byKey.keys()].at(-1));
  }

  takeOldestOfLargest(): T | undefined {
    const [namespace, entries] = this.#largest();
    const [key] = entries.byKey.keys();
    return this.delete(namespace, key);
  }

  /** Removes the first entries of each namespace, as long as they are `old`. */
  dropWhile(old: (entry: T) => boolean): void {
    for (const [namespace, { byKey }] of this.#namespaces) {
      for (const [key, entry] of byKey) {
        if (!old(entry)) break;
        this.delete(namespace, key);
      }
    }
  }

  #largest(): readonly [string, Entries<T>] {
    let largest: readonly [string, Entries<T>] = ['', { byKey: new Map(), bytes: 0, newest: undefined }];
    for (const one of this.#namespaces) if (one[1].bytes > largest[1].bytes) largest = one;
    return largest;
  }
}
