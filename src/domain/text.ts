/**
 * How text from outside (the provider, the API server) becomes text that may be shown. Every function takes time in
 * proportion to the text. Call it once, where the text enters.
 */

/**
 * Characters that are invisible or change how their neighbors are shown: control characters, bidi marks, zero-width and
 * blank characters, lone surrogates.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u034f\u115f\u1160\u3164\uffa0]/u;
const unprintables = new RegExp(`${unprintable.source}+`, 'gu');
const plainAscii = /^[\x20-\x7e]*$/;

/** Replaces unprintable characters, so that two texts that differ only in them look different. */
const replacement = '\ufffd';
const ellipsis = '…';

/** Whether every terminal, browser and editor shows the text unchanged. */
export function isPrintable(text: string): boolean {
  return plainAscii.test(text) || !unprintable.test(text);
}

/** The text on one line, with each run of unprintable characters replaced. */
export function printable(text: string): string {
  if (plainAscii.test(text)) return text;
  return text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, ' ').replace(unprintables, replacement);
}

/** The text without its unprintable characters, as a reader sees it. */
export function withoutUnprintable(text: string): string {
  return plainAscii.test(text) ? text : text.replace(unprintables, '');
}

/** Characters as the API server counts them: Unicode code points. One outside of the BMP takes two UTF-16 units. */
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

/** Whether the number of characters, as the API server counts them, is within these limits. */
export function hasCharacters(text: string, least: number, most: number): boolean {
  // A character has at most two units, so the rest of a huge text isn't counted.
  if (text.length < least || text.length > 2 * most) return false;
  const count = countCharacters(text);
  return count >= least && count <= most;
}

/** Truncates to this many characters, with an ellipsis, without splitting one. */
export function cutToCharacters(text: string, most: number): string {
  if (text.length <= most || hasCharacters(text, 0, most)) return text;
  return `${Array.from(text.slice(0, 2 * most))
    .slice(0, most - 1)
    .join('')}${ellipsis}`;
}

/** A value as JSON with unprintable characters escaped. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(unprintables, (run) =>
    Array.from({ length: run.length }, (_, at) => `\\u${run.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  );
}

/** A command in a message: up to the next semicolon outside of quotation marks. */
const command = /(?<!&& )\bkubectl -n (?:'[^']*'|\\.|[^;'\\])*/g;

/**
 * Truncates a message to this many bytes. A command works only as a whole, so each one is kept or left out: the first one
 * as long as it fits, then the next ones. The text before the first command is cut before any command is left out.
 */
export function cutMessage(message: string, bytes: number): string {
  if (message.length <= bytes && Buffer.byteLength(message) <= bytes) return message;
  const commands = [...message.matchAll(command)];
  const [first] = commands;
  if (first === undefined) return cutToBytes(message, bytes);
  const ends = commands.map(({ index, 0: text }) => index + text.trimEnd().length);
  // Includes the words that introduce the command.
  const clause = Math.max(message.lastIndexOf('; ', first.index), message.lastIndexOf('. ', first.index)) + 2;
  const introduced = clause < 2 ? 0 : clause;
  for (const start of [introduced, first.index]) {
    for (const end of [message.length, ...ends.toReversed()]) {
      const rest = message.slice(start, end) + (end < message.length ? `; ${ellipsis}` : '');
      const facts = message.slice(0, start).trimEnd();
      const left = bytes - Buffer.byteLength(rest) - 1;
      if (left >= Math.min(shortestFacts, Buffer.byteLength(facts))) return `${cutToBytes(facts, left)} ${rest}`.trim();
    }
  }
  return `${cutToBytes(message.slice(0, introduced).trimEnd(), bytes - 4)} ${ellipsis}`.trim();
}

/** Fewer bytes of text than this are useless. */
const shortestFacts = 40;

/** Truncates to this many bytes of UTF-8, with an ellipsis, without splitting a character. */
export function cutToBytes(text: string, bytes: number): string {
  // A UTF-16 unit takes at least one byte, so the rest of a huge text isn't measured.
  if (text.length <= bytes && Buffer.byteLength(text) <= bytes) return text;
  if (bytes < 3) return '';
  const kept = Buffer.alloc(bytes - 3);
  const { written } = new TextEncoder().encodeInto(text, kept);
  // A copy, because the result of `slice` keeps the whole text in memory.
  return kept.toString('utf8', 0, written) + ellipsis;
}

/** Bytes of a name in a message: enough to recognize it, and few enough to leave space for commands. */
const longestQuoted = 64;

/** The text in quotation marks, for messages: truncated, printable, and with its own quotation marks escaped. */
export function quoted(text: string, bytes = longestQuoted): string {
  return JSON.stringify(sanitize(text, bytes));
}

/**
 * One line of at most this many bytes, safe for a status, an event or a log. It doesn't remove secrets: see
 * SecretMatcher.
 */
export function sanitize(text: string, bytes: number): string {
  // Replacing can lengthen the text, and truncating first keeps it cheap.
  return cutToBytes(printable(cutToBytes(text, bytes)), bytes);
}
