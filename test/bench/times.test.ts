import { expect, test } from 'vitest';
import { percentile, summarize } from '../../bench/times.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test.each([
  { values: [7], p: 99, expected: 7, why: 'one measurement is all there is' },
  { values: [30, 10, 20], p: 50, expected: 20, why: 'the order of measuring does not matter' },
  { values: [10, 9, 100], p: 50, expected: 10, why: 'numbers are not sorted as text' },
  { values: [1, 2, 3, 4], p: 50, expected: 2, why: 'a measured value, not one between two' },
  { values: upTo(100), p: 99, expected: 99, why: 'one of a hundred may be slower' },
  { values: upTo(30), p: 99, expected: 30, why: 'of thirty none may: it is the slowest' },
  { values: [3, 1, 2], p: 0, expected: 1, why: 'the fastest' },
])('p$p of $values is $expected: $why', ({ values, p, expected }) => {
  expect(percentile(values, p)).toBe(expected);
});

test('nothing measured is an error, not a number', () => {
  expect(() => summarize([])).toThrow('no measurements');
});

test('a summary leaves the measurements as they were', () => {
  const values = [3, 1, 2];
  expect(summarize(values)).toEqual({ count: 3, min: 1, p50: 2, p99: 3, max: 3 });
  expect(values).toEqual([3, 1, 2]);
});
