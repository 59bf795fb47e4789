import { expect, test } from 'vitest';
import { createManualClock } from './clock.ts';

test('callbacks run in the order of their times, each at its own time', async () => {
  const clock = createManualClock();
  const seen: string[] = [];
  clock.schedule(20, () => seen.push(`late ${clock.monotonic()}`));
  clock.schedule(10, () => {
    seen.push(`early ${clock.monotonic()}`);
    clock.schedule(5, () => seen.push(`nested ${clock.monotonic()}`));
  });
  await clock.advance(30);
  expect(seen).toEqual(['early 10', 'nested 15', 'late 20']);
  expect(clock.monotonic()).toBe(30);
});

test('a canceled callback never runs and does not count as pending', async () => {
  const clock = createManualClock();
  const cancel = clock.schedule(10, () => expect.unreachable('was canceled'));
  expect(clock.pending).toBe(1);
  cancel();
  expect(clock.pending).toBe(0);
  await clock.advance(10);
});

test('wall-clock and monotonic time move together', async () => {
  const clock = createManualClock(1_000_000);
  await clock.advance(250);
  expect([clock.now(), clock.monotonic()]).toEqual([1_000_250, 250]);
});

test('promises settle between two callbacks of the same moment', async () => {
  const clock = createManualClock();
  const seen: string[] = [];
  clock.schedule(1, () => void Promise.resolve().then(() => seen.push('consequence')));
  clock.schedule(1, () => seen.push('second callback'));
  await clock.advance(1);
  expect(seen).toEqual(['consequence', 'second callback']);
});

test('an endless loop of callbacks without delay fails', async () => {
  const clock = createManualClock(0, 100);
  let runs = 0;
  const again = (): void => {
    runs += 1;
    clock.schedule(0, again);
  };
  clock.schedule(20, again);
  await expect(clock.advance(30)).rejects.toThrow(
    'more than 100 callbacks in one advance, now at 20 ms: an endless loop',
  );
  expect(runs).toBe(100);
});
