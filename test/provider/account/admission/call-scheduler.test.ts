import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../../../src/provider/account/admission/token-bucket.ts';
import {
  type CallPriority,
  callPriorities,
  CallScheduler,
} from '../../../../src/provider/account/admission/call-scheduler.ts';
import { createManualClock } from '../../../support/clock.ts';
import { assertProperty } from '../../../support/property.ts';

interface Request {
  readonly priority: CallPriority;
  readonly group: string;
}

function scene({ rate = 0, burst = 1, maxInFlight = 1_000_000, listsOnly = (): boolean => false } = {}) {
  const clock = createManualClock();
  const scheduler = new CallScheduler(clock, {
    bucket: new TokenBucket(clock, { rate, burst }),
    maxInFlight,
    listsOnly,
  });
  const acquired: string[] = [];
  const refused: string[] = [];
  const acquire = (priority: CallPriority, group: string, name = `${priority} ${group}`): void =>
    void scheduler.acquire(priority, group).then((isAcquired) => (isAcquired ? acquired : refused).push(name));
  return { clock, scheduler, acquire, acquired, refused };
}

/** With one token a second and none at first, all requests wait and get their slots one after the other. */
async function orderOf(requests: readonly Request[], slots = requests.length): Promise<readonly string[]> {
  const { clock, acquire, acquired } = scene({ rate: 1 });
  acquire('List', 'first');
  for (const { priority, group } of requests) acquire(priority, group);
  for (let slot = 0; slot < slots; slot += 1) await clock.advance(1_000);
  return acquired.slice(1);
}

const many = (count: number, priority: CallPriority, group: string): readonly Request[] =>
  Array.from({ length: count }, () => ({ priority, group }));

describe('the order of slots', () => {
  test.for<[what: string, requests: readonly Request[], order: readonly string[]]>([
    [
      'a delete comes after a thousand creates: the delete',
      [...many(1_000, 'Create', 'a'), ...many(1, 'Remove', 'a')],
      ['Remove a', 'Create a', 'Create a'],
    ],
    [
      'each priority has one waiting request: in the order of priority',
      callPriorities.toReversed().map((priority) => ({ priority, group: 'a' })),
      ['Remove a', 'Power a', 'Create a', 'Read a', 'List a'],
    ],
    [
      'one namespace has a thousand creates and another one has one: that one is second',
      [...many(1_000, 'Create', 'a'), ...many(1, 'Create', 'b')],
      ['Create a', 'Create b', 'Create a', 'Create a'],
    ],
    [
      'three namespaces have a thousand each: round-robin',
      [...many(1_000, 'Create', 'a'), ...many(1_000, 'Create', 'b'), ...many(1_000, 'Create', 'c')],
      ['Create a', 'Create b', 'Create c', 'Create a', 'Create b', 'Create c'],
    ],
    [
      'a create comes after a thousand deletes: after three of them',
      [...many(1_000, 'Remove', 'a'), ...many(1, 'Create', 'a')],
      // The list that emptied the bucket took the first slot of four.
      ['Remove a', 'Remove a', 'Create a', 'Remove a'],
    ],
    [
      'all priorities are full: one slot in four goes to the others, one after the other',
      callPriorities.flatMap((priority) => many(100, priority, 'a')),
      [
        'Remove a, Remove a, Power a',
        'Remove a, Remove a, Remove a, Create a',
        'Remove a, Remove a, Remove a, Read a',
        'Remove a, Remove a, Remove a, List a',
        'Remove a, Remove a, Remove a, Power a',
      ],
    ],
  ])('%s', async ([, requests, order]) => {
    const expected = order.flatMap((slots) => slots.split(', '));
    expect(await orderOf(requests, expected.length)).toEqual(expected);
  });
});

test('a slot with an available token is acquired at once, the next one when a token arrives', async () => {
  const { clock, acquire, acquired, scheduler } = scene({ rate: 10, burst: 2 });
  for (const name of ['1', '2', '3', '4']) acquire('Power', 'a', name);
  await clock.settle();
  expect([acquired, scheduler.waiting.Power]).toEqual([['1', '2'], 2]);
  await clock.advance(99);
  expect(acquired).toEqual(['1', '2']);
  await clock.advance(1);
  expect(acquired).toEqual(['1', '2', '3']);
  await clock.advance(100);
  expect([acquired, scheduler.waiting.Power, clock.pending]).toEqual([['1', '2', '3', '4'], 0, 0]);
});

test('as many requests are in flight as allowed; the next one is sent when one ends, and a list at any time', async () => {
  const { clock, acquire, acquired, scheduler } = scene({ maxInFlight: 2 });
  for (const name of ['1', '2', '3']) acquire('Power', 'a', name);
  acquire('List', 'a', 'list');
  await clock.settle();
  expect([acquired, scheduler.inFlight]).toEqual([['1', '2', 'list'], 2]);
  scheduler.release('List');
  await clock.settle();
  expect([acquired.length, scheduler.inFlight]).toEqual([3, 2]);
  scheduler.release('Power');
  await clock.settle();
  expect(acquired).toEqual(['1', '2', 'list', '3']);
});

test('while only lists are permitted, all other requests wait', async () => {
  let listsOnly = true;
  const { clock, acquire, acquired, scheduler } = scene({ listsOnly: () => listsOnly });
  acquire('Remove', 'a');
  acquire('List', 'a');
  await clock.settle();
  expect(acquired).toEqual(['List a']);
  listsOnly = false;
  scheduler.dispatch();
  await clock.settle();
  expect(acquired).toEqual(['List a', 'Remove a']);
});

test('rejects the waiting requests, but not later ones, and leaves no timer', async () => {
  const { clock, acquire, acquired, refused, scheduler } = scene({ rate: 1 });
  acquire('Power', 'a', '1');
  acquire('Power', 'a', '2');
  acquire('List', 'a', 'list');
  await clock.settle();
  scheduler.rejectWaiting();
  await clock.settle();
  expect([acquired, refused, clock.pending]).toEqual([['1'], ['2', 'list'], 0]);
  acquire('Power', 'a', '3');
  await clock.advance(1_000);
  expect(acquired).toEqual(['1', '3']);
});

test('an aborted request leaves the queue and takes no slot; an acquired slot cannot be aborted', async () => {
  const { clock, acquired, refused, scheduler } = scene({ rate: 1 });
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
  const acquire = async (name: string, { signal }: AbortController): Promise<void> =>
    void ((await scheduler.acquire('Power', 'a', signal)) ? acquired : refused).push(name);
  void acquire('1', first);
  void acquire('2', second);
  void acquire('3', third);
  await clock.settle();
  first.abort();
  second.abort();
  await clock.settle();
  expect([acquired, refused, scheduler.waiting.Power, scheduler.inFlight]).toEqual([['1'], ['2'], 1, 1]);
  await clock.advance(1_000);
  expect([acquired, scheduler.waiting.Power, clock.pending]).toEqual([['1', '3'], 0, 0]);
  void acquire('4', third);
  third.abort();
  void acquire('5', third);
  await clock.settle();
  expect([refused.toSorted(), scheduler.waiting.Power]).toEqual([['2', '4', '5'], 0]);
});

test.for(callPriorities)(
  'the last request of its group in %s delays no other group when it is aborted',
  async (priority) => {
    const { clock, acquire, acquired, scheduler } = scene({ rate: 1 });
    acquire('List', 'first');
    const aborted = new AbortController();
    const rejected = scheduler.acquire(priority, 'leaves', aborted.signal);
    acquire(priority, 'stays');
    aborted.abort();
    expect(await rejected).toBe(false);
    await clock.advance(1_000);
    expect(acquired).toEqual(['List first', `${priority} stays`]);
    expect(Object.values(scheduler.waiting)).toEqual(callPriorities.map(() => 0));
  },
);

test('after a stop it gives out no slots, and waits for all requests in flight', async () => {
  const { clock, acquire, refused, scheduler } = scene({ maxInFlight: 2 });
  acquire('Power', 'a', '0');
  acquire('Power', 'a', '1');
  acquire('Power', 'a', '2');
  await clock.settle();
  let isStopped = false;
  void scheduler.stop().then(() => (isStopped = true));
  acquire('Power', 'a', '3');
  await clock.settle();
  expect([refused.toSorted(), isStopped]).toEqual([['2', '3'], false]);
  scheduler.release('Power');
  await clock.settle();
  expect(isStopped).toBe(false);
  scheduler.release('Power');
  await clock.settle();
  expect(isStopped).toBe(true);
});

async function wait(slot: Promise<boolean>, onAcquired: () => void): Promise<void> {
  if (await slot) onAcquired();
}

const request = fc.record({ priority: fc.constantFrom(...callPriorities), group: fc.constantFrom('a', 'b', 'c') });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('request' as const), requests: fc.array(request, { maxLength: 30 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), milliseconds: fc.nat(2_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), count: fc.nat(10) }) },
);

test('in any sequence, no more calls than allowed are in flight, ordered within priority and group', async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const [rate, burst, maxInFlight] = [10, 5, 4];
      const clock = createManualClock();
      const scheduler = new CallScheduler(clock, {
        bucket: new TokenBucket(clock, { rate, burst }),
        maxInFlight,
        listsOnly: () => false,
      });
      const acquired: {
        readonly priority: CallPriority;
        readonly group: string;
        readonly number: number;
        readonly at: number;
      }[] = [];
      const inFlight: CallPriority[] = [];
      let requested = 0;
      for (const one of steps) {
        if (one.kind === 'advance') await clock.advance(one.milliseconds);
        for (const { priority, group } of one.kind === 'request' ? one.requests : []) {
          requested += 1;
          const number = requested;
          void wait(scheduler.acquire(priority, group), () => {
            acquired.push({ priority, group, number, at: clock.monotonic() });
            inFlight.push(priority);
          });
        }
        await clock.settle();
        for (let count = 0; one.kind === 'end' && count < one.count; count += 1) {
          const priority = inFlight.shift();
          if (priority !== undefined) scheduler.release(priority);
        }
        await clock.settle();
        expect(inFlight.filter((priority) => priority !== 'List').length).toBeLessThanOrEqual(maxInFlight);
        expect(scheduler.inFlight).toBe(inFlight.filter((priority) => priority !== 'List').length);
        expect(Object.values(scheduler.waiting).reduce((sum, count) => sum + count)).toBe(requested - acquired.length);
      }
      for (const [first, { at: from }] of acquired.entries()) {
        for (const [index, { at }] of acquired.slice(first).entries()) {
          expect(index + 1).toBeLessThanOrEqual(burst + (rate * (at - from)) / 1_000 + 0.001);
        }
      }
      for (const priority of callPriorities) {
        for (const group of ['a', 'b', 'c']) {
          const numbers = acquired
            .filter((one) => one.priority === priority && one.group === group)
            .map(({ number }) => number);
          expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        }
      }
    }),
    { runs: 100 },
  );
});

/** a, b, c, and what keeps coming beside the call's own group. */
const mostGroups = 4;

test('no group starves: a call waits for at most sixteen slots of each other group per earlier call of its group', async () => {
  const crowd = fc.array(request, { minLength: 5, maxLength: 60 });
  await assertProperty(
    fc.asyncProperty(
      crowd,
      request,
      fc.array(request, { minLength: 1, maxLength: 6 }),
      async (before, mine, stream) => {
        const { clock, scheduler, acquired, acquire } = scene({ rate: 1 });
        for (const { priority, group } of [{ priority: 'List', group: 'first' } as const, ...before])
          acquire(priority, group);
        await clock.settle();
        const ahead = before.filter(({ priority, group }) => priority === mine.priority && group === mine.group).length;
        const mostSlots = 16 * mostGroups * (ahead + 1);
        acquire(mine.priority, mine.group, 'mine');
        let slot = 0;
        while (!acquired.includes('mine')) {
          // Requests of its group would come after it; only the others could delay it.
          for (const { priority, group } of stream) acquire(priority, group === mine.group ? 'others' : group);
          await clock.advance(1_000);
          slot += 1;
          expect(slot).toBeLessThanOrEqual(mostSlots);
        }
        expect(scheduler.inFlight).toBeGreaterThan(0);
      },
    ),
    { runs: 40 },
  );
});
