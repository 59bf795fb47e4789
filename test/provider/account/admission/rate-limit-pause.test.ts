import { expect, test } from 'vitest';
import type { Failure } from '../../../../src/domain/failure.ts';
import { RateLimitPause } from '../../../../src/provider/account/admission/rate-limit-pause.ts';
import { createManualClock } from '../../../support/clock.ts';

const limited = (retryAfter?: number): Failure => ({
  operation: 'StopMachine',
  class: 'Wait',
  code: 'RateLimited',
  status: 429,
  text: 'too many',
  ...(retryAfter === undefined ? {} : { retryAfter }),
});

test.for([
  { asked: undefined, random: 0, until: 5_000 },
  { asked: 0, random: 0, until: 1_000 },
  { asked: 1_001, random: 0, until: 1_001 },
  { asked: 7_000, random: 1, until: 7_700 },
])('paused until $until ms by a wait of $asked ms and the random number $random', ({ asked, random, until }) => {
  const pause = new RateLimitPause(createManualClock(), () => random);
  expect(pause.record(limited(asked))).toBe('Started');
  expect(pause.pausedUntil).toBeCloseTo(until, 6);
});

test('reports the remaining wait in whole milliseconds until it is over', async () => {
  const clock = createManualClock();
  const pause = new RateLimitPause(clock, () => 0.0001);
  pause.record({ ...limited(5_000), class: 'Retry', code: 'ServerError', status: 503 });
  await clock.advance(2_000);
  expect(pause.failure).toMatchObject({ class: 'Wait', code: 'ServerError', retryAfter: 3_001 });
  await clock.advance(3_001);
  expect([pause.failure, pause.pausedUntil]).toEqual([undefined, undefined]);
});

test('a longer wait prolongs the pause; a shorter one and another failure do not change it', async () => {
  const clock = createManualClock();
  const pause = new RateLimitPause(clock, () => 0);
  expect(pause.record({ ...limited(), code: 'ServerError' })).toBe(undefined);
  expect(pause.record({ ...limited(9_000), code: 'Busy' })).toBe(undefined);
  expect(pause.pausedUntil).toBe(undefined);
  expect([pause.record(limited(5_000)), pause.record(limited(5_000)), pause.record(limited(4_000))]).toEqual([
    'Started',
    undefined,
    undefined,
  ]);
  expect([pause.record(limited(6_000)), pause.pausedUntil]).toEqual(['Prolonged', 6_000]);
  await clock.advance(6_000);
  expect(pause.record(limited(1_000))).toBe('Started');
});
