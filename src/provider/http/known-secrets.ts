import { SecretMatcher } from '../../domain/secret-matcher.ts';
import type { Secret } from '../../domain/secret.ts';

/** Passwords that are no longer listed are kept up to so many times the newest list, which may have lost some for a moment. */
const mostTurnover = 2;
const fewest = 1_000;

/** What must not show in the provider's words: the API key in use, and the passwords that its responses contained. */
export class KnownSecrets {
  readonly #key: string;
  #matcher: SecretMatcher;

  constructor(key: Secret) {
    this.#key = key.reveal();
    this.#matcher = new SecretMatcher([this.#key]);
  }

  get matcher(): SecretMatcher {
    return this.#matcher;
  }

  /** The passwords of a whole list: a password that came with an earlier one may go in time. */
  addList(passwords: readonly string[]): void {
    if (this.#matcher.size > mostTurnover * passwords.length + fewest) this.#matcher = new SecretMatcher([this.#key]);
    for (const password of passwords) this.#matcher.add(password);
  }

  add(password: string): void {
    this.#matcher.add(password);
  }

  /** The key and this password alone. */
  with(password: string | undefined): SecretMatcher {
    return new SecretMatcher(password === undefined ? [this.#key] : [this.#key, password]);
  }
}
