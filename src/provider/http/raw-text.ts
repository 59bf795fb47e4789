import { SecretMatcher } from '../../domain/secret-matcher.ts';
import { cutToCharacters, hasCharacters, isPrintable, printable, withoutUnprintable } from '../../domain/text.ts';
import { registeredSecrets } from '../../telemetry/redact.ts';
import type { KnownSecrets } from './known-secrets.ts';

/** Kubernetes stores no longer name, and no VM has one. */
export const longestName = 255;

declare const raw: unique symbol;

/** Unsanitized text of the provider, of limited length. Its type isn't string, so that it can't leave the decoder. */
export interface RawText {
  readonly [raw]: true;
}

/**
 * A text of at most this many characters. A longer one counts as missing, because a truncated text would name something
 * else.
 */
export function rawText(value: unknown, longest = longestName): RawText | undefined {
  const isUsable = typeof value === 'string' && value !== '' && hasCharacters(value, 0, longest);
  // A string at run time; only `Sanitizer` converts it back.
  return isUsable ? (value as unknown as RawText) : undefined;
}

export function lengthOf(text: RawText | undefined): number {
  return text === undefined ? 0 : toString(text).length;
}

/** Whether the text has characters that can't be shown. */
export function isUnprintable(text: RawText): boolean {
  return !isPrintable(toString(text));
}

/** Names of regions, packages, templates and tasks occur in every VM: each is sanitized and stored once. */
const maxRemembered = 1_000;

/**
 * The only conversion of provider text to a string. Removes unprintable characters, known secrets, and registered keys.
 * One instance serves one response.
 */
export class Sanitizer {
  readonly #secrets: KnownSecrets;
  readonly #known: SecretMatcher;
  readonly #remembered = new Map<RawText, string>();

  constructor(secrets: KnownSecrets) {
    this.#secrets = secrets;
    this.#known = secrets.matcher;
  }

  /** Sanitizes a text that is shown. */
  shown(text: RawText | undefined): string | undefined {
    if (text === undefined) return undefined;
    const remembered = this.#remembered.get(text);
    if (remembered !== undefined) return remembered;
    const plain = toString(text);
    const scrubbed = this.#scrub(plain);
    // Invisible characters can split a secret.
    const joined = withoutUnprintable(scrubbed);
    const bare = this.#scrub(joined);
    const clean = bare === joined ? printable(scrubbed) : bare;
    const shown = clean === plain ? plain : cutToCharacters(clean, longestName);
    if (this.#remembered.size < maxRemembered) this.#remembered.set(text, shown);
    return shown;
  }

  #scrub(text: string): string {
    return registeredSecrets().scrub(this.#known.scrub(text));
  }

  /**
   * A text that identifies something: unchanged, or undefined if it must not be shown unchanged. `own`: the password of
   * the thing. Passwords of others don't count, or one VM with a common word as password would hide all VMs named after
   * it.
   */
  exact(text: RawText, own?: string): string | undefined {
    const plain = toString(text);
    if (!isPrintable(plain) || registeredSecrets().quotedIn(plain)) return undefined;
    if (!this.#known.quotedIn(plain)) return plain;
    return this.#secrets.with(own).quotedIn(plain) ? undefined : plain;
  }
}

function toString(text: RawText): string {
  // Created by `rawText`.
  return text as unknown as string;
}
