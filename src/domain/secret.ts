/** What is shown in the place of a secret. */
export const redacted = '[redacted]';

/** Matches the name of a field that holds a secret; a part of the name is enough. */
export const secretName = /authorization|cookie|pass|secret|token|api[-_ ]?key|credential|private[-_ ]?key/i;

/**
 * A value that must never be printed: an API key or a machine's initial password.
 * Every implicit way to text (template, JSON, inspect, concatenation) yields `[redacted]`;
 * `reveal()` is the only way to the plain text and is called at the outermost edge only.
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

  /** Whether there is nothing to keep secret. */
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
