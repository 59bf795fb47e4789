import { redacted, secretName } from '../../domain/secret.ts';
import { isRecord } from '../../domain/json.ts';
import { SecretMatcher, shortestSecret } from '../../domain/secret-matcher.ts';
import { cutToCharacters, printable, withoutUnprintable } from '../../domain/text.ts';
import { spellingsOf } from '../../domain/secret-encodings.ts';
import { registeredSecrets } from '../../telemetry/redact.ts';

/** Limits the error body that is read, and so the input of all patterns. */
const longestRead = 16 * 1024;
const longestText = 256;
/** `password=x`, `"password": "x"` and the like in plain text. */
const secretAssignment = new RegExp(
  String.raw`(?:${secretName.source})[\w-]{0,64}["']?\s{0,16}[:=]\s{0,16}(?:"([^"]+)|'([^']+)|([^\s"',;&<>}\]]+))`,
  'gi',
);

/**
 * The provider's message in an error body: `error`, `errors` or `message` of a JSON object, otherwise the text without
 * tags. One line of at most 256 characters, from which `known` secrets and every value of a field named like a password
 * are removed.
 */
export function errorText(body: string, known: SecretMatcher, isCut = false): string {
  const words = isCut ? undefined : jsonErrorText(body, known);
  if (words !== undefined) return words;
  const text = withoutTail(body, known, isCut);
  // Invalid JSON: the field that would show which of its words is a password may be the missing part.
  if (/^[[{"]/.test(text.trimStart())) return '';
  const values = Array.from(text.matchAll(secretAssignment), (match) => match[1] ?? match[2] ?? match[3] ?? '');
  return tidy(text, known, new Set(values));
}

/** The same, for a body that is quoted only if it is JSON; undefined if it isn't, or is too long. */
export function jsonErrorText(body: string, known: SecretMatcher): string | undefined {
  if (body.length > longestRead) return undefined;
  const json = parse(body);
  return json && tidy(wordsOf(json.value), known, new Set(secretValues(json.value, 0)));
}

/** Makes any text suitable for `Failure.text`: one line without tags and secrets, at most 256 characters. */
export function tidy(body: string, known: SecretMatcher, own: ReadonlySet<string> = new Set()): string {
  // A response with so many passwords has no useful text.
  if (own.size > 100) return redacted;
  const text = withoutTail(body, known, false);
  const without = (words: string): string => registeredSecrets().scrub(known.scrub(withoutOwn(words, own)));
  // Twice: tags and white space can be part of a secret, or split one.
  const oneLine = stripTags(without(text)).replace(/\s+/g, ' ').trim();
  const joined = withoutUnprintable(oneLine);
  const bare = without(joined);
  const clean = bare === joined ? printable(oneLine) : bare;
  return cutToCharacters(clean, longestText);
}

/** The beginning of the text. If it is truncated, without the end, which may contain the first half of a secret. */
function withoutTail(text: string, known: SecretMatcher, isCut: boolean): string {
  if (!isCut && text.length <= longestRead) return text;
  const tail = Math.max(known.longest, registeredSecrets().longest);
  return text.slice(0, Math.max(0, Math.min(text.length, longestRead) - tail));
}

/** The body itself marks these as secrets, so even short ones are removed. */
function withoutOwn(text: string, own: ReadonlySet<string>): string {
  const matcher = new SecretMatcher(own);
  let clean = matcher.scrub(text);
  for (const short of own) {
    if (short.length >= shortestSecret) continue;
    for (const form of spellingsOf(short).toSorted((a, b) => b.length - a.length)) {
      clean = clean.replaceAll(form, redacted);
    }
  }
  return clean;
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

/** Without a pattern, because searching an end from each of many beginnings takes quadratic time. */
function stripTags(text: string): string {
  let words = '';
  let rest = 0;
  for (let start = text.indexOf('<'); start !== -1; start = text.indexOf('<', start)) {
    if (!/[a-z/!?]/i.test(text.charAt(start + 1))) {
      start += 1;
      continue;
    }
    words += `${text.slice(rest, start)} `;
    rest = endOfTag(text, start);
    start = rest;
  }
  return words + text.slice(rest);
}

/** The position after the tag at `start`, and after the content that it hides. */
function endOfTag(text: string, start: number): number {
  const end = text.indexOf('>', start) + 1;
  if (end === 0) return text.length;
  const [, name] = /^<(script|style)\b/i.exec(text.slice(start, start + 8)) ?? [];
  if (name === undefined) return end;
  const closing = name.toLowerCase() === 'script' ? /<\/script>/gi : /<\/style>/gi;
  closing.lastIndex = end;
  return closing.exec(text) === null ? text.length : closing.lastIndex;
}

function wordsOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (!isRecord(value)) return '';
  for (const field of ['error', 'errors', 'message']) {
    const words = sentence(value[field], 0);
    if (words !== '') return words;
  }
  return '';
}

/** `errors` may be a string, a list, or a map from field to either. */
function sentence(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (depth > 3) return '';
  if (Array.isArray(value)) return join(value.map((entry) => sentence(entry, depth + 1)));
  if (!isRecord(value)) return '';
  return join(
    Object.entries(value).map(([field, entry]) => {
      const words = secretName.test(field) ? redacted : sentence(entry, depth + 1);
      return words === '' ? '' : `${field}: ${words}`;
    }),
  );
}

function join(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('; ');
}

function secretValues(value: unknown, depth: number): string[] {
  if (depth > 8 || typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, entry]: [string, unknown]) => {
    if (typeof entry === 'string') return secretName.test(field) && entry !== '' ? [entry] : [];
    return secretValues(entry, depth + 1);
  });
}
