import { expect, test } from 'vitest';
import type { KubeErrorReason } from '../../src/kube/errors.ts';
import { Delays } from '../../src/watch/delays.ts';

const times = (count: number, reason: KubeErrorReason): KubeErrorReason[] =>
  Array.from({ length: count }, () => reason);

test.each<{ because: string; reasons: readonly KubeErrorReason[]; delays: readonly number[] }>([
  {
    because: 'a server in trouble is asked ever less often',
    reasons: times(7, 'Unavailable'),
    delays: [800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000],
  },
  {
    because: 'one that cannot be reached is looked for every few seconds',
    reasons: times(5, 'Network'),
    delays: [800, 1_600, 2_500, 2_500, 2_500],
  },
  {
    because: 'one that answers after a long absence, though not well yet, is asked again soon',
    reasons: [...times(3, 'Network'), 'Unavailable', 'Forbidden'],
    delays: [800, 1_600, 2_500, 800, 1_600],
  },
])('$because', ({ reasons, delays }) => {
  const waiting = new Delays(() => 0);
  expect(reasons.map((reason) => waiting.next(reason))).toEqual(delays);
});

test('up to half is added by chance, and what worked begins anew', () => {
  const waiting = new Delays(() => 1);
  expect([waiting.next('Unavailable'), waiting.next('Unavailable')]).toEqual([1_200, 2_400]);
  waiting.reset();
  expect(waiting.next('Unavailable')).toBe(1_200);
});
