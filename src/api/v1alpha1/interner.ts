/** Enough for the wordings of a fleet; after that, what is remembered is forgotten at once, and sharing starts again. */
const most = 2_000;
/** Longer ones (in JSON) are hardly ever equal, and a tenant that makes each of them another would have all of them kept. */
const longest = 1_024;

/**
 * Keeps equal values once. The objects of a fleet mostly say the same (sizes, defaults, conditions), and each comes off the
 * wire with a separate copy: that would be half of their memory. Only for values that are never changed.
 */
export class Interner {
  readonly #known = new Map<string, unknown>();

  /** The first of all values that have the same JSON, for a while. */
  intern<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    const text = JSON.stringify(value);
    if (text.length > longest) return value;
    const known = this.#known.get(text);
    // What has the same JSON as a T came off the same wire: it is one.
    if (known !== undefined) return known as T;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, value);
    return value;
  }

  /** An object each of whose fields is shared, but those that are its own: kept, they would only displace others. */
  internFields<T extends object>(value: T, own: readonly (keyof T)[] = []): T {
    // A copy of the same shape takes less memory than one put together again.
    const copy = { ...value };
    // `as`: the names of an object's own fields.
    for (const name of Object.keys(copy) as (keyof T)[]) if (!own.includes(name)) copy[name] = this.intern(copy[name]);
    return copy;
  }
}
