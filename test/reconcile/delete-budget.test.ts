import { expect, test } from 'vitest';
import { DeleteBudget } from '../../src/reconcile/delete-budget.ts';
import { createManualClock } from '../support/clock.ts';

test('no more in any minute than allowed, and the next one when the oldest is a minute old', async () => {
  const clock = createManualClock();
  const budget = new DeleteBudget(clock, 2);
  expect([budget.heldFor(), budget.take()]).toEqual([0, true]);
  await clock.advance(20_000);
  expect([budget.take(), budget.take(), budget.heldFor()]).toEqual([true, false, 40_000]);
  await clock.advance(39_999);
  expect([budget.take(), budget.heldFor()]).toEqual([false, 1]);
  await clock.advance(1);
  expect([budget.heldFor(), budget.take(), budget.take(), budget.heldFor()]).toEqual([0, true, false, 20_000]);
});

test('a refused one is not counted', async () => {
  const clock = createManualClock();
  const budget = new DeleteBudget(clock, 1);
  budget.take();
  await clock.advance(30_000);
  budget.take();
  await clock.advance(30_000);
  expect(budget.take()).toBe(true);
});

test('to look is not to take', () => {
  const budget = new DeleteBudget(createManualClock(), 1);
  expect([budget.heldFor(), budget.heldFor(), budget.take()]).toEqual([0, 0, true]);
});

test('zero is no limit', () => {
  const budget = new DeleteBudget(createManualClock(), 0);
  expect(Array.from({ length: 1_000 }, () => budget.take()).every(Boolean)).toBe(true);
  expect(budget.heldFor()).toBe(0);
});
