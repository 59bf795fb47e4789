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

interface Ask {
  readonly lane: CallPriority;
  readonly group: string;
}

function scene({ rate = 0, burst = 1, maxInFlight = 1_000_000, isHeld = (): boolean => false } = {}) {
  const clock = createManualClock();
  const turns = new CallScheduler(clock, {
    bucket: new TokenBucket(clock, { rate, burst }),
    maxInFlight,
    listsOnly: isHeld,
  });
  const granted: string[] = [];
  const refused: string[] = [];
  const take = (lane: CallPriority, group: string, name = `${lane} ${group}`): void =>
    void turns.acquire(lane, group).then((isGranted) => (isGranted ? granted : refused).push(name));
  return { clock, turns, take, granted, refused };
}

/** With one token a second and none at first, all requests wait and get their slots one after the other. */
async function orderOf(asks: readonly Ask[], turnsToCome = asks.length): Promise<readonly string[]> {
  const { clock, take, granted } = scene({ rate: 1 });
  take('List', 'first');
  for (const { lane, group } of asks) take(lane, group);
  for (let turn = 0; turn < turnsToCome; turn += 1) await clock.advance(1_000);
  return granted.slice(1);
}

const many = (count: number, lane: CallPriority, group: string): readonly Ask[] =>
  Array.from({ length: count }, () => ({ lane, group }));

describe('the order of slots', () => {
  test.for<[what: string, asks: readonly Ask[], order: readonly string[]]>([
    [
      'a delete comes after a thousand creates: the delete',
      [...many(1_000, 'Create', 'a'), ...many(1, 'Remove', 'a')],
      ['Remove a', 'Create a', 'Create a'],
    ],
    [
      'each priority has one waiting request: in the order of priority',
      callPriorities.toReversed().map((lane) => ({ lane, group: 'a' })),
      ['Remove a', 'Power a', 'Create a', 'Read a', 'List a'],
    ],
    [
      'one namespace has a thousand creates and another one has one: that one is second',
      [...many(1_000, 'Create', 'a'), ...many(1, 'Create', 'b')],
      ['Create a', 'Create b', 'Create a', 'Create a'],
    ],
    [
      'three namespaces have a thousand each: in turn',
      [...many(1_000, 'Create', 'a'), ...many(1_000, 'Create', 'b'), ...many(1_000, 'Create', 'c')],
      ['Create a', 'Create b', 'Create c', 'Create a', 'Create b', 'Create c'],
    ],
    [
      'a create comes after a thousand deletes: after three of them',
      [...many(1_000, 'Remove', 'a'), ...many(1, 'Create', 'a')],
      // The list that emptied the bucket was the first turn of four.
      ['Remove a', 'Remove a', 'Create a', 'Remove a'],
    ],
    [
      'all priorities are full: one slot in four goes to the others, one after the other',
      callPriorities.flatMap((lane) => many(100, lane, 'a')),
      [
        'Remove a, Remove a, Power a',
        'Remove a, Remove a, Remove a, Create a',
        'Remove a, Remove a, Remove a, Read a',
        'Remove a, Remove a, Remove a, List a',
        'Remove a, Remove a, Remove a, Power a',
      ],
    ],
  ])('%s', async ([, asks, order]) => {
    const expected = order.flatMap((turns) => turns.split(', '));
    expect(await orderOf(asks, expected.length)).toEqual(expected);
  });
});

test('a slot with an available token is acquired at once, the next one when a token arrives', async () => {
  const { clock, take, granted, turns } = scene({ rate: 10, burst: 2 });
  for (const name of ['1', '2', '3', '4']) take('Power', 'a', name);
  await clock.settle();
  expect([granted, turns.waiting.Power]).toEqual([['1', '2'], 2]);
  await clock.advance(99);
  expect(granted).toEqual(['1', '2']);
  await clock.advance(1);
  expect(granted).toEqual(['1', '2', '3']);
  await clock.advance(100);
  expect([granted, turns.waiting.Power, clock.pending]).toEqual([['1', '2', '3', '4'], 0, 0]);
});

test('as many requests are in flight as allowed; the next one is sent when one ends, and a list at any time', async () => {
  const { clock, take, granted, turns } = scene({ maxInFlight: 2 });
  for (const name of ['1', '2', '3']) take('Power', 'a', name);
  take('List', 'a', 'list');
  await clock.settle();
  expect([granted, turns.inFlight]).toEqual([['1', '2', 'list'], 2]);
  turns.release('List');
  await clock.settle();
  expect([granted.length, turns.inFlight]).toEqual([3, 2]);
  turns.release('Power');
  await clock.settle();
  expect(granted).toEqual(['1', '2', 'list', '3']);
});

test('during a hold only a list is sent, and the other requests after it', async () => {
  let held = true;
  const { clock, take, granted, turns } = scene({ isHeld: () => held });
  take('Remove', 'a');
  take('List', 'a');
  await clock.settle();
  expect(granted).toEqual(['List a']);
  held = false;
  turns.dispatch();
  await clock.settle();
  expect(granted).toEqual(['List a', 'Remove a']);
});

test('rejects the waiting requests, but not later ones, and leaves no timer', async () => {
  const { clock, take, granted, refused, turns } = scene({ rate: 1 });
  take('Power', 'a', '1');
  take('Power', 'a', '2');
  take('List', 'a', 'list');
  await clock.settle();
  turns.rejectWaiting();
  await clock.settle();
  expect([granted, refused, clock.pending]).toEqual([['1'], ['2', 'list'], 0]);
  take('Power', 'a', '3');
  await clock.advance(1_000);
  expect(granted).toEqual(['1', '3']);
});

test('an aborted request leaves the queue and takes no slot; an acquired slot cannot be aborted', async () => {
  const { clock, granted, refused, turns } = scene({ rate: 1 });
  const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
  const take = async (name: string, { signal }: AbortController): Promise<void> =>
    void ((await turns.acquire('Power', 'a', signal)) ? granted : refused).push(name);
  void take('1', first);
  void take('2', second);
  void take('3', third);
  await clock.settle();
  first.abort();
  second.abort();
  await clock.settle();
  expect([granted, refused, turns.waiting.Power, turns.inFlight]).toEqual([['1'], ['2'], 1, 1]);
  await clock.advance(1_000);
  expect([granted, turns.waiting.Power, clock.pending]).toEqual([['1', '3'], 0, 0]);
  void take('4', third);
  third.abort();
  void take('5', third);
  await clock.settle();
  expect([refused.toSorted(), turns.waiting.Power]).toEqual([['2', '4', '5'], 0]);
});

test.for(callPriorities)(
  'the last request of its group in %s leaves no empty place in the round when it is aborted',
  async (lane) => {
    const { clock, take, granted, turns } = scene({ rate: 1 });
    take('List', 'first');
    const givenUp = new AbortController();
    const leaving = turns.acquire(lane, 'leaves', givenUp.signal);
    take(lane, 'stays');
    givenUp.abort();
    expect(await leaving).toBe(false);
    await clock.advance(1_000);
    expect(granted).toEqual(['List first', `${lane} stays`]);
    expect(Object.values(turns.waiting)).toEqual(callPriorities.map(() => 0));
  },
);

test('after a stop it gives out no slots, and waits for all requests in flight', async () => {
  const { clock, take, refused, turns } = scene({ maxInFlight: 2 });
  take('Power', 'a', '0');
  take('Power', 'a', '1');
  take('Power', 'a', '2');
  await clock.settle();
  let isStopped = false;
  void turns.stop().then(() => (isStopped = true));
  take('Power', 'a', '3');
  await clock.settle();
  expect([refused.toSorted(), isStopped]).toEqual([['2', '3'], false]);
  turns.release('Power');
  await clock.settle();
  expect(isStopped).toBe(false);
  turns.release('Power');
  await clock.settle();
  expect(isStopped).toBe(true);
});

async function wait(turn: Promise<boolean>, onGranted: () => void): Promise<void> {
  if (await turn) onGranted();
}

const ask = fc.record({ lane: fc.constantFrom(...callPriorities), group: fc.constantFrom('a', 'b', 'c') });
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), asks: fc.array(ask, { maxLength: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('advance' as const), milliseconds: fc.nat(2_000) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), count: fc.nat(10) }) },
);

test('in any sequence, no more calls than allowed are in flight, ordered within priority and group', async () => {
  await assertProperty(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const [rate, burst, maxInFlight] = [10, 5, 4];
      const clock = createManualClock();
      const turns = new CallScheduler(clock, {
        bucket: new TokenBucket(clock, { rate, burst }),
        maxInFlight,
        listsOnly: () => false,
      });
      const granted: {
        readonly lane: CallPriority;
        readonly group: string;
        readonly number: number;
        readonly at: number;
      }[] = [];
      const underWay: CallPriority[] = [];
      let asked = 0;
      for (const one of steps) {
        if (one.kind === 'advance') await clock.advance(one.milliseconds);
        for (const { lane, group } of one.kind === 'ask' ? one.asks : []) {
          asked += 1;
          const number = asked;
          void wait(turns.acquire(lane, group), () => {
            granted.push({ lane, group, number, at: clock.monotonic() });
            underWay.push(lane);
          });
        }
        await clock.settle();
        for (let count = 0; one.kind === 'end' && count < one.count; count += 1) {
          const lane = underWay.shift();
          if (lane !== undefined) turns.release(lane);
        }
        await clock.settle();
        expect(underWay.filter((lane) => lane !== 'List').length).toBeLessThanOrEqual(maxInFlight);
        expect(turns.inFlight).toBe(underWay.filter((lane) => lane !== 'List').length);
        expect(Object.values(turns.waiting).reduce((sum, count) => sum + count)).toBe(asked - granted.length);
      }
      for (const [first, { at: from }] of granted.entries()) {
        for (const [index, { at }] of granted.slice(first).entries()) {
          expect(index + 1).toBeLessThanOrEqual(burst + (rate * (at - from)) / 1_000 + 0.001);
        }
      }
      for (const lane of callPriorities) {
        for (const group of ['a', 'b', 'c']) {
          const numbers = granted.filter((one) => one.lane === lane && one.group === group).map(({ number }) => number);
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
  const crowd = fc.array(ask, { minLength: 5, maxLength: 60 });
  await assertProperty(
    fc.asyncProperty(crowd, ask, fc.array(ask, { minLength: 1, maxLength: 6 }), async (before, mine, stream) => {
      const { clock, turns, granted, take } = scene({ rate: 1 });
      for (const { lane, group } of [{ lane: 'List', group: 'first' } as const, ...before]) take(lane, group);
      await clock.settle();
      const ahead = before.filter(({ lane, group }) => lane === mine.lane && group === mine.group).length;
      const mostTurns = 16 * mostGroups * (ahead + 1);
      take(mine.lane, mine.group, 'mine');
      let turn = 0;
      while (!granted.includes('mine')) {
        // Requests of its group would come after it; only the others could delay it.
        for (const { lane, group } of stream) take(lane, group === mine.group ? 'others' : group);
        await clock.advance(1_000);
        turn += 1;
        expect(turn).toBeLessThanOrEqual(mostTurns);
      }
      expect(turns.inFlight).toBeGreaterThan(0);
    }),
    { runs: 40 },
  );
});
