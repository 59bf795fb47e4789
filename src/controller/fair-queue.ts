import { namespaceOf } from '../domain/object-key.ts';

/**
 * Keys that wait with the same priority: round-robin by namespace, so that five thousand objects of one namespace don't delay the
 * only object of another; first in, first out within a namespace.
 */
export class FairQueue {
  /** By namespace, the next one first: its keys, and since when (monotonic) each waits. */
  readonly #namespaces = new Map<string, Map<string, number>>();

  /** Adds the key behind the others of its namespace. It must not wait here already. */
  add(key: string, since: number): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace) ?? new Map<string, number>();
    this.#namespaces.set(namespace, keys.set(key, since));
  }

  /** Since when the key waits; undefined if it doesn't. */
  since(key: string): number | undefined {
    return this.#namespaces.get(namespaceOf(key))?.get(key);
  }

  delete(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#namespaces.delete(namespace);
  }

  /** The next key. */
  head(): { readonly key: string; readonly since: number } | undefined {
    for (const keys of this.#namespaces.values()) {
      const [first] = keys;
      if (first !== undefined) return { key: first[0], since: first[1] };
    }
    return undefined;
  }

  /** Removes the key, and moves its namespace behind the others. */
  pop(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#namespaces.get(namespace);
    this.delete(key);
    this.#namespaces.delete(namespace);
    if (keys !== undefined && keys.size > 0) this.#namespaces.set(namespace, keys);
  }

  /** Since when the oldest key waits; undefined when none waits. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    // The first of each namespace isn't enough: a key whose priority was raised waits behind newer keys.
    for (const keys of this.#namespaces.values())
      for (const since of keys.values()) oldest = Math.min(oldest ?? since, since);
    return oldest;
  }
}
