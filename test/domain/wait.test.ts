import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { wait } from '../../src/domain/clock.ts';
import { createManualClock } from '../support/clock.ts';

test.each([
  ['its time is over', 1_000, false],
  ['its signal is aborted', 10, true],
])('a wait ends when %s, and leaves neither a timer nor a listener', async (_when, after, isAborted) => {
  const clock = createManualClock();
  const controller = new AbortController();
  const listeners = (): number => getEventListeners(controller.signal, 'abort').length;
  let isOver = false;
  void wait(clock, 1_000, controller.signal).then(() => (isOver = true));
  await clock.advance(after - 1);
  expect([isOver, listeners(), clock.pending]).toEqual([false, 1, 1]);
  if (isAborted) controller.abort();
  await clock.advance(1);
  expect([isOver, listeners(), clock.pending]).toEqual([true, 0, 0]);
});

test('a wait whose signal was aborted before ends at once', async () => {
  const clock = createManualClock();
  await wait(clock, 1_000, AbortSignal.abort());
  expect(clock.pending).toBe(0);
});
