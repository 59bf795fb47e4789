import { expect, test } from 'vitest';
import { readSources } from './sources.ts';

/**
 * Every regular expression of the operator may meet text from a tenant, the provider or an API server. None may take time
 * that grows faster than the text, unless the text is as short as this table says. A row holds the longest text that the
 * pattern meets, and who sees to that.
 */
const bounds: Readonly<Record<string, readonly [longest: number, because: string]>> = {
  '/[-.]+$/': [253, 'names of Kubernetes, cut before'],
  '/\\/+$/': [2_048, "URLs that the administrator's settings give"],
  '/\\/\\/.*@/': [2_048, "URLs that the administrator's settings give"],
  '/,(?![^(]*\\))/': [2_048, "the administrator's setting --selector"],
  '/=+$/': [1_024, 'base64 of the beginning of a secret, which has two of them at most'],
};

const literal = /(?<=^|[\s(,=:[!&|?{};])\/(?![*/\s])((?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)\/([dgimsuvy]*)/g;
const comment = /^\s*(?:\*|\/\*|\/\/)/;

interface Pattern {
  readonly where: string;
  readonly text: string;
  readonly pattern: RegExp;
}

function patternsIn({ path, text }: { readonly path: string; readonly text: string }): readonly Pattern[] {
  return text.split('\n').flatMap((line) =>
    comment.test(line)
      ? []
      : Array.from(line.matchAll(literal), ([whole, source = '', flags = '']) => ({
          where: path,
          text: whole,
          // With this flag all of the text is searched, from each of its places.
          pattern: new RegExp(source, flags.includes('g') ? flags : `${flags}g`),
        })),
  );
}

/** Pieces that repeat: what stands in the pattern, characters that classes mean, and both together. */
function pumps({ text }: Pattern): readonly string[] {
  const words = text
    .replaceAll(/\[(?:[^\]\\]|\\.)*\]|\(\?[:=!<]+|\\[bBdDsSwWpP](?:\{[^}]*\})?|[()^$*+?|]|\{[\d,]+\}/g, ' ')
    .replaceAll('\\', '')
    .split(/[\s/]+/)
    .filter((word) => word !== '');
  const characters = [
    'a',
    'A',
    '0',
    ' ',
    '-',
    '.',
    ',',
    ':',
    '/',
    '"',
    '<',
    '(',
    ')',
    '=',
    '%',
    '\n',
    '\u0000',
    '\u202e',
    '\ud800',
    'é',
  ];
  const singles = [...new Set([...words, ...characters])];
  const pairs = words.flatMap((word) => characters.flatMap((character) => [word + character, character + word]));
  return [...singles, ...new Set(pairs)];
}

/** Texts that may keep a pattern busy: begun or not, and without the end that it looks for. */
function attacks(pattern: Pattern, length: number): readonly string[] {
  const singles = pumps(pattern);
  const begun = singles.slice(0, 6).flatMap((head) => ['a', ' ', '0', '<', '"'].map((pump) => [head, pump] as const));
  return [
    ...singles.map((pump) => `${pump.repeat(Math.ceil(length / pump.length)).slice(0, length)}\u0001`),
    ...begun.map(([head, pump]) => `${head}${pump.repeat(length)}\u0001`),
  ];
}

function microseconds(pattern: RegExp, text: string): number {
  let least = Infinity;
  for (let round = 0; round < 3; round += 1) {
    const startedAt = process.cpuUsage();
    text.replace(pattern, '');
    least = Math.min(least, process.cpuUsage(startedAt).user);
    // What is this fast needs no second opinion.
    if (least < 1_000) break;
  }
  return least;
}

const longest = 16_384;
const patterns = readSources('src').flatMap(patternsIn);

test('the patterns of the operator are found', () => {
  expect(patterns.length).toBeGreaterThan(50);
});

test.for(patterns.map((pattern) => [`${pattern.where}: ${pattern.text}`, pattern] as const))(
  '%s takes time in proportion to the text',
  { timeout: 120_000 },
  ([, pattern]) => {
    const [most] = bounds[pattern.text] ?? [longest];
    const [half, whole] = [attacks(pattern, most / 2), attacks(pattern, most)];
    const disproportionate = whole.filter((text, index) => {
      const time = microseconds(pattern.pattern, text);
      // A delay without effect on callers: where time grows with the square of the text, it is ten times as long.
      return time > 10_000 && time / microseconds(pattern.pattern, half[index] ?? '') > 3;
    });
    expect(disproportionate.map((text) => text.slice(0, 20))).toEqual([]);
  },
);

const quadratic = {
  where: 'here',
  text: '/<(script|style)\\b[^>]*>.*?(<\\/\\1>|$)/gis',
  pattern: /<(script|style)\b[^>]*>.*?(<\/\1>|$)/gis,
};

test('a pattern that takes time that grows with the square of the text is found', () => {
  const [slowest = 0] = attacks(quadratic, longest)
    .map(
      (text, index) =>
        microseconds(quadratic.pattern, text) /
        Math.max(1, microseconds(quadratic.pattern, attacks(quadratic, longest / 2)[index] ?? '')),
    )
    .toSorted((a, b) => b - a);
  expect(slowest).toBeGreaterThan(3);
});
