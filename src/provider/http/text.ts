const longestText = 256;
const redacted = '[redacted]';
const secretField = /pass|secret|api[-_ ]?key|token/i;
/** `"password": "x"`, `password=x` and the like in text that is no (complete) JSON. */
const secretAssignment =
  /((?:pass|secret|api[-_ ]?key|token)[\w-]{0,64}\\?["']?\s{0,16}[:=]\s{0,16})(\\?"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&<>}\]]+)/gi;

/**
 * The provider's words in an error body: `error`, `errors` or `message` of a JSON object, else the text without tags.
 * One line of at most 256 characters, from which `key` and every value of a field named like a password are removed.
 */
export function errorText(body: string, key: string): string {
  return jsonErrorText(body, key) ?? tidy(stripTags(body.replace(secretAssignment, `$1${redacted}`)), [key]);
}

/** The same of a body that must be JSON to be quoted at all; undefined if it is not. */
export function jsonErrorText(body: string, key: string): string | undefined {
  const json = parse(body);
  if (json === undefined) return undefined;
  const values = new Set(secretValues(json.value, 0));
  // Nobody reads an answer that is made of passwords.
  return values.size > 100 ? redacted : tidy(wordsOf(json.value), [key, ...values]);
}

/** Makes any text fit for `Failure.text`: one line, no control characters, at most 256 characters, without the secrets. */
export function tidy(text: string, secrets: readonly string[]): string {
  // Twice: a secret may hold spaces that collapse, and may only come together when control characters go.
  const oneLine = scrub(text, secrets)
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '')
    .trim();
  const clean = scrub(oneLine, secrets);
  return clean.length <= longestText ? clean : `${clean.slice(0, longestText - 1).toWellFormed()}…`;
}

function scrub(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      clean = clean.replace(new RegExp(form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gi'), redacted);
    }
  }
  return clean;
}

/** A secret as it stands and as URLs, JSON and HTML spell it. */
function formsOf(secret: string): ReadonlySet<string> {
  const spelled = secret.toWellFormed();
  const forms = new Set([
    secret,
    encodeURIComponent(spelled),
    encodeURI(spelled),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;'),
  ]);
  forms.delete('');
  return forms;
}

function parse(body: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(body) };
  } catch {
    return undefined;
  }
}

function stripTags(text: string): string {
  return text.replace(/<(script|style)\b[^>]*>.*?(<\/\1>|$)/gis, ' ').replace(/<[^>]*(>|$)/g, ' ');
}

function wordsOf(value: unknown): string {
  if (typeof value === 'string') return stripTags(value);
  if (!isRecord(value)) return '';
  for (const field of ['error', 'errors', 'message']) {
    const words = sentence(value[field], 0);
    if (words !== '') return stripTags(words);
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
