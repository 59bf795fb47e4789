import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../../../src/provider/account/admission/token-bucket.ts';
import { createManualClock } from '../../../support/clock.ts';
import { assertProperty } from '../../../support/property.ts';

/** Takes what there is; how many. */
function takeAll(bucket: TokenBucket): number {
  let taken = 0;
  while (taken < 1_000 && bucket.take()) taken += 1;
  return taken;
}

test('the burst is available at once, then tokens arrive at the rate, and never exceed the burst', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 10, burst: 20 });
  expect(takeAll(bucket)).toBe(20);
  expect(bucket.nextIn).toBe(100);
  await clock.advance(100);
  expect([takeAll(bucket), bucket.nextIn]).toEqual([1, 100]);
  await clock.advance(1_000);
  expect(takeAll(bucket)).toBe(10);
  await clock.advance(3_600_000);
  expect(takeAll(bucket)).toBe(20);
});

test('a shorter pause does not end a longer one', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 10, burst: 20 });
  bucket.onThrottled(60_000);
  bucket.onThrottled(1_000);
  bucket.pause(2_000);
  expect(takeAll(bucket)).toBe(1);
  await clock.advance(60_000);
  expect(takeAll(bucket)).toBe(0);
});

test('the time until the next token shrinks with the wait, and is zero while a token is left', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 10, burst: 20 });
  bucket.pause(60_000);
  expect(bucket.nextIn).toBe(0);
  await clock.advance(60_000);
  takeAll(bucket);
  await clock.advance(50);
  expect(bucket.nextIn).toBe(50);
  await clock.advance(950);
  bucket.dropBurst();
  expect(takeAll(bucket)).toBe(1);
});

test('each millisecond counts', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 1_000, burst: 1 });
  expect(takeAll(bucket)).toBe(1);
  await clock.advance(1);
  expect(takeAll(bucket)).toBe(1);
});

test('without a rate nothing is limited, and throttling changes nothing', () => {
  const bucket = new TokenBucket(createManualClock(), { rate: 0, burst: 0 });
  bucket.onThrottled(1_000);
  bucket.dropBurst();
  expect([takeAll(bucket), bucket.nextIn, bucket.rate]).toEqual([1_000, 0, Infinity]);
});

test('after a throttle: one call when the wait is over, then half the rate, which recovers within half a minute', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 10, burst: 20 });
  bucket.onThrottled(30_000);
  expect(takeAll(bucket)).toBe(1);
  expect([bucket.rate, bucket.nextIn]).toEqual([5, 30_200]);
  await clock.advance(30_000);
  expect(takeAll(bucket)).toBe(0);
  await clock.advance(200);
  expect(takeAll(bucket)).toBe(1);
  await clock.advance(14_800);
  expect(bucket.rate).toBeCloseTo(7.5);
  await clock.advance(15_000);
  expect(bucket.rate).toBe(10);
});

test('throttled repeatedly, some rate always remains', () => {
  const bucket = new TokenBucket(createManualClock(), { rate: 32, burst: 20 });
  for (let time = 0; time < 100; time += 1) bucket.onThrottled(0);
  expect(bucket.rate).toBe(1);
});

test('without its burst: one call, the others as tokens arrive', async () => {
  const clock = createManualClock();
  const bucket = new TokenBucket(clock, { rate: 10, burst: 20 });
  bucket.dropBurst();
  expect(takeAll(bucket)).toBe(1);
  await clock.advance(500);
  expect(takeAll(bucket)).toBe(5);
});

test('no period uses more tokens than the burst and the arrived ones, in any sequence', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('advance' as const), milliseconds: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ kind: fc.constant('take' as const), count: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant('halve' as const), wait: fc.integer({ min: 0, max: 2_000 }) }),
    fc.record({ kind: fc.constant('drain' as const) }),
  );
  const options = { rate: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 30 }) };
  await assertProperty(
    fc.asyncProperty(fc.record(options), fc.array(step, { maxLength: 60 }), async ({ rate, burst }, steps) => {
      const clock = createManualClock();
      const bucket = new TokenBucket(clock, { rate, burst });
      const taken: number[] = [];
      for (const one of steps) {
        if (one.kind === 'advance') await clock.advance(one.milliseconds);
        if (one.kind === 'halve') bucket.onThrottled(clock.monotonic() + one.wait);
        if (one.kind === 'drain') bucket.dropBurst();
        for (let count = 0; one.kind === 'take' && count < one.count; count += 1) {
          if (bucket.take()) taken.push(clock.monotonic());
        }
      }
      for (const [first, from] of taken.entries()) {
        for (let last = first; last < taken.length; last += 1) {
          const allowed = burst + (rate * ((taken[last] ?? 0) - from)) / 1_000;
          expect(last - first + 1).toBeLessThanOrEqual(allowed + 0.001);
        }
      }
    }),
    { runs: 60 },
  );
});

test('a caller that returns at the given time gets a token', async () => {
  await assertProperty(
    fc.asyncProperty(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 0, max: 5_000 }), async (rate, wait) => {
      const clock = createManualClock();
      const bucket = new TokenBucket(clock, { rate, burst: 3 });
      takeAll(bucket);
      bucket.onThrottled(clock.monotonic() + wait);
      for (let time = 0; time < 20; time += 1) {
        await clock.advance(bucket.nextIn);
        expect(bucket.take()).toBe(true);
      }
    }),
    { runs: 30 },
  );
});
