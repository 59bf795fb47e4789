import { expect, test } from 'vitest';
import { ObjectRecords } from '../../src/controller/object-records.ts';
import { ReactionLatency } from '../../src/reconcile/reaction-latency.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const key = 'default/web';
const generation = (number: number) => {
  const object = objectWith();
  return { ...object, metadata: { ...object.metadata, generation: number } };
};

test('measures the time until the first call for a change, and not until a later call', async () => {
  const clock = createManualClock();
  const seconds: number[] = [];
  const measured = new ReactionLatency(clock, new ObjectRecords(), (time) => seconds.push(time));
  measured.specChanged(key, undefined, generation(1), false);
  await clock.advance(2_000);
  measured.observeCall(key);
  await clock.advance(60_000);
  measured.observeCall(key);
  expect(seconds).toEqual([2]);
  measured.specChanged(key, generation(1), generation(2), false);
  await clock.advance(3_000);
  measured.observeCall(key);
  expect(seconds).toEqual([2, 3]);
});

test('measures nothing for an object that existed before, did not change, needed no call or was removed', async () => {
  const clock = createManualClock();
  const seconds: number[] = [];
  const measured = new ReactionLatency(clock, new ObjectRecords(), (time) => seconds.push(time));
  const changes: readonly (() => void)[] = [
    () => measured.specChanged(key, undefined, generation(1), true),
    () => measured.specChanged(key, generation(1), generation(1), false),
    () => {
      measured.specChanged(key, generation(1), generation(2), false);
      measured.cancel(key);
    },
    () => {
      measured.specChanged(key, generation(2), generation(3), false);
      measured.specChanged(key, generation(3), undefined, false);
    },
  ];
  for (const change of changes) {
    change();
    measured.observeCall(key);
  }
  expect(seconds).toEqual([]);
});
