import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { KeyIndex } from '../domain/key-index.ts';

/** Where the API keys of objects come from. */
export interface SecretReader {
  /** The Secrets (`namespace/name`) that the object's API key may come from. */
  secretsOf(object: VirtualMachine): readonly string[];
  /** Forgets what was read of a Secret. */
  invalidate(secret: string): void;
}

/** Which objects (`namespace/name`) read which Secret, so that a changed Secret requeues exactly these. */
export class SecretIndex {
  readonly #reader: SecretReader;
  readonly #objects = new KeyIndex<string>();

  constructor(reader: SecretReader) {
    this.#reader = reader;
  }

  /**
   * An object was added, changed or, without `after`, deleted. A Secret that no object refers to any longer is
   * forgotten.
   */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    const current = after === undefined ? [] : this.#reader.secretsOf(after);
    for (const secret of before === undefined ? [] : this.#reader.secretsOf(before)) {
      if (current.includes(secret)) continue;
      this.#objects.delete(secret, key);
      if (!this.#objects.has(secret)) this.#reader.invalidate(secret);
    }
    for (const secret of current) this.#objects.add(secret, key);
  }

  usersOf(secret: string): readonly string[] {
    return this.#objects.keysOf(secret);
  }
}
