import { SecretMatcher, shortestSecret } from '../domain/secret-matcher.ts';
import { redacted, Secret, secretName } from '../domain/secret.ts';
import { cutToBytes, cutToCharacters, printable } from '../domain/text.ts';

/**
 * `read`: only this much of a longer text is searched for secrets. It is more than the shown length, so that no secret
 * is cut in two.
 */
const limits = { depth: 5, entries: 50, text: 2_048, stack: 4_096, read: 16_384 } as const;

/** Secret names that are harmless: the field says where a secret is, not what it is. */
const harmlessName = /(name|ref|namespace|valid|version)$/i;

/** How many released secrets are still redacted, because a log line may come late. */
const maxReleased = 1_000;
/** The secrets in use, with their reference counts. */
const held = new Map<string, number>();
/** The most recently released secrets, in the order of their release. */
const released = new Set<string>();
/** Matches all secrets in use and of up to a thousand outdated ones; undefined while out of date. */
let matcher: SecretMatcher | undefined;
let forgotten = 0;

/**
 * From now on `scrub` removes this secret, also in its URL, base64 and JSON encodings, until the returned function is
 * called and a thousand others have been released since. So keys may be rotated without limit, and those in use are
 * never forgotten.
 */
export function registerSecret(secret: Secret): () => void {
  const plain = secret.reveal();
  if (plain.length < shortestSecret) return () => {};
  released.delete(plain);
  held.set(plain, (held.get(plain) ?? 0) + 1);
  matcher?.add(plain);
  let isHeld = true;
  return () => {
    if (isHeld) release(plain);
    isHeld = false;
  };
}

function release(plain: string): void {
  const uses = (held.get(plain) ?? 1) - 1;
  if (uses > 0) {
    held.set(plain, uses);
    return;
  }
  held.delete(plain);
  released.add(plain);
  const [oldest] = released;
  if (released.size <= maxReleased || oldest === undefined) return;
  released.delete(oldest);
  forgotten += 1;
  // The matcher is rebuilt only now and then, not with each rotated key.
  if (forgotten >= maxReleased) matcher = undefined;
}

/** The matcher of all registered secrets. */
export function registeredSecrets(): SecretMatcher {
  if (matcher === undefined) {
    matcher = new SecretMatcher([...held.keys(), ...released]);
    forgotten = 0;
  }
  return matcher;
}

/** The text without any registered secret: the last line of defense, for texts that should not contain one anyway. */
export function scrub(text: string): string {
  return registeredSecrets().scrub(text);
}

export interface RedactOptions {
  /** Stacks are for developers and name their files, so only the debug level prints them. */
  readonly withStacks: boolean;
}

/**
 * Any value as plain JSON data that is safe to log, limited in depth, length and number of entries. Plain objects and
 * arrays are walked; of an error only an allowlist is copied, because its `cause`, `options`, `request` or `headers`
 * may contain an API key; every other class instance is reduced to its name. Never throws.
 */
export function redact(value: unknown, options: RedactOptions = { withStacks: false }): unknown {
  return walk(value, options, []);
}

function walk(value: unknown, options: RedactOptions, path: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return cutToCharacters(printable(scrub(cutToBytes(value, limits.read))), limits.text);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : walkObject(value, options, path);
    default:
      // undefined, functions and symbols have nothing to log.
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
    // A getter or a proxy that throws must not crash the operator or lose the line.
    return '[unreadable]';
  }
}

/** `class`, `code` and `status` distinguish the failures of the provider and of Kubernetes. */
function walkError(error: Error, options: RedactOptions, path: readonly object[]): unknown {
  const fields: Record<string, unknown> = { name: error.name, message: error.message };
  for (const name of ['code', 'class', 'status']) {
    const value: unknown = Reflect.get(error, name);
    if (typeof value === 'string' || typeof value === 'number') fields[name] = value;
  }
  const clean = walkEntries(Object.entries(fields), options, path);
  if (!options.withStacks || typeof error.stack !== 'string') return clean;
  return { ...clean, stack: cutToCharacters(scrub(cutToBytes(error.stack, limits.read)), limits.stack) };
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
    const name = cutToCharacters(printable(scrub(cutToBytes(String(key), limits.read))), 128);
    const isSecret = typeof value === 'string' && secretName.test(name) && !harmlessName.test(name);
    const text = isSecret ? redacted : walk(value, options, path);
    if (text !== undefined) clean.set(name, text);
  }
  if (entries.length > limits.entries) clean.set('…', `[${entries.length - limits.entries} more]`);
  return Object.fromEntries(clean);
}
