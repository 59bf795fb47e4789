import { parseJson, reportsFailure, WireError } from './json-fields.ts';

/**
 * The limits of a list: twice the size of 10,000 VMs. They bound the memory that the worst list takes, so they and the
 * memory limit of the chart are set together (test/provider/http/list-memory.test.ts).
 */
export const listLimits = {
  bytes: 16 * 1024 * 1024,
  entries: 20_000,
  /** Totals of all VMs: IP addresses, and characters of names, host names, passwords and other texts. */
  addresses: 200_000,
  characters: 5_000_000,
  /** Only the members of usual length are read from a longer entry. */
  entryLength: 128 * 1024,
  memberLength: 64 * 1024,
  members: 256,
} as const;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Reads the entries of a list one by one, so that a list of millions of tiny values is never in memory as a whole. A
 * list is a bare array, or an object with exactly one array, under one of the known names. Anything else is refused: an
 * error object with an empty `errors` array must not look like an empty list.
 */
export function readEntries<T>(text: string, names: readonly string[], read: (entry: unknown) => T): T[] {
  return new ListReader(text, names, read).list();
}

/** The nesting of a VM: an object, possibly wrapped in an object, with its last task inside. */
const maxDepth = 2;

/** Replaces a value that is skipped because of its size. */
const tooLarge = Symbol('too large');

class ListReader<T> {
  readonly #text: string;
  readonly #names: readonly string[];
  readonly #read: (entry: unknown) => T;
  #at = 0;

  constructor(text: string, names: readonly string[], read: (entry: unknown) => T) {
    this.#text = text;
    this.#names = names;
    this.#read = read;
  }

  list(): T[] {
    this.#skipSpace();
    const start = this.#code();
    if (start !== openBracket && start !== openBrace) {
      parseJson(this.#text);
      throw new WireError('the list is neither an array nor an object');
    }
    const entries = start === openBracket ? this.#array() : this.#envelope();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw notJson();
    return entries;
  }

  #array(): T[] {
    const entries: T[] = [];
    this.#at += 1;
    this.#skipSpace();
    if (this.#take(closeBracket)) return entries;
    do {
      if (entries.length === listLimits.entries) {
        throw new WireError(`the list has more than ${listLimits.entries} entries`);
      }
      const entry = this.#entry();
      if (entry === tooLarge) throw new WireError('an entry of the list is too large');
      entries.push(this.#read(entry));
    } while (this.#take(comma));
    if (!this.#take(closeBracket)) throw notJson();
    return entries;
  }

  #envelope(): T[] {
    let entries: T[] | undefined;
    let members = 0;
    this.#members((name) => {
      members += 1;
      if (members > listLimits.members) throw new WireError('the list says too much beside its entries');
      if (this.#code() === openBracket) {
        if (entries !== undefined || !this.#names.includes(name)) throw noKnownArray();
        entries = this.#array();
        return;
      }
      const value = this.#value();
      if (value === tooLarge) throw new WireError('the list says too much beside its entries');
      if (reportsFailure({ [name]: value })) throw new WireError('the list reports a failure');
    });
    if (entries === undefined) throw noKnownArray();
    return entries;
  }

  /** The members of usual size in a large object, such as the id of an entry. */
  #entry(longest: number = listLimits.entryLength, depth = 0): unknown {
    this.#skipSpace();
    const start = this.#at;
    const entry = this.#value(longest);
    if (entry !== tooLarge || this.#text.charCodeAt(start) !== openBrace || depth > maxDepth) return entry;
    this.#at = start;
    const members = new Map<string, unknown>();
    this.#members((name) => {
      if (members.size >= listLimits.members) {
        this.#skipValue();
        return;
      }
      const value = this.#entry(listLimits.memberLength, depth + 1);
      if (value !== tooLarge) members.set(name, value);
    });
    this.#skipSpace();
    return Object.fromEntries(members);
  }

  /** Calls `read` at the value of each member of the object that begins here. `read` must move behind the value. */
  #members(read: (name: string) => void): void {
    this.#at += 1;
    this.#skipSpace();
    if (this.#take(closeBrace)) return;
    do {
      const name = this.#value();
      if (typeof name !== 'string' || !this.#take(colon)) throw notJson();
      this.#skipSpace();
      read(name);
      this.#skipSpace();
    } while (this.#take(comma));
    if (!this.#take(closeBrace)) throw notJson();
  }

  /** Reads the next value and the white space around it. */
  #value(longest: number = listLimits.memberLength): unknown {
    this.#skipSpace();
    const start = this.#at;
    this.#skipValue();
    const value = this.#at - start > longest ? tooLarge : parseJson(this.#text.slice(start, this.#at));
    this.#skipSpace();
    return value;
  }

  /** Skips to the end of the next value. Parsing shows whether it is valid. */
  #skipValue(): void {
    const text = this.#text;
    let at = this.#at;
    let depth = 0;
    do {
      const code = text.charCodeAt(at);
      if (code === quote) at = endOfString(text, at);
      else if (code === openBracket || code === openBrace) depth += 1;
      else if (code === closeBracket || code === closeBrace) depth -= 1;
      else if (depth === 0) at = endOfWord(text, at);
      if (depth < 0) break;
      at += 1;
    } while (depth > 0 && at < text.length);
    this.#at = Math.min(at, text.length);
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #take(code: number): boolean {
    if (this.#code() !== code) return false;
    this.#at += 1;
    return true;
  }

  #code(): number {
    return this.#text.charCodeAt(this.#at);
  }
}

/** The position of the quote that ends the string at `start`; that of the last character if there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at += 1;
  }
  return text.length;
}

/** The position of the last character of the number or word at `start`. */
function endOfWord(text: string, start: number): number {
  let at = start;
  while (at < text.length && !isEndOfWord(text.charCodeAt(at))) at += 1;
  return at - 1;
}

function isEndOfWord(code: number): boolean {
  return code === comma || code === colon || code === closeBracket || code === closeBrace || isSpace(code);
}

/** White space of JSON. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function notJson(): WireError {
  return new WireError('the answer is not JSON');
}

function noKnownArray(): WireError {
  return new WireError('the list is an object without exactly one known array');
}
