import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cutMessage,
  cutToBytes,
  cutToCharacters,
  hasCharacters,
  isPrintable,
  printable,
  quoted,
  sanitize,
} from '../../src/domain/text.ts';
import { assertProperty } from '../support/property.ts';

const rows: readonly [reason: string, text: string, shown: string][] = [
  ['plain text', 'web-1 (Ubuntu 24.04)', 'web-1 (Ubuntu 24.04)'],
  ['other scripts', 'Zürich 東京 😀', 'Zürich 東京 😀'],
  ['lines', 'one\r\ntwo\u2028three\u0085four', 'one two three four'],
  ['a terminal sequence', '\u001b[31mred\u001b[0m', '\ufffd[31mred\ufffd[0m'],
  ['C1 controls', 'a\u009bb', 'a\ufffdb'],
  ['bidi overrides and isolates', 'a\u202eb\u2066c\u2069\u200e\u200f\u061cd', 'a\ufffdb\ufffdc\ufffdd'],
  ['zero width', 'a\u200bb\ufeffc\u00add', 'a\ufffdb\ufffdc\ufffdd'],
  ['invisible characters other than a space', 'a\u3164b', 'a\ufffdb'],
  ['half a character', 'a\ud800b', 'a\ufffdb'],
];

test.for(rows)('%s', ([, text, shown]) => {
  expect(printable(text)).toBe(shown);
  expect(isPrintable(text)).toBe(text === shown);
});

describe('cutToBytes', () => {
  test('counts bytes, and never cuts within a character', () => {
    expect(cutToBytes('x'.repeat(10), 10)).toBe('x'.repeat(10));
    expect(cutToBytes('x'.repeat(11), 10)).toBe('xxxxxxx…');
    expect(cutToBytes('é'.repeat(6), 10)).toBe('ééé…');
    expect(cutToBytes('😀😀😀', 10)).toBe('😀…');
    expect(cutToBytes('too long', 3)).toBe('…');
    expect(cutToBytes('too long', 2)).toBe('');
  });

  test('measures no more than it keeps', () => {
    const huge = 'x'.repeat(100_000_000);
    const startedAt = process.cpuUsage();
    for (let round = 0; round < 1_000; round += 1) cutToBytes(huge, 100);
    expect(process.cpuUsage(startedAt).user).toBeLessThan(1_000_000);
  });
});

describe('cutMessage', () => {
  const command = `kubectl -n default patch vps web -p '{"a":"; b. c"}'`;

  const escaped = String.raw`kubectl -n default patch vps 'it'\''s; so' -p x`;
  const facts = 'x'.repeat(500);

  test.for<readonly [reason: string, message: string, rest: string]>([
    ['the end, without a command', facts, ''],
    ['the facts before the command', `${facts}; run: ${command}`, `run: ${command}`],
    ['the facts before a sentence with the command', `${facts}. To run it: ${command}`, `To run it: ${command}`],
    ['the facts before two commands', `${facts}; a: ${command}; b: ${command}`, `a: ${command}; b: ${command}`],
    [
      'the facts before two commands that are one',
      `${facts}; a: ${command} && ${command}`,
      `a: ${command} && ${command}`,
    ],
    [
      'the last of too many commands',
      `${facts}; a: ${command}; b: ${command}; ${'c'.repeat(60)}: ${command}; d`,
      `a: ${command}; b: ${command}; …`,
    ],
    ['what follows a command', `${facts}; a: ${command}; ${'b'.repeat(120)}`, `a: ${command}; …`],
    ['a command that is too long as a whole', `${facts}; a: ${command.replace('web', 'w'.repeat(150))}`, '…'],
    [
      'what follows a command with an escaped quotation mark',
      `${facts}; a: ${escaped}; ${'b'.repeat(120)}`,
      `a: ${escaped}; …`,
    ],
    ['what follows a message that begins with a command', `a: ${command}; ${'b'.repeat(200)}`, `a: ${command}; …`],
    ['the words about a command that needs all of the room', `${facts}; ${'a'.repeat(120)}: ${command}`, command],
  ])('cuts %s', ([, message, rest]) => {
    const cut = cutMessage(message, 200);
    expect(cut.replace(/^x{30,}… ?/, '')).toBe(rest);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(200);
    expect(cutMessage(message, 2_000)).toBe(message);
  });

  test('counts bytes, not characters', () => {
    const message = `${'é'.repeat(60)}; a: ${command}`;
    expect(Buffer.byteLength(cutMessage(message, message.length))).toBeLessThanOrEqual(message.length);
  });

  test('keeps facts that are shorter than any that it cuts', () => {
    const message = `VM 7; ${'a'.repeat(100)}: ${command}; ${'b'.repeat(100)}`;
    expect(cutMessage(message, 170)).toBe(`VM 7; ${'a'.repeat(100)}: ${command}; …`);
  });
});

describe('characters', () => {
  test('are counted as the API server counts them', () => {
    expect(hasCharacters('😀'.repeat(255), 255, 255)).toBe(true);
    expect(hasCharacters('😀'.repeat(256), 1, 255)).toBe(false);
    expect(hasCharacters('', 0, 0)).toBe(true);
    expect(hasCharacters('', 1, 2)).toBe(false);
    // One character to a reader, two to the API server.
    expect(hasCharacters('e\u0301', 2, 2)).toBe(true);
    // The API server never sends half a character; it counts as one.
    expect(hasCharacters('\ud800\ud800a', 3, 3)).toBe(true);
  });

  test('are never cut in two', () => {
    expect(cutToCharacters('😀'.repeat(4), 4)).toBe('😀'.repeat(4));
    expect(cutToCharacters('😀'.repeat(5), 4)).toBe('😀😀😀…');
    expect(cutToCharacters('xxxx😀', 4)).toBe('xxx…');
  });
});

test.for<readonly [text: string, shown: string]>([
  ['Web 1', '"Web 1"'],
  ['a "b" \\', String.raw`"a \"b\" \\"`],
  ['a\u202eb\nc', '"a\ufffdb c"'],
  ['x'.repeat(65), `"${'x'.repeat(61)}…"`],
])('%j is quoted as %s', ([text, shown]) => {
  expect(quoted(text)).toBe(shown);
});

test('any result fits, is printable, and does not change the second time', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
  );
  await assertProperty(
    fc.property(text, fc.integer({ min: 3, max: 40 }), (input, bytes) => {
      const shown = sanitize(input, bytes);
      expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(bytes);
      expect(isPrintable(shown)).toBe(true);
      expect(shown.isWellFormed()).toBe(true);
      expect(sanitize(shown, bytes)).toBe(shown);
    }),
    { runs: 2_000 },
  );
});
