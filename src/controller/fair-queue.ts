/**
 * Keys that wait with the same urgency. Namespaces take turns, so that five thousand objects of one do not hold up the only
 * one of another; within a namespace, who came first goes first.
 */
export class FairQueue {
  /** By namespace, the one whose turn is next first; of each, since when (monotonic) which key waits. */
  readonly #namespaces = new Map<string, Map<string, number>>();

  /** Behind the other keys of its namespace. It must not wait here already. */
  add(key: string, since: number): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace) ?? new Map<string, number>();
    this.#namespaces.set(namespace, keys.set(key, since));
  }

  /** Since when the key waits; undefined if it does not. */
  since(key: string): number | undefined {
    return this.#namespaces.get(namespaceOf(key))?.get(key);
  }

  delete(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#namespaces.delete(namespace);
  }

  /** Whose turn it is. */
  head(): { readonly key: string; readonly since: number } | undefined {
    for (const keys of this.#namespaces.values()) {
      const [first] = keys;
      if (first !== undefined) return { key: first[0], since: first[1] };
    }
    return undefined;
  }

  /** The key's turn is over: it is taken out, and its namespace goes behind the others. */
  pop(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    this.delete(key);
    this.#namespaces.delete(namespace);
    if (keys !== undefined && keys.size > 0) this.#namespaces.set(namespace, keys);
  }

  /** Since when the key that waits longest does; undefined when none waits. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    // Not only the first of each namespace: a key that became more urgent waits behind keys that came later than it.
    for (const keys of this.#namespaces.values())
      for (const since of keys.values()) oldest = Math.min(oldest ?? since, since);
    return oldest;
  }
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}
