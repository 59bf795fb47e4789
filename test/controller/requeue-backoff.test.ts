import { expect, test } from 'vitest';
import { requeueDelay, WorkQueue } from '../../src/controller/work-queue.ts';
import { createManualClock } from '../support/clock.ts';

test('delays double from 5 ms to 5 minutes', () => {
  const delays = Array.from({ length: 20 }, (_, failures) => requeueDelay(failures, 0));
  expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
  expect(delays.slice(-4)).toEqual([300_000, 300_000, 300_000, 300_000]);
});

test('jitter subtracts up to a quarter', () => {
  expect(requeueDelay(0, 0.999_999)).toBeCloseTo(3.75);
});

test('each key has a separate backoff, until it is forgotten', async () => {
  const clock = createManualClock();
  const queue = new WorkQueue({ clock, random: () => 0 });
  const retriedAfter = async (key: string): Promise<number> => {
    const since = clock.monotonic();
    queue.addRateLimited(key);
    while (queue.depth === 0) await clock.advance(1);
    queue.done((await queue.get()) ?? '');
    return clock.monotonic() - since;
  };
  expect([await retriedAfter('a'), await retriedAfter('a'), await retriedAfter('b')]).toEqual([5, 10, 5]);
  queue.forget('a');
  expect([await retriedAfter('a'), await retriedAfter('b')]).toEqual([5, 10]);
});
