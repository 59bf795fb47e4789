import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Priority } from '../../src/controller/item-queues.ts';
import { WorkQueue } from '../../src/controller/work-queue.ts';
import { createManualClock } from '../support/clock.ts';
import { assertProperty } from '../support/property.ts';

function stage() {
  const clock = createManualClock();
  return { clock, queue: new WorkQueue({ clock, random: () => 0 }) };
}

/** Takes and finishes all that waits. */
async function drain(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.depth > 0) {
    const key = (await queue.get()) ?? '';
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

test('the first waiting worker gets the next key', async () => {
  const { queue } = stage();
  const takes = Promise.all([queue.get(), queue.get()]);
  queue.add('a');
  queue.add('b');
  expect(await takes).toEqual(['a', 'b']);
});

test('a key is processed by one worker at a time; added meanwhile, it is queued again', async () => {
  const { queue, clock } = stage();
  queue.add('a');
  await queue.get();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  let again: string | undefined;
  void queue.get().then((key) => (again = key));
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
    'normal is more urgent than a resync',
    [
      ['a', 'resync'],
      ['b', 'resync'],
      ['b', 'normal'],
    ],
    ['b', 'a'],
  ],
  [
    'a change of yours is more urgent than normal',
    [
      ['a', 'normal'],
      ['b', 'normal'],
      ['b', 'user'],
    ],
    ['b', 'a'],
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

test('a key that has waited for five seconds goes before newer user changes', async () => {
  const { queue, clock } = stage();
  queue.add('r', { priority: 'resync' });
  await clock.advance(1_000);
  queue.add('early', { priority: 'user' });
  await clock.advance(3_999);
  queue.add('late', { priority: 'user' });
  expect(await queue.get()).toBe('early');
  await clock.advance(1);
  expect(await queue.get()).toBe('r');
  expect(await queue.get()).toBe('late');
});

test('of two keys that have waited too long, the one that waited longer goes first, whatever its priority', async () => {
  const { queue, clock } = stage();
  queue.add('normal');
  await clock.advance(1_000);
  queue.add('resync', { priority: 'resync' });
  await clock.advance(6_000);
  expect(await drain(queue)).toEqual(['normal', 'resync']);
});

test('of two keys that have waited too long and equally long, the more urgent one goes first', async () => {
  const { queue, clock } = stage();
  queue.add('resync', { priority: 'resync' });
  queue.add('normal');
  await clock.advance(6_000);
  expect(await drain(queue)).toEqual(['normal', 'resync']);
});

test('a key that became more urgent keeps its waiting time', async () => {
  const { queue, clock } = stage();
  queue.add('a', { priority: 'resync' });
  await clock.advance(3_000);
  queue.add('a', { priority: 'user' });
  expect(queue.oldestWaitMs).toBe(3_000);
  expect(queue.queueDuration((await queue.get()) ?? '')).toBe(3_000);
  expect(queue.queueDuration('never-taken')).toBe(0);
});

test('a key that is added with a delay becomes due at its earliest time', async () => {
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

test('a delay of zero adds the key at once', async () => {
  const { queue } = stage();
  queue.addAfter('a', 0);
  expect(await drain(queue)).toEqual(['a']);
});

test('a key that is processed earlier is no longer due', async () => {
  const { queue, clock } = stage();
  queue.addAfter('a', 5_000);
  queue.add('a');
  await drain(queue);
  await clock.advance(10_000);
  expect(queue.depth).toBe(0);
});

test.each<{ because: string; added: readonly Priority[]; place: number }>([
  { because: 'a user changed the object', added: ['user'], place: 0 },
  { because: 'a user changed the object after a resync', added: ['resync', 'user'], place: 0 },
  { because: 'a user changed the object before a resync', added: ['user', 'resync'], place: 0 },
  { because: 'only a resync', added: ['resync'], place: 2 },
  { because: 'a resync that nothing more urgent followed', added: ['resync', 'resync'], place: 2 },
  { because: 'it is due, and a resync', added: ['normal', 'resync'], place: 1 },
])('a key added during its reconciliation waits with the most urgent priority: $because', async ({ added, place }) => {
  const { queue } = stage();
  queue.add('a/web', { priority: 'resync' });
  await queue.get();
  for (const priority of added) queue.add('a/web', { priority });
  queue.add('a/user', { priority: 'user' });
  queue.add('a/normal');
  queue.add('a/resync', { priority: 'resync' });
  queue.done('a/web');
  const order = await drain(queue);
  // Behind those that are as urgent, and waited already.
  expect(order.indexOf('a/web')).toBe(place + 1);
});

test('a key added during its reconciliation counts its waiting time from when it was added first', async () => {
  const { queue, clock } = stage();
  queue.add('a');
  await queue.get();
  queue.add('a', { priority: 'resync' });
  await clock.advance(1_000);
  queue.add('a', { priority: 'user' });
  await clock.advance(1_000);
  queue.done('a');
  expect(queue.oldestWaitMs).toBe(2_000);
});

test('a key that becomes due while it is processed is queued again', async () => {
  const { queue, clock } = stage();
  queue.add('a');
  await queue.get();
  queue.addAfter('a', 1_000);
  await clock.advance(1_000);
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(await drain(queue)).toEqual(['a']);
});

test('after shutdown no key is handed out, and no worker waits', async () => {
  const { queue, clock } = stage();
  queue.add('taken');
  await queue.get();
  queue.add('taken');
  const waiting = queue.get();
  queue.addAfter('later', 1_000);
  queue.shutdown();
  queue.add('a');
  queue.addAfter('b', 0);
  queue.done('taken');
  expect([await waiting, await queue.get()]).toEqual([undefined, undefined]);
  expect([clock.pending, queue.depth]).toEqual([0, 0]);
});

test('delays of any kind become due in order, each key once', async () => {
  const delay = fc.tuple(fc.constantFrom(...'abcdefgh'), fc.integer({ min: 1, max: 500 }));
  await assertProperty(
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
        const key = (await queue.get()) ?? '';
        expect(came).not.toHaveProperty(key);
        came[key] = clock.monotonic() - queue.queueDuration(key);
        queue.done(key);
      }
      expect(came).toEqual(due);
      expect(Object.values(came)).toEqual(Object.values(came).toSorted((a, b) => a - b));
      expect(clock.pending).toBe(0);
    }),
    { runs: 50 },
  );
});

test('keys that are delayed again and again still become due', async () => {
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

test('one object of a namespace does not wait for thousands of another', async () => {
  const { queue } = stage();
  for (let index = 0; index < 5_000; index += 1) queue.add(`busy/${index}`);
  queue.add('small/only');
  queue.add('other/1');
  queue.add('other/2');
  const taken: string[] = [];
  for (let count = 0; count < 7; count += 1) {
    const key = (await queue.get()) ?? '';
    taken.push(key);
    queue.done(key);
  }
  expect(taken).toEqual(['busy/0', 'small/only', 'other/1', 'busy/1', 'other/2', 'busy/2', 'busy/3']);
});

test('behind a backlog that has waited for long, a user change waits for three other keys at most', async () => {
  const { queue, clock } = stage();
  for (let index = 0; index < 100; index += 1) queue.add(`r${index}`, { priority: 'resync' });
  await clock.advance(10_000);
  for (let index = 0; index < 7; index += 1) queue.add(`u${index}`, { priority: 'user' });
  expect((await drain(queue)).slice(0, 10)).toEqual(['r0', 'u0', 'u1', 'u2', 'r1', 'u3', 'u4', 'u5', 'r2', 'u6']);
});

test('a key that waits in the middle of a namespace can become more urgent', async () => {
  const { queue } = stage();
  for (const key of ['a/1', 'a/2', 'b/1']) queue.add(key, { priority: 'resync' });
  queue.add('a/2', { priority: 'user' });
  expect(queue.depth).toBe(3);
  expect(await drain(queue)).toEqual(['a/2', 'a/1', 'b/1']);
});

test.each<{ because: string; leave: (queue: WorkQueue) => Promise<void> | void; order: string[] }>([
  {
    because: 'its only key became more urgent',
    leave: async (queue) => {
      queue.add('a/1', { priority: 'user' });
      queue.add('c/1', { priority: 'resync' });
      queue.done((await queue.get()) ?? '');
    },
    order: ['b/1', 'c/1', 'a/2', 'b/2'],
  },
  {
    because: 'its only key was taken',
    leave: async (queue) => {
      queue.done((await queue.get()) ?? '');
      queue.add('c/1', { priority: 'resync' });
    },
    order: ['b/1', 'c/1', 'a/2', 'b/2'],
  },
])('a namespace that returns is queued behind those that wait: $because', async ({ leave, order }) => {
  const { queue } = stage();
  for (const key of ['a/1', 'b/1', 'b/2']) queue.add(key, { priority: 'resync' });
  await leave(queue);
  queue.add('a/2', { priority: 'resync' });
  expect(await drain(queue)).toEqual(order);
});

test('the oldest wait is that of any key, in any namespace and behind any other keys', async () => {
  const { queue, clock } = stage();
  queue.add('b/old', { priority: 'resync' });
  await clock.advance(1_000);
  queue.add('a/1', { priority: 'user' });
  await clock.advance(500);
  queue.add('c/1', { priority: 'resync' });
  expect(queue.oldestWaitMs).toBe(1_500);
  await clock.advance(500);
  queue.add('b/1', { priority: 'user' });
  queue.add('b/old', { priority: 'user' });
  expect(queue.oldestWaitMs).toBe(2_000);
  expect(await drain(queue)).toEqual(['a/1', 'b/1', 'b/old', 'c/1']);
  expect(queue.oldestWaitMs).toBe(0);
});

test('ten thousand keys that are processed before they are due leave few timers, and the remaining ones keep their order', async () => {
  const clock = createManualClock();
  let timers = 0;
  const queue = new WorkQueue({
    random: () => 0,
    clock: { ...clock, schedule: (after, callback) => ((timers += 1), clock.schedule(after, callback)) },
  });
  const kept = Array.from({ length: 20 }, (_, index) => ({ key: `kept/${index}`, after: 20_000 + ((index * 7) % 20) }));
  for (const { key, after } of kept) queue.addAfter(key, after);
  for (let index = 0; index < 10_000; index += 1) {
    queue.addAfter(`a/${index}`, 1_000 + index);
    queue.add(`a/${index}`);
    queue.done((await queue.get()) ?? '');
  }
  timers = 0;
  await clock.advance(19_000);
  expect(timers).toBeLessThan(200);
  await clock.advance(2_000);
  const byTime = kept.toSorted((a, b) => a.after - b.after).map(({ key }) => key);
  expect(await drain(queue)).toEqual(byTime);
});

test('ten thousand keys that become due set one timer at a time', async () => {
  const clock = createManualClock();
  let timers = 0;
  const queue = new WorkQueue({
    random: () => 0,
    clock: {
      ...clock,
      schedule: (milliseconds, callback) => {
        timers += 1;
        return clock.schedule(milliseconds, callback);
      },
    },
  });
  for (let index = 0; index < 10_000; index += 1) queue.addAfter(`a/${index}`, 1_000 + (index % 100));
  expect([timers, clock.pending]).toEqual([1, 1]);
  await clock.advance(2_000);
  expect(queue.depth).toBe(10_000);
  expect(timers).toBe(100);
});

/** What a test does to a queue. */
type Step =
  | { readonly kind: 'add'; readonly key: string; readonly priority: Priority }
  | { readonly kind: 'later'; readonly key: string; readonly after: number }
  | { readonly kind: 'take' | 'done' }
  | { readonly kind: 'pass'; readonly milliseconds: number };

const key = fc.constantFrom('a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'c/1');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('add' as const),
    key,
    priority: fc.constantFrom<Priority>('user', 'normal', 'resync'),
  }),
  fc.record({ kind: fc.constant('later' as const), key, after: fc.integer({ min: 0, max: 8_000 }) }),
  fc.record({ kind: fc.constantFrom('take' as const, 'done' as const) }),
  fc.record({ kind: fc.constant('pass' as const), milliseconds: fc.integer({ min: 1, max: 4_000 }) }),
);

test('in any order of operations, no key is processed twice at once and none is lost', async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const { queue, clock } = stage();
      const working: string[] = [];
      /** Keys that were added and not taken since, by the time they are due. */
      const owed = new Map<string, number>();
      const owe = (asked: string, due: number): void => void owed.set(asked, Math.min(due, owed.get(asked) ?? due));
      const take = async (): Promise<void> => {
        const taken = (await queue.get()) ?? '';
        expect(working).not.toContain(taken);
        expect(owed.get(taken)).toBeLessThanOrEqual(clock.monotonic());
        owed.delete(taken);
        working.push(taken);
      };
      for (const one of steps) {
        if (one.kind === 'add') {
          queue.add(one.key, { priority: one.priority });
          owe(one.key, clock.monotonic());
        } else if (one.kind === 'later') {
          queue.addAfter(one.key, one.after);
          owe(one.key, clock.monotonic() + one.after);
        } else if (one.kind === 'pass') await clock.advance(one.milliseconds);
        else if (one.kind === 'take' && queue.depth > 0) await take();
        else if (one.kind === 'done' && working.length > 0) queue.done(working.shift() ?? '');
        const due = [...owed].filter(([name, at]) => at <= clock.monotonic() && !working.includes(name));
        expect(queue.depth).toBe(due.length);
      }
      await clock.advance(10_000);
      for (const name of working.splice(0)) queue.done(name);
      while (queue.depth > 0) {
        await take();
        for (const name of working.splice(0)) queue.done(name);
      }
      expect([...owed]).toEqual([]);
    }),
    { runs: 200 },
  );
});

test('counts added and delayed keys once, as the workqueue of client-go does', async () => {
  const clock = createManualClock();
  const counts = { adds: 0, delays: 0 };
  const queue = new WorkQueue({
    clock,
    random: () => 0,
    onAdd: () => (counts.adds += 1),
    onDelay: () => (counts.delays += 1),
  });
  queue.add('a');
  queue.add('a', { priority: 'user' });
  queue.add('b', { priority: 'resync' });
  expect(counts).toEqual({ adds: 2, delays: 0 });
  expect(queue.depths).toEqual({ user: 1, normal: 0, resync: 1 });
  await queue.get();
  queue.add('a');
  queue.add('a');
  // It may be discarded until its reconciliation ends.
  expect(counts).toEqual({ adds: 2, delays: 0 });
  queue.done('a');
  expect([counts.adds, queue.depths]).toEqual([3, { user: 0, normal: 1, resync: 1 }]);
  queue.addAfter('c', 0);
  queue.addAfter('d', 1_000);
  expect(counts).toEqual({ adds: 4, delays: 1 });
  await clock.advance(1_000);
  expect(counts).toEqual({ adds: 5, delays: 1 });
});
