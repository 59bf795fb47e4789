import { spellingsOf } from '../../telemetry/spellings.ts';

const longestText = 256;
const redacted = '[redacted]';
const secretField = /pass|secret|api[-_ ]?key|token/i;
/** `password=x`, `"password": "x"` and the like in plain text. */
const secretAssignment =
  /(?:pass|secret|api[-_ ]?key|token)[\w-]{0,64}["']?\s{0,16}[:=]\s{0,16}(?:"([^"]+)|'([^']+)|([^\s"',;&<>}\]]+))/gi;

/**
 * The provider's words in an error body: `error`, `errors` or `message` of a JSON object, else the text without tags.
 * One line of at most 256 characters, from which `key` and every value of a field named like a password are removed.
 */
export function errorText(body: string, key: string): string {
  const words = jsonErrorText(body, key);
  if (words !== undefined) return words;
  // Broken JSON: the field that would show which of its words is a password may be the part that is missing.
  if (/^\s*[[{"]/.test(body)) return '';
  const values = Array.from(body.matchAll(secretAssignment), (match) => match[1] ?? match[2] ?? match[3] ?? '');
  return tidy(body, [key, ...new Set(values)]);
}

/** The same of a body that must be JSON to be quoted at all; undefined if it is not. */
export function jsonErrorText(body: string, key: string): string | undefined {
  const json = parse(body);
  return json && tidy(wordsOf(json.value), [key, ...new Set(secretValues(json.value, 0))]);
}

/** Makes any text fit for `Failure.text`: one line without tags and secrets, at most 256 characters. */
export function tidy(text: string, secrets: readonly string[]): string {
  // Nobody reads an answer that is made of passwords.
  if (secrets.length > 100) return redacted;
  // Twice: tags and white space may be part of a secret, and may be all that keeps one apart.
  const oneLine = stripTags(scrub(text, secrets))
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .trim();
  const clean = scrub(oneLine, secrets);
  return clean.length <= longestText ? clean : `${clean.slice(0, longestText - 1).toWellFormed()}…`;
}

function scrub(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of longestFirst(secrets)) {
    for (const form of longestFirst(spellingsOf(secret))) {
      clean = clean.replace(new RegExp(form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi'), redacted);
    }
  }
  return clean;
}

/** One may be a part of another, of which nothing must be left. */
function longestFirst(texts: Iterable<string>): string[] {
  return [...texts].toSorted((a, b) => b.length - a.length);
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

function stripTags(text: string): string {
  return text.replace(/<(script|style)\b[^>]*>.*?(<\/\1>|$)/gis, ' ').replace(/<[a-z/!?][^>]*(>|$)/gi, ' ');
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
      const words = secretField.test(field) ? redacted : sentence(entry, depth + 1);
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
    if (typeof entry === 'string') return secretField.test(field) && entry !== '' ? [entry] : [];
    return secretValues(entry, depth + 1);
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
