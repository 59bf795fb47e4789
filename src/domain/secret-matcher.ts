import { spellingsOf } from './secret-encodings.ts';
import { redacted } from './secret.ts';

/** Shorter secrets would redact ordinary words. No key is that short. */
export const shortestSecret = 6;

/** The length of the prefix of a spelling that is looked up first. */
const head = shortestSecret;
/** How many lengths the spellings with one prefix may have. With more, the common prefix counts as the secret. */
const maxLengths = 8;
/** Only this many characters of a longer secret are matched. A text that contains them is redacted from there on. */
const longestWhole = 64;
/** A text with this many prefixes of secrets is redacted from there on. */
const maxBeginnings = 8;

/**
 * Finds secrets in texts, in any case and encoding. A search takes time in proportion to the text, whatever the number
 * and content of the secrets. Stores hashes, not the secrets.
 */
export class SecretMatcher {
  /** Pairs of the hash of a spelling's prefix and the spelling's length. */
  readonly #heads = new PairSet();
  /** Two hashes of each whole spelling. */
  readonly #spellings = new PairSet();
  /** Prefixes with more spellings than can be distinguished. */
  readonly #crowded = new Set<number>();
  /** The second hashes of spellings that are only the prefix of a secret. */
  readonly #endless = new Set<number>();
  #size = 0;
  #longest = 0;

  constructor(secrets: Iterable<string> = []) {
    for (const secret of secrets) this.add(secret);
  }

  /** How many secrets were added. */
  get size(): number {
    return this.#size;
  }

  /**
   * The length of the longest spelling: the end of a truncated text may contain a part of a secret up to this length.
   */
  get longest(): number {
    return this.#longest;
  }

  has(secret: string): boolean {
    const begin = secret.slice(0, longestWhole);
    return begin.length >= shortestSecret && this.#endAt(begin, 0, [begin.length]) !== undefined;
  }

  /** A secret that is too short, or already known, changes nothing. */
  add(secret: string): void {
    if (secret.length < shortestSecret || this.has(secret)) return;
    this.#size += 1;
    const isWhole = secret.length <= longestWhole;
    for (const spelling of spellingsOf(secret.slice(0, longestWhole))) this.#addSpelling(spelling, isWhole);
  }

  quotedIn(text: string): boolean {
    return this.#nextIn(text, 0, { beginnings: 0 }) !== undefined;
  }

  /** The text with every secret replaced. */
  scrub(text: string): string {
    const seen = { beginnings: 0 };
    let match = this.#nextIn(text, 0, seen);
    if (match === undefined) return text;
    let clean = '';
    let rest = 0;
    while (match !== undefined) {
      let { end } = match;
      // A secret that begins inside another one is removed completely, too.
      let next = this.#nextIn(text, match.start + 1, seen);
      while (next !== undefined && next.start < end) {
        end = Math.max(end, next.end);
        next = this.#nextIn(text, next.start + 1, seen);
      }
      clean += text.slice(rest, match.start) + redacted;
      rest = end;
      match = next;
    }
    return clean + text.slice(rest);
  }

  #addSpelling(spelling: string, isWhole: boolean): void {
    if (spelling.length < head) return;
    this.#longest = Math.max(this.#longest, spelling.length);
    let [first, second] = seeds;
    for (let at = 0; at < spelling.length; at += 1) {
      const code = folded(spelling.charCodeAt(at));
      first = mix(first, code);
      second = mix(second, code ^ other);
    }
    this.#spellings.add(first, second | 1);
    if (!isWhole) this.#endless.add(second | 1);
    const start = headHash(spelling, 0);
    const lengths = this.#heads.secondsOf(start);
    if (lengths.length < maxLengths) this.#heads.add(start, spelling.length);
    else if (!lengths.includes(spelling.length)) this.#crowded.add(start);
  }

  /** The longest spelling at the first position from `from` on that has one. */
  #nextIn(text: string, from: number, seen: { beginnings: number }): { start: number; end: number } | undefined {
    if (this.#size === 0) return undefined;
    for (let start = from; start + head <= text.length; start += 1) {
      const hash = headHash(text, start);
      if (!this.#heads.hasFirst(hash)) continue;
      if (this.#crowded.has(hash) || seen.beginnings >= maxBeginnings) return { start, end: text.length };
      const end = this.#endAt(text, start, this.#heads.secondsOf(hash));
      if (end !== undefined) return { start, end };
      seen.beginnings += 1;
    }
    return undefined;
  }

  /** The end of the longest spelling that begins at this position and has one of these lengths. */
  #endAt(text: string, start: number, lengths: readonly number[]): number | undefined {
    let end: number | undefined;
    let at = start;
    let [first, second] = seeds;
    for (const length of lengths.toSorted((a, b) => a - b)) {
      if (start + length > text.length) break;
      for (; at < start + length; at += 1) {
        const code = folded(text.charCodeAt(at));
        first = mix(first, code);
        second = mix(second, code ^ other);
      }
      if (!this.#spellings.has(first, second | 1)) continue;
      if (this.#endless.has(second | 1)) return text.length;
      end = start + length;
    }
    return end;
  }
}

/** Pairs of 32-bit integers, the second of which is never 0. Takes a tenth of the memory of a Map. */
class PairSet {
  #pairs = new Int32Array(128);
  #size = 0;

  add(first: number, second: number): void {
    if (this.has(first, second)) return;
    if (this.#size * 4 >= this.#pairs.length) this.#grow();
    this.#put(first, second);
    this.#size += 1;
  }

  has(first: number, second: number): boolean {
    for (let slot = this.#slotOf(first); this.#pairs[slot + 1] !== 0; slot = this.#after(slot)) {
      if (this.#pairs[slot] === first && this.#pairs[slot + 1] === second) return true;
    }
    return false;
  }

  hasFirst(first: number): boolean {
    for (let slot = this.#slotOf(first); this.#pairs[slot + 1] !== 0; slot = this.#after(slot)) {
      if (this.#pairs[slot] === first) return true;
    }
    return false;
  }

  secondsOf(first: number): readonly number[] {
    const seconds: number[] = [];
    for (let slot = this.#slotOf(first); this.#pairs[slot + 1] !== 0; slot = this.#after(slot)) {
      if (this.#pairs[slot] === first) seconds.push(this.#pairs[slot + 1] ?? 0);
    }
    return seconds;
  }

  #put(first: number, second: number): void {
    let slot = this.#slotOf(first);
    while (this.#pairs[slot + 1] !== 0) slot = this.#after(slot);
    this.#pairs[slot] = first;
    this.#pairs[slot + 1] = second;
  }

  #slotOf(first: number): number {
    return ((Math.imul(first ^ (first >>> 16), 0x2c1b3c6d) >>> 8) * 2) & (this.#pairs.length - 1);
  }

  #after(slot: number): number {
    return (slot + 2) & (this.#pairs.length - 1);
  }

  #grow(): void {
    const old = this.#pairs;
    this.#pairs = new Int32Array(old.length * 2);
    for (let slot = 0; slot < old.length; slot += 2) {
      const second = old[slot + 1] ?? 0;
      if (second !== 0) this.#put(old[slot] ?? 0, second);
    }
  }
}

function headHash(text: string, start: number): number {
  let hash = seeds[0];
  for (let at = start; at < start + head; at += 1) hash = mix(hash, folded(text.charCodeAt(at)));
  return hash;
}

/** Random, so that an attacker can't choose secrets with equal hashes. */
const [seed = 0, otherSeed = 0, anyFactor = 0] = crypto.getRandomValues(new Int32Array(3));
const seeds = [seed, otherSeed] as const;
const factor = anyFactor | 1;
/** Makes the second hash independent of the first. */
const other = 0x5bd1;

function mix(hash: number, code: number): number {
  const product = Math.imul(hash ^ code, factor);
  return product ^ (product >>> 15);
}

/** Ignores the case of ASCII letters: providers lower-case host names, and the operator lower-cases task statuses. */
function folded(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code;
}
