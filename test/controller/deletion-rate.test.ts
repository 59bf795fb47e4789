import { expect, test } from 'vitest';
import { DeletionRate } from '../../src/controller/deletion-rate.ts';
import { createManualClock } from '../support/clock.ts';

test('allows no more per minute than the limit, and the next one when the oldest is a minute old', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 2);
  expect([budget.heldFor('a/1'), budget.take('a/1')]).toEqual([0, true]);
  await clock.advance(20_000);
  expect([budget.take('a/2'), budget.take('a/3'), budget.heldFor('a/3')]).toEqual([true, false, 40_000]);
  await clock.advance(39_999);
  expect([budget.take('a/3'), budget.heldFor('a/3')]).toEqual([false, 1]);
  await clock.advance(1);
  expect([budget.heldFor('a/3'), budget.take('a/3'), budget.take('a/4'), budget.heldFor('a/4')]).toEqual([
    0,
    true,
    false,
    20_000,
  ]);
});

test('a refused one is not counted', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 1);
  budget.take('a/1');
  await clock.advance(30_000);
  budget.take('a/2');
  await clock.advance(30_000);
  expect(budget.take('a/2')).toBe(true);
});

test('a check neither takes a slot nor waits for one', () => {
  const budget = new DeletionRate(createManualClock(), 1);
  expect([budget.heldFor('a/1'), budget.heldFor('b/1'), budget.take('c/1')]).toEqual([0, 0, true]);
});

test('three hundred deletes of one namespace delay the only delete of another by one slot', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 10);
  const taken = Array.from({ length: 300 }, (_, index) => budget.take(`a/${index}`));
  expect(taken.filter(Boolean)).toHaveLength(10);
  await clock.advance(1_000);
  expect([budget.take('b/1'), budget.heldFor('b/1')]).toEqual([false, 59_000]);
  await clock.advance(59_000);
  // Ten slots are free, and one of them is reserved for it, whichever key comes first.
  const more = Array.from({ length: 290 }, (_, index) => budget.take(`a/${index + 10}`));
  expect(more.filter(Boolean)).toHaveLength(9);
  expect(budget.take('b/1')).toBe(true);
});

test('waiting namespaces are served round-robin', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 2);
  const waiting = ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2', 'c/1'];
  const order: string[] = [];
  for (let second = 0; second < 300; second += 1) {
    for (const key of waiting) if (!order.includes(key) && budget.take(key)) order.push(key);
    await clock.advance(1_000);
  }
  expect(order).toEqual(['a/1', 'a/2', 'b/1', 'c/1', 'a/3', 'b/2', 'a/4']);
});

test('the next delete goes to the namespace with the fewest in the last minute, also if its last one is more recent', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 4);
  for (const key of ['a/1', 'a/2', 'a/3', 'b/1']) {
    expect(budget.take(key)).toBe(true);
    await clock.advance(10_000);
  }
  for (const key of ['a/4', 'b/2']) budget.take(key);
  await clock.advance(20_000);
  expect([budget.take('a/4'), budget.take('b/2')]).toEqual([false, true]);
});

test('of namespaces without deletes, the one that came first is next; within a namespace, the object that came first', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 1);
  for (const key of ['a/1', 'x/1', 'y/1']) budget.take(key);
  await clock.advance(60_000);
  expect(['y/1', 'x/2', 'x/1'].map((key) => budget.take(key))).toEqual([false, false, true]);
});

test('each waiting key gets a different time, so that they do not all come at once', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 2);
  for (const key of ['a/1', 'a/2']) {
    budget.take(key);
    await clock.advance(10_000);
  }
  for (const key of ['a/3', 'a/4', 'a/5']) budget.take(key);
  expect(['a/3', 'a/4', 'a/5'].map((key) => budget.heldFor(key))).toEqual([40_000, 50_000, 60_000]);
});

test('the keys ahead of one take the free slots, and then those that end first', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 3);
  for (const key of ['a/1', 'a/2']) {
    budget.take(key);
    await clock.advance(10_000);
  }
  for (const key of ['b/1', 'b/2', 'b/3']) budget.wait(key);
  expect(['b/1', 'b/2', 'b/3'].map((key) => budget.heldFor(key))).toEqual([0, 40_000, 50_000]);
});

test('a slot that its key does not use goes to another key soon', async () => {
  const clock = createManualClock();
  const budget = new DeletionRate(clock, 1);
  for (const key of ['a/1', 'b/1']) budget.take(key);
  await clock.advance(60_000);
  expect(budget.take('a/2')).toBe(false);
  await clock.advance(5_000);
  expect(budget.take('a/2')).toBe(false);
  await clock.advance(1);
  expect(budget.take('a/2')).toBe(true);
});

test('zero means no limit', () => {
  const budget = new DeletionRate(createManualClock(), 0);
  expect(Array.from({ length: 1_000 }, (_, index) => budget.take(`a/${index}`)).every(Boolean)).toBe(true);
  expect(budget.heldFor('a/0')).toBe(0);
});
