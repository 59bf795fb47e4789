import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWorkqueue, type Priority, type Workqueue } from '../../src/queue/workqueue.ts';
import { createManualClock } from '../support/clock.ts';

function stage() {
  const clock = createManualClock();
  return { clock, queue: createWorkqueue({ clock }) };
}

/** Takes and finishes all that waits. */
async function drain(queue: Workqueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.depth > 0) {
    const key = (await queue.take()) ?? '';
    taken.push(key);
    queue.done(key);
  }
  return taken;
}

test('a key waits at most once', async () => {
  const { queue } = stage();
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  expect(queue.depth).toBe(2);
  expect(await drain(queue)).toEqual(['a', 'b']);
});

test('whoever asks first gets the next key', async () => {
  const { queue } = stage();
  const takes = Promise.all([queue.take(), queue.take()]);
  queue.add('a');
  queue.add('b');
  expect(await takes).toEqual(['a', 'b']);
});

test('a key is worked on by one at a time; added meanwhile, it comes again', async () => {
  const { queue, clock } = stage();
  queue.add('a');
  await queue.take();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  let again: string | undefined;
  void queue.take().then((key) => (again = key));
  await clock.settle();
  expect(again).toBeUndefined();
  queue.done('a');
  await clock.settle();
  expect(again).toBe('a');
  queue.done('a');
  expect(queue.depth).toBe(0);
});

test.each<[string, readonly (readonly [string, Priority])[], string[]]>([
  [
    'more urgent keys go first',
    [
      ['r', 'resync'],
      ['n', 'normal'],
      ['u', 'user'],
    ],
    ['u', 'n', 'r'],
  ],
  [
    'equals go in the order they came',
    [
      ['b', 'user'],
      ['a', 'user'],
    ],
    ['b', 'a'],
  ],
  [
    'the more urgent reason counts',
    [
      ['a', 'resync'],
      ['b', 'normal'],
      ['a', 'user'],
    ],
    ['a', 'b'],
  ],
  [
    'a less urgent one does not',
    [
      ['a', 'user'],
      ['b', 'normal'],
      ['a', 'resync'],
    ],
    ['a', 'b'],
  ],
])('%s', async (_what, added, order) => {
  const { queue } = stage();
  for (const [key, priority] of added) queue.add(key, { priority });
  expect(await drain(queue)).toEqual(order);
});

test('what has waited for five seconds goes before newer user changes', async () => {
  const { queue, clock } = stage();
  queue.add('r', { priority: 'resync' });
  await clock.advance(1_000);
  queue.add('early', { priority: 'user' });
  await clock.advance(3_999);
  queue.add('late', { priority: 'user' });
  expect(await queue.take()).toBe('early');
  await clock.advance(1);
  expect(await queue.take()).toBe('r');
  expect(await queue.take()).toBe('late');
});

test('a key that became more urgent keeps the time it has waited', async () => {
  const { queue, clock } = stage();
  queue.add('a', { priority: 'resync' });
  await clock.advance(3_000);
  queue.add('a', { priority: 'user' });
  expect(queue.oldestWaitMs).toBe(3_000);
  expect(queue.waitOf((await queue.take()) ?? '')).toBe(3_000);
});

test('what is added for later comes then, the earliest time counting', async () => {
  const { queue, clock } = stage();
  queue.addAfter('a', 5_000);
  queue.addAfter('a', 2_000);
  queue.addAfter('a', 9_000);
  queue.addAfter('b', 3_000);
  await clock.advance(1_999);
  expect(queue.depth).toBe(0);
  await clock.advance(1);
  expect(await drain(queue)).toEqual(['a']);
  await clock.advance(1_000);
  expect(await drain(queue)).toEqual(['b']);
  await clock.advance(60_000);
  expect(queue.depth).toBe(0);
  expect(clock.pending).toBe(0);
});

test('no time at all is now', async () => {
  const { queue } = stage();
  queue.addAfter('a', 0);
  expect(await drain(queue)).toEqual(['a']);
});

test('a key that is taken sooner is not due any more', async () => {
  const { queue, clock } = stage();
  queue.addAfter('a', 5_000);
  queue.add('a');
  await drain(queue);
  await clock.advance(10_000);
  expect(queue.depth).toBe(0);
});

test('a key that comes due while it is worked on comes again', async () => {
  const { queue, clock } = stage();
  queue.add('a');
  await queue.take();
  queue.addAfter('a', 1_000);
  await clock.advance(1_000);
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await drain(queue)).toEqual(['a']);
});

test('after shutdown nothing is handed out, and nobody waits', async () => {
  const { queue, clock } = stage();
  const waiting = queue.take();
  queue.addAfter('later', 1_000);
  queue.shutdown();
  queue.add('a');
  queue.addAfter('b', 0);
  expect([await waiting, await queue.take()]).toEqual([undefined, undefined]);
  expect(clock.pending).toBe(0);
});

test('delays of any kind come up in order, each key once', async () => {
  const delay = fc.tuple(fc.constantFrom(...'abcdefgh'), fc.integer({ min: 1, max: 500 }));
  await fc.assert(
    fc.asyncProperty(fc.array(delay, { maxLength: 300, size: 'max' }), async (added) => {
      const { queue, clock } = stage();
      const due: Record<string, number> = {};
      for (const [key, milliseconds] of added) {
        queue.addAfter(key, milliseconds);
        due[key] = Math.min(due[key] ?? milliseconds, milliseconds);
      }
      await clock.advance(500);
      const came: Record<string, number> = {};
      while (queue.depth > 0) {
        const key = (await queue.take()) ?? '';
        expect(came).not.toHaveProperty(key);
        came[key] = clock.monotonic() - queue.waitOf(key);
        queue.done(key);
      }
      expect(came).toEqual(due);
      expect(Object.values(came)).toEqual(Object.values(came).toSorted((a, b) => a - b));
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 50 },
  );
});

test('keys put off again and again still come up when they are due', async () => {
  const { queue, clock } = stage();
  for (let round = 0; round < 1_000; round += 1) {
    queue.addAfter('a', 60_000);
    queue.addAfter('b', 90_000 - round);
    queue.add('a');
    await drain(queue);
  }
  queue.addAfter('a', 60_000);
  await clock.advance(60_000);
  expect(await drain(queue)).toEqual(['a']);
  await clock.advance(30_000);
  expect(await drain(queue)).toEqual(['b']);
});
