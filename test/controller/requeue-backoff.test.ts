import { expect, test } from 'vitest';
import { createBackoff } from '../../src/controller/requeue-backoff.ts';

test('delays double from 5 ms to 5 minutes', () => {
  const backoff = createBackoff({ random: () => 0 });
  const delays = Array.from({ length: 20 }, () => backoff.next('a'));
  expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
  expect(delays.slice(-4)).toEqual([300_000, 300_000, 300_000, 300_000]);
});

test('jitter subtracts up to a quarter', () => {
  const backoff = createBackoff({ random: () => 0.999_999 });
  expect(backoff.next('a')).toBeCloseTo(3.75);
});

test('each key has a separate backoff, until it is forgotten', () => {
  const backoff = createBackoff({ random: () => 0 });
  backoff.next('a');
  expect([backoff.next('a'), backoff.next('b')]).toEqual([10, 5]);
  backoff.forget('a');
  expect([backoff.next('a'), backoff.next('b')]).toEqual([5, 10]);
});
