import { expect, test } from 'vitest';
import type { KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import { WatchBackoff } from '../../../src/kubernetes/cache/watch-backoff.ts';

interface Failure {
  readonly reason: KubeErrorReason;
  readonly asked?: number;
}

const times = (count: number, reason: KubeErrorReason, asked = 0): Failure[] =>
  Array.from({ length: count }, () => ({ reason, asked }));

/** The delays after these failures, the time of each counted. */
function delaysOf(failures: readonly Failure[], random = 0): readonly number[] {
  const waiting = new WatchBackoff(() => random);
  let now = 1_000;
  return failures.map(({ reason, asked }) => {
    const delay = waiting.next(reason, now, asked);
    now += delay;
    return delay;
  });
}

test.each<{ because: string; failures: readonly Failure[]; delays: readonly number[] }>([
  {
    because: 'a server in trouble is asked ever less often',
    failures: times(7, 'Unavailable'),
    delays: [800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000],
  },
  {
    because: 'a server in trouble that asks to wait is waited for',
    failures: times(2, 'Unavailable', 5_000),
    delays: [5_000, 5_000],
  },
  {
    because: 'one that cannot be reached is looked for all the time',
    failures: times(5, 'Network'),
    delays: [200, 400, 600, 600, 600],
  },
  {
    because: 'one that answers after an absence is starting, and asked again soon, whatever it asks for',
    failures: [...times(3, 'Network'), ...times(4, 'Unavailable', 5_000), { reason: 'Forbidden' }],
    delays: [200, 400, 600, 100, 200, 300, 300, 300],
  },
  {
    because: 'a starting server is asked again soon also while its cache fills, which it reports as too many requests',
    failures: [
      ...times(2, 'Network'),
      ...times(1, 'Unavailable', 5_000),
      ...times(2, 'TooManyRequests', 1_000),
      ...times(2, 'TooManyRequests', 30_000),
    ],
    delays: [200, 400, 100, 200, 300, 300, 300],
  },
  {
    because: 'a server that was never away and has too many requests gets the wait that it asks for',
    failures: times(3, 'TooManyRequests', 7_000),
    delays: [7_000, 7_000, 7_000],
  },
  {
    because: 'one that has too many requests a minute after its return gets it too',
    failures: [
      { reason: 'Network' },
      ...times(202, 'TooManyRequests', 1_000),
      { reason: 'TooManyRequests', asked: 1_500 },
    ],
    delays: [200, 100, 200, ...times(199, 'Network').map(() => 300), 1_000, 1_600],
  },
  {
    because: 'a resource that is not served is looked for every few seconds',
    failures: times(4, 'Unexpected'),
    delays: [800, 1_600, 2_000, 2_000],
  },
  {
    because: 'one that has not started within a minute is in trouble',
    failures: [{ reason: 'Network' }, ...times(202, 'Unavailable')],
    delays: [200, 100, 200, ...Array.from({ length: 199 }, () => 300), 800],
  },
  {
    because: 'after another failure a server has a minute again to start in',
    failures: [
      { reason: 'Network' },
      ...times(150, 'Unavailable'),
      { reason: 'Network' },
      ...times(150, 'Unavailable'),
    ],
    delays: [
      200,
      100,
      200,
      ...times(148, 'Unavailable').map(() => 300),
      200,
      100,
      200,
      ...times(148, 'Unavailable').map(() => 300),
    ],
  },
])('$because', ({ failures, delays }) => {
  expect(delaysOf(failures)).toEqual(delays);
});

test('jitter adds up to half, and a success resets the backoff', () => {
  const waiting = new WatchBackoff(() => 1);
  expect([waiting.next('Unavailable', 0), waiting.next('Unavailable', 0)]).toEqual([1_200, 2_400]);
  waiting.reset();
  expect(waiting.next('Unavailable', 0)).toBe(1_200);
  // Also after an outage: what fails later is not a server that is still starting.
  for (const reason of ['Network', 'Unavailable'] as const) waiting.next(reason, 0);
  waiting.reset();
  expect(waiting.next('Unavailable', 0)).toBe(1_200);
  waiting.next('Network', 0);
  waiting.reset();
  expect(waiting.next('Unavailable', 0)).toBe(1_200);
  expect(delaysOf([...times(3, 'Network'), ...times(3, 'Unavailable', 5_000)], 0.999).every((ms) => ms < 900)).toBe(
    true,
  );
});
