/** The key of a namespaced object in the queue, the caches and the logs: `namespace/name`. */
export function objectKey({
  metadata,
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** The namespace of a key; empty for a key without one. */
export function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}

/**
 * Which keys belong to which value. Nearly every value has one key, which is stored directly: a Set for each of ten
 * thousand values would take several times the memory.
 */
export class KeyIndex<T> {
  readonly #keys = new Map<T, string | Set<string>>();

  add(value: T, key: string): void {
    const known = this.#keys.get(value);
    if (known === undefined || known === key) this.#keys.set(value, key);
    else if (typeof known === 'string') this.#keys.set(value, new Set([known, key]));
    else known.add(key);
  }

  delete(value: T, key: string): void {
    const known = this.#keys.get(value);
    if (known === key) this.#keys.delete(value);
    if (typeof known !== 'object' || !known.delete(key)) return;
    const [last] = known;
    if (known.size === 1 && last !== undefined) this.#keys.set(value, last);
  }

  has(value: T): boolean {
    return this.#keys.has(value);
  }

  keysOf(value: T): readonly string[] {
    const known = this.#keys.get(value);
    if (known === undefined) return [];
    return typeof known === 'string' ? [known] : [...known];
  }
}
