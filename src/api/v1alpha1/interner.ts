/** Enough for the values of a fleet. When it is exceeded, the interner forgets all values and starts again. */
const most = 2_000;
/** Longer values (in JSON) are rarely equal, and a tenant that varies them would fill the interner. */
const longest = 1_024;

/**
 * Shares equal values. The objects of a fleet mostly have the same sizes, defaults and conditions, and each arrives as
 * a separate copy, which would be half of their memory. Only for values that are never changed.
 */
export class Interner {
  readonly #known = new Map<string, unknown>();

  /** The first of all recent values with the same JSON. */
  intern<T>(value: T): T {
    if (typeof value !== 'object' || value === null) return value;
    const text = JSON.stringify(value);
    if (text.length > longest) return value;
    const known = this.#known.get(text);
    // `as`: a value with the same JSON as a T came from the same source.
    if (known !== undefined) return known as T;
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(text, value);
    return value;
  }

  /** An object whose fields are shared, except the given ones, which would only displace others. */
  internFields<T extends object>(value: T, own: readonly (keyof T)[] = []): T {
    // A copy of the same shape takes less memory than an object that is built by adding fields.
    const copy = { ...value };
    // `as`: the names of an object's own fields.
    for (const name of Object.keys(copy) as (keyof T)[]) if (!own.includes(name)) copy[name] = this.intern(copy[name]);
    return copy;
  }
}
