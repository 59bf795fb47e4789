import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretMatcher } from '../../src/domain/secret-matcher.ts';
import { Search } from '../secrets/search.ts';
import { assertProperty } from '../support/property.ts';

/** The longest secret that is matched whole. */
const long = 'planted-key-'.padEnd(64, '0123456789');

const rows: readonly [reason: string, secrets: readonly string[], text: string, clean: string][] = [
  ['as it is', ['planted-key'], 'the planted-key is wrong', 'the [redacted] is wrong'],
  ['in another case', ['Planted-Key'], 'PLANTED-kEY', '[redacted]'],
  ['every letter in another case', ['abcdefghijklmnopqrstuvwxyz'], 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', '[redacted]'],
  ['signs have no case', ['@abcdef['], '`abcdef{', '`abcdef{'],
  ['twice', ['planted-key'], 'planted-keyplanted-key', '[redacted][redacted]'],
  ['the longer of two', ['planted', 'planted-key'], 'planted-key planted', '[redacted] [redacted]'],
  ['one that begins within another', ['abcdefgh', 'efghijkl'], 'abcdefghijkl!', '[redacted]!'],
  ['one in another', ['abcdefghijkl', 'cdefgh'], 'abcdefghijkl!', '[redacted]!'],
  ['the longest that is matched whole', [long], `${long}!`, '[redacted]!'],
  ['a longer one, and all that follows', [`${long}x`], `${long}x and more!`, '[redacted]'],
  ['a short one stays', ['abcde'], 'abcde', 'abcde'],
  ['the beginning of one stays', ['planted-key'], 'planted-', 'planted-'],
];

test.for(rows)('%s', ([, secrets, text, clean]) => {
  const matcher = new SecretMatcher(secrets);
  expect(matcher.scrub(text)).toBe(clean);
  expect(matcher.quotedIn(text)).toBe(text !== clean);
});

test('a text with many prefixes of a secret is redacted in pieces', () => {
  const matcher = new SecretMatcher(['planted-key']);
  expect(matcher.scrub('planted- '.repeat(20))).toMatch(/^(planted- ){8}\[redacted\]$/);
});

test('secrets that hardly differ are found by their prefix', () => {
  const matcher = new SecretMatcher(Array.from({ length: 20 }, (_, more) => `planted-${'x'.repeat(more)}!`));
  expect(matcher.scrub('a planted- thing')).toBe('a [redacted]');
});

test('any planted secret is found, in every spelling, and in any surroundings', async () => {
  const secret = fc.string({ minLength: 6, maxLength: 40 });
  await assertProperty(
    fc.asyncProperty(
      fc.array(secret, { minLength: 1, maxLength: 5 }),
      fc.string(),
      fc.string(),
      async (plain, a, b) => {
        fc.pre(plain.every((one) => !'[redacted]'.includes(one.toLowerCase())));
        const matcher = new SecretMatcher(plain);
        const search = new Search({ markers: [], values: plain });
        for (const one of plain) {
          const text = `${a}${one}${b}`;
          const json = JSON.stringify({ text });
          for (const printed of [
            text,
            json,
            JSON.stringify(json),
            encodeURIComponent(text),
            Buffer.from(text).toString('base64'),
          ]) {
            const clean = matcher.scrub(printed);
            expect(await search.text(clean)).toEqual([]);
            expect(matcher.scrub(clean)).toBe(clean);
          }
        }
      },
    ),
    { runs: 200 },
  );
});

function secondsFor(matcher: SecretMatcher, text: string): number {
  const startedAt = process.cpuUsage();
  matcher.scrub(text);
  return process.cpuUsage(startedAt).user / 1e6;
}

describe('takes time in proportion to the text', () => {
  test('with twenty thousand similar secrets', () => {
    const matcher = new SecretMatcher(Array.from({ length: 20_000 }, (_, n) => `${'a'.repeat(6 + (n % 250))}${n}`));
    expect(secondsFor(matcher, 'a'.repeat(1_000_000))).toBeLessThan(1);
  });

  test('with prefixes of secrets everywhere', () => {
    const matcher = new SecretMatcher(Array.from({ length: 20_000 }, (_, n) => `${n}-secret-of-many`));
    const beginnings = Array.from({ length: 50_000 }, (_, n) => `${n % 20_000}-secr`).join(' ');
    expect(secondsFor(matcher, beginnings)).toBeLessThan(1);
  });
});
