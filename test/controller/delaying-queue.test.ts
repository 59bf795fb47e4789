import { expect, test } from 'vitest';
import { createQueueItem, DelayingQueue } from '../../src/controller/item-queues.ts';
import { createManualClock } from '../support/clock.ts';

function stage() {
  const clock = createManualClock();
  const due: string[] = [];
  const delayed = new DelayingQueue(clock, ({ key }) => due.push(key));
  return { clock, due, delayed, a: createQueueItem('a'), b: createQueueItem('b') };
}

test('a key that was due can be added again', async () => {
  const { clock, delayed, due, a } = stage();
  delayed.add(a, 1_000);
  await clock.advance(1_000);
  delayed.add(a, 2_000);
  await clock.advance(2_000);
  expect(due).toEqual(['a', 'a']);
});

test('an earlier time replaces the timer', async () => {
  const { clock, delayed, due, a, b } = stage();
  delayed.add(a, 5_000);
  delayed.add(b, 2_000);
  expect(clock.pending).toBe(1);
  await clock.advance(5_000);
  expect(due).toEqual(['b', 'a']);
});

test('after a clear only keys that are added later become due', async () => {
  const { clock, delayed, due, a, b } = stage();
  delayed.add(a, 1_000);
  delayed.add(b, 2_000);
  delayed.clear();
  expect(clock.pending).toBe(0);
  delayed.add(b, 3_000);
  await clock.advance(2_999);
  expect(due).toEqual([]);
  await clock.advance(1);
  expect([due, clock.pending]).toEqual([['b'], 0]);
});
