import { SecretMatcher } from '../../domain/secret-matcher.ts';
import type { Secret } from '../../domain/secret.ts';

/**
 * Passwords that are no longer listed are kept, up to this multiple of the newest list, which may lack some
 * temporarily.
 */
const maxTurnover = 2;
const fewest = 1_000;

/** The secrets that must not appear in the provider's texts: the API key in use, and the passwords in its responses. */
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

  /** Adds the passwords of a whole list. Those of earlier lists are forgotten once there are too many. */
  addList(passwords: readonly string[]): void {
    if (this.#matcher.size > maxTurnover * passwords.length + fewest) this.#matcher = new SecretMatcher([this.#key]);
    for (const password of passwords) this.#matcher.add(password);
  }

  add(password: string): void {
    this.#matcher.add(password);
  }

  /** Only the key and this password. */
  with(password: string | undefined): SecretMatcher {
    return new SecretMatcher(password === undefined ? [this.#key] : [this.#key, password]);
  }
}
