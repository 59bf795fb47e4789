import { expect, it } from 'vitest';
import { RecreationRate } from '../../../../src/provider/account/admission/recreation-rate.ts';
import { Subscriptions } from '../../../../src/provider/account/subscriptions.ts';
import { createManualClock } from '../../../support/clock.ts';
import { createFixture } from '../fixture.ts';

const minute = 60_000;

function create() {
  const clock = createManualClock();
  const start = clock.monotonic();
  const recreations = new RecreationRate(clock, new Subscriptions(), minute);
  return { clock, recreations, dueIn: (key: string) => (recreations.reserve(key) - start) / minute };
}

it('gives each key its own time, a minute apart, the first at once', () => {
  const { dueIn } = create();
  expect(['a', 'b', 'c', 'a', 'c'].map(dueIn)).toEqual([0, 1, 2, 0, 2]);
});

it('lets no key create before its time or twice', async () => {
  const { clock, recreations, dueIn } = create();
  expect(['a', 'b'].map(dueIn)).toEqual([0, 1]);
  expect(['a', 'a', 'b'].map((key) => recreations.use(key))).toEqual([true, false, false]);
  await clock.advance(minute);
  expect(recreations.use('b')).toBe(true);
});

it('lets keys that used their time late create a minute apart, so that times do not accumulate', async () => {
  const { clock, recreations, dueIn } = create();
  expect(['a', 'b', 'c'].map(dueIn)).toEqual([0, 1, 2]);
  await clock.advance(10 * minute);
  expect(['c', 'a', 'b'].map((key) => recreations.use(key))).toEqual([true, false, false]);
  expect(['a', 'b'].map(dueIn)).toEqual([11, 11]);
  await clock.advance(minute);
  expect(['a', 'b'].map((key) => recreations.use(key))).toEqual([true, false]);
});

it('keeps a minute between two VMs also if no key waited in between', async () => {
  const { clock, recreations, dueIn } = create();
  recreations.use('a');
  await clock.advance(minute / 2);
  expect(dueIn('b')).toBe(1);
});

it('gives an object that was deleted and created again a new time at the end', () => {
  const { account } = createFixture([]);
  const dueIn = (key: string): number => account.recreations.reserve(key) / minute;
  expect(['a', 'b', 'c'].map(dueIn)).toEqual([0, 1, 2]);
  account.unsubscribe('b');
  expect(['b', 'c'].map(dueIn)).toEqual([2, 1]);
});

it('shows the next free turn to a key that has none, and gives it none', () => {
  const { clock, recreations, dueIn } = create();
  const start = clock.monotonic();
  expect(dueIn('a')).toBe(0);
  expect(['b', 'c', 'a'].map((key) => (recreations.dueAt(key) - start) / minute)).toEqual([1, 1, 0]);
  expect(dueIn('c')).toBe(1);
});

it('moves the later keys up when a key needs its time no longer', () => {
  const { recreations, dueIn } = create();
  expect(['a', 'b', 'c', 'd'].map(dueIn)).toEqual([0, 1, 2, 3]);
  recreations.forget('b');
  expect(['a', 'c', 'd', 'e'].map(dueIn)).toEqual([0, 1, 2, 3]);
});

it('keeps the slot of a key that sent nothing, and the time of the one before', async () => {
  const { clock, recreations, dueIn } = create();
  expect(['a', 'b'].map(dueIn)).toEqual([0, 1]);
  expect(recreations.use('a')).toBe(true);
  recreations.giveBack('a');
  expect(['a', 'b'].map(dueIn)).toEqual([0, 1]);
  expect(recreations.use('a')).toBe(true);
  await clock.advance(minute);
  expect(recreations.use('b')).toBe(true);
  recreations.giveBack('a');
  expect(dueIn('b')).toBe(2);
});
