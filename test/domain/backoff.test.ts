import { expect, test } from 'vitest';
import { exponentialDelay, jittered } from '../../src/domain/backoff.ts';

test('delays double from the first up to the longest, however many there were', () => {
  const delays = [0, 1, 2, 3, 2_000].map((earlier) => exponentialDelay(earlier, { first: 5, longest: 30 }));
  expect(delays).toEqual([5, 10, 20, 30, 30]);
});

test.each<[from: number, to: number, random: number, delay: number]>([
  [0.5, 1, 0, 50],
  [0.5, 1, 1, 100],
  [1, 0.75, 1, 75],
  [1, 1.5, 0.5, 125],
  [0.9, 1.1, 0.5, 100],
])('jitter from %d to %d at random %d makes 100 ms %d ms', (from, to, random, delay) => {
  expect(jittered(100, random, [from, to])).toBe(delay);
});
