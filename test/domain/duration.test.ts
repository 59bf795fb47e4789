import { integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDuration, parseDuration } from '../../src/domain/duration.ts';
import { assertProperty } from '../support/property.ts';

describe('parseDuration', () => {
  test.each([
    ['5m', 300_000, 'one unit'],
    ['1h30m', 5_400_000, 'units add up'],
    ['1h2m3s4ms', 3_723_004, 'm and ms are distinguished'],
    ['1.5s', 1_500, 'a fraction'],
    ['500ms', 500, 'below a second'],
    ['250us', 0.25, 'below a millisecond'],
    ['250µs', 0.25, 'the other spelling of micro'],
    ['0s', 0, 'nothing at all'],
    [`${'0'.repeat(62)}1s`, 1_000, 'the longest text'],
  ])('%s is %d ms: %s', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  test.each([
    ['', 'nothing'],
    ['5', 'a number without a unit could be seconds or minutes'],
    ['-5m', 'time does not run backwards here'],
    ['5 m', 'no blanks'],
    ['5M', 'units are lower case'],
    ['5d', 'days are not a Go unit'],
    ['.5s', 'a digit comes first'],
    ['5m x', 'trailing text'],
    ['1e3s', 'no exponents'],
    ['NaNs', 'no number'],
    [`${'0'.repeat(63)}1s`, 'too long'],
  ])('%j is refused: %s', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  test.each([
    [300_000, '5m'],
    [5_400_000, '1h30m'],
    [3_600_001, '1h0.001s'],
    [1_500, '1.5s'],
    [60_000.4, '1m'],
    [500, '500ms'],
    [0, '0s'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  test('parsing the output gives the input', async () => {
    await assertProperty(
      property(integer({ min: 0, max: 1e10 }), (milliseconds) => {
        expect(parseDuration(formatDuration(milliseconds))).toBeCloseTo(milliseconds, 3);
      }),
    );
  });
});
