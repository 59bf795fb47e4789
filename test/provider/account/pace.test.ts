import { expect, test } from 'vitest';
import type { ListNeeds } from '../../../src/provider/account/pace.ts';
import { defaultPace, nextListAt } from '../../../src/provider/account/pace.ts';

const quiet: ListNeeds = {
  last: { startedAt: 100_000, endedAt: 100_500 },
  failures: 0,
  isFollowed: true,
  wantedAt: undefined,
  urgentInterval: undefined,
  idleInterval: 57_000,
  isRejected: false,
  gateClosedUntil: undefined,
};

const rows: readonly [reason: string, needs: Partial<ListNeeds>, due: number | undefined][] = [
  ['nobody follows: an account that nobody uses costs nothing', { isFollowed: false }, undefined],
  ['nobody follows, and urgency was left behind', { isFollowed: false, urgentInterval: 1_000 }, undefined],
  ['the first follower needs a list at once', { last: undefined }, 0],
  ['somebody wants the first list, but later', { last: undefined, isFollowed: false, wantedAt: 9_000 }, 9_000],
  ['the gate holds even for the first list', { last: undefined, gateClosedUntil: 7_000 }, 7_000],
  ['followed and quiet', {}, 157_500],
  [
    'urgent: from the end of the last one, so that slow lists do not follow each other',
    { urgentInterval: 1_500 },
    102_000,
  ],
  ['urgency that grew past the idle interval does not slow down', { urgentInterval: 90_000 }, 157_500],
  ['wanted at once: as soon as the spacing allows', { wantedAt: 100_600 }, 101_000],
  ['wanted for a moment to come', { wantedAt: 130_000 }, 130_000],
  ['wanted after the next idle poll: that one comes first', { wantedAt: 200_000 }, 157_500],
  ['one failure: again after a second when somebody waits', { failures: 1, wantedAt: 100_600 }, 101_500],
  ['more failures: the delay doubles', { failures: 3, wantedAt: 100_600 }, 104_500],
  ['many failures: the delay stops growing', { failures: 40, urgentInterval: 1_000 }, 110_500],
  ['failing and quiet: sooner than idle, so that recovery is seen', { failures: 1 }, 110_500],
  ['rejected: a slow probe, whoever waits', { isRejected: true, wantedAt: 100_600, urgentInterval: 1_000 }, 160_500],
  ['the gate is closed: not before it opens', { wantedAt: 100_600, gateClosedUntil: 140_000 }, 140_000],
];

test.for(rows)('%s', ([, needs, due]) => {
  expect(nextListAt({ ...quiet, ...needs }, defaultPace)).toBe(due);
});
