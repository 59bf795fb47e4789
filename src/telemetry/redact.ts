import { Secret } from '../model/secret.ts';
import { spellingsOf } from './spellings.ts';

const redacted = '[redacted]';

const limits = { depth: 5, entries: 50, text: 2_048, stack: 4_096 } as const;

/** Fields that carry secrets in other people's objects; a part of the name is enough, whatever its case. */
const tellingName = /authorization|cookie|password|passwd|secret|token|api[-_]?key|credential|private[-_]?key/i;
/** Names that match the above and are harmless: they say where a secret is, not what it is. */
const harmlessName = /(name|ref|namespace|valid|version)$/i;

/** Shorter ones would blot out ordinary words; nobody's key is that short. */
const shortestSecret = 6;
const mostSecrets = 1_000;
/** Each known secret with all its spellings; in order of registration. */
const knownSecrets = new Map<string, readonly string[]>();
/** All spellings, the longest first: one may be the beginning of another, of which nothing must be left. Undefined while out of date. */
let knownSpellings: readonly string[] | undefined;

/**
 * From now on `scrub` removes this secret, as it is and as URLs, base64 and JSON spell it. Only the newest thousand are
 * kept, so that keys may be rotated for ever.
 */
export function registerSecret(secret: Secret): void {
  const plain = secret.reveal();
  if (plain.length < shortestSecret) return;
  const spellings = knownSecrets.get(plain) ?? spellingsOf(plain);
  knownSecrets.delete(plain);
  knownSecrets.set(plain, spellings);
  const [oldest] = knownSecrets.keys();
  if (knownSecrets.size > mostSecrets && oldest !== undefined) knownSecrets.delete(oldest);
  knownSpellings = undefined;
}

/** The text without any registered secret: the last line of defence, for texts that should not carry one anyway. */
export function scrub(text: string): string {
  knownSpellings ??= [...new Set([...knownSecrets.values()].flat())].toSorted((a, b) => b.length - a.length);
  let clean = text;
  for (const spelling of knownSpellings) clean = clean.replaceAll(spelling, redacted);
  return clean;
}

export interface RedactOptions {
  /** Stacks help developers and name their files; users get them at debug level only. */
  readonly withStacks: boolean;
}

/**
 * Any value as plain JSON data that is safe to log, bounded in depth, length and number of entries. Plain objects and
 * arrays are walked; of an error only an allow-list is taken, for its `cause`, `options`, `request` or `headers` may
 * hold an API key; every other instance of a class is reduced to its name. Never throws.
 */
export function redact(value: unknown, options: RedactOptions = { withStacks: false }): unknown {
  return walk(value, options, []);
}

function walk(value: unknown, options: RedactOptions, path: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return shorten(scrub(value), limits.text);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : walkObject(value, options, path);
    default:
      // undefined, functions and symbols have nothing to say in a log.
      return undefined;
  }
}

function walkObject(value: object, options: RedactOptions, path: readonly object[]): unknown {
  if (value instanceof Secret) return redacted;
  if (path.includes(value)) return '[circular]';
  if (path.length >= limits.depth) return '[deeper]';
  try {
    const below = [...path, value];
    if (value instanceof Error) return walkError(value, options, below);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof URL) return scrub(`${value.origin}${value.pathname}`);
    if (Array.isArray(value)) return walkList(value, options, below);
    if (value instanceof Set) return walkList([...value], options, below);
    if (value instanceof Map) return walkEntries([...value], options, below);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return walkEntries(Object.entries(value), options, below);
    return `[${scrub(value.constructor.name)}]`;
  } catch {
    // A getter or a proxy that throws must not take the line, or the operator, down.
    return '[unreadable]';
  }
}

/** `class`, `code` and `status` are what the provider's and Kubernetes' failures are told apart by. */
function walkError(error: Error, options: RedactOptions, path: readonly object[]): unknown {
  const fields: Record<string, unknown> = { name: error.name, message: error.message };
  for (const name of ['code', 'class', 'status']) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  const clean = walkEntries(Object.entries(fields), options, path);
  if (!options.withStacks || typeof error.stack !== 'string') return clean;
  return { ...clean, stack: shorten(scrub(error.stack), limits.stack) };
}

function walkList(items: readonly unknown[], options: RedactOptions, path: readonly object[]): unknown {
  const shown = items.slice(0, limits.entries).map((item) => walk(item, options, path) ?? null);
  return items.length > limits.entries ? [...shown, `[${items.length - limits.entries} more]`] : shown;
}

function walkEntries(
  entries: readonly (readonly [unknown, unknown])[],
  options: RedactOptions,
  path: readonly object[],
): Record<string, unknown> {
  const clean = new Map<string, unknown>();
  for (const [key, value] of entries.slice(0, limits.entries)) {
    const name = shorten(scrub(String(key)), 128);
    const isTelling = typeof value === 'string' && tellingName.test(name) && !harmlessName.test(name);
    const text = isTelling ? redacted : walk(value, options, path);
    if (text !== undefined) clean.set(name, text);
  }
  if (entries.length > limits.entries) clean.set('…', `[${entries.length - limits.entries} more]`);
  return Object.fromEntries(clean);
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
