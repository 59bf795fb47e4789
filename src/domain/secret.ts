/** What is printed instead of a secret. */
export const redacted = '[redacted]';

/** Matches the name of a field that contains a secret. A part of the name is enough. */
export const secretName = /authorization|cookie|pass|secret|token|api[-_ ]?key|credential|private[-_ ]?key/i;

/**
 * A value that must never be printed: an API key or an initial password. Every implicit conversion to text (template,
 * JSON, inspect, concatenation) returns `[redacted]`. Only `reveal()` returns the plain text.
 */
export class Secret {
  readonly #plain: string;

  constructor(plain: string) {
    this.#plain = plain;
  }

  /** The plain text. Call it only where the value leaves the process on purpose. */
  reveal(): string {
    return this.#plain;
  }

  /** Whether the text is empty. */
  get isEmpty(): boolean {
    return this.#plain === '';
  }

  equals(other: Secret): boolean {
    return this.#plain === other.#plain;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.toPrimitive](): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}
