import { SecretIndex } from '../../domain/secret-matcher.ts';
import type { Secret } from '../../domain/secret.ts';

/** Passwords that are no longer listed are kept up to so many times the newest list, which may have lost some for a moment. */
const mostTurnover = 2;
const fewest = 1_000;

/** What must not show in the provider's words: the API key in use, and the passwords that its responses contained. */
export class KnownSecrets {
  readonly #key: string;
  #index: SecretIndex;

  constructor(key: Secret) {
    this.#key = key.reveal();
    this.#index = new SecretIndex([this.#key]);
  }

  get index(): SecretIndex {
    return this.#index;
  }

  /** The passwords of a whole list: a password that came with an earlier one may go in time. */
  addList(passwords: readonly string[]): void {
    if (this.#index.size > mostTurnover * passwords.length + fewest) this.#index = new SecretIndex([this.#key]);
    for (const password of passwords) this.#index.add(password);
  }

  add(password: string): void {
    this.#index.add(password);
  }

  /** The key and this password alone. */
  with(password: string | undefined): SecretIndex {
    return new SecretIndex(password === undefined ? [this.#key] : [this.#key, password]);
  }
}
