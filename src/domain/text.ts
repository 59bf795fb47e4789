/**
 * How text from outside (the provider, the API server) becomes text that may be shown. Everything here takes time in
 * proportion to the text, and is meant to be called once, where the text enters.
 */

/** Invisible, or changes how its neighbors are shown: controls, bidi marks, zero-width and blank characters, lone surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/u;
const unprintables = new RegExp(`${unprintable.source}+`, 'gu');
const plainAscii = /^[\x20-\x7e]*$/;

/** Stands where unprintable characters were, so that two texts don't look alike because of what can't be seen. */
const replacement = '\ufffd';
const ellipsis = '…';

/** Whether the text is shown as it is by every terminal, browser and editor. */
export function isPrintable(text: string): boolean {
  return plainAscii.test(text) || !unprintable.test(text);
}

/** The text in one line, each run of unprintable characters replaced. */
export function printable(text: string): string {
  if (plainAscii.test(text)) return text;
  return text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ').replace(unprintables, replacement);
}

/** The text without its unprintable characters: what a reader may take it for. */
export function withoutUnprintable(text: string): string {
  return plainAscii.test(text) ? text : text.replace(unprintables, '');
}

/** Characters as the API server counts them: code points of Unicode, where one outside of the BMP has two units of UTF-16. */
function countCharacters(text: string): number {
  let count = text.length;
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) >> 10 !== highSurrogate || text.charCodeAt(at + 1) >> 10 !== lowSurrogate) continue;
    count -= 1;
    at += 1;
  }
  return count;
}

const highSurrogate = 0xd800 >> 10;
const lowSurrogate = 0xdc00 >> 10;

/** Whether the text has so many characters, as the API server counts them. */
export function hasCharacters(text: string, least: number, most: number): boolean {
  // A character has two units at most: no more of a huge text is ever counted.
  if (text.length < least || text.length > 2 * most) return false;
  const count = countCharacters(text);
  return count >= least && count <= most;
}

/** At most so many characters, none of them cut in two; an ellipsis ends a text that was longer. */
export function cutToCharacters(text: string, most: number): string {
  if (text.length <= most || hasCharacters(text, 0, most)) return text;
  return `${Array.from(text.slice(0, 2 * most))
    .slice(0, most - 1)
    .join('')}${ellipsis}`;
}

/** A value as JSON in which unprintable characters are escaped: it reads as it is shown. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintables, (run) =>
    Array.from({ length: run.length }, (_, at) => `\\u${run.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** What the commands in messages begin with: the caller of a message cuts none of them. */
const command = /(?<!&& )\bkubectl -n /g;

/**
 * A message of at most so many bytes. Of a longer one the words before the first command are cut, because a command works only as a
 * whole; of commands that are too long together, the last ones are kept.
 */
export function cutMessage(message: string, bytes: number): string {
  if (message.length <= bytes && Buffer.byteLength(message) <= bytes) return message;
  for (const { index } of message.matchAll(command)) {
    // With the words that say what it is for.
    const clause = Math.max(message.lastIndexOf('; ', index), message.lastIndexOf('. ', index)) + 2;
    for (const start of clause < 2 ? [index] : [clause, index]) {
      const rest = message.slice(start);
      const left = bytes - Buffer.byteLength(rest) - 1;
      if (left >= shortestFacts) return `${cutToBytes(message.slice(0, start).trimEnd(), left)} ${rest}`;
    }
  }
  return cutToBytes(message, bytes);
}

/** Bytes that say something. */
const shortestFacts = 40;

/** At most so many bytes of UTF-8, never half a character; an ellipsis ends a text that was longer. */
export function cutToBytes(text: string, bytes: number): string {
  // A character of UTF-16 takes at least one byte: no more of a huge text is ever measured.
  if (text.length <= bytes && Buffer.byteLength(text) <= bytes) return text;
  if (bytes < 3) return '';
  const kept = Buffer.alloc(bytes - 3);
  const { written } = new TextEncoder().encodeInto(text, kept);
  // A copy: what `slice` returns would keep all of the text in memory.
  return kept.toString('utf8', 0, written) + ellipsis;
}

/** Bytes of a name in a sentence: enough to recognize it, and no more, because a sentence also has commands to hold. */
const longestQuoted = 64;

/** The text in quotation marks, as a part of a message: cut, printable, and with its own quotation marks escaped. */
export function quoted(text: string, bytes = longestQuoted): string {
  return JSON.stringify(sanitize(text, bytes));
}

/** One line of at most so many bytes, fit for a status, an event or a log. Secrets are another matter: see SecretMatcher. */
export function sanitize(text: string, bytes: number): string {
  // Replacing may make it longer, cutting first keeps it cheap.
  return cutToBytes(printable(cutToBytes(text, bytes)), bytes);
}
