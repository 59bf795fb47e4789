import { describe, expect, test } from 'vitest';
import type { NextRead, ReadNeeds } from '../../../../src/provider/account/polling/poll-schedule.ts';
import { maxSingleReads, nextRead } from '../../../../src/provider/account/polling/poll-schedule.ts';
import { usual } from '../../../support/usual-settings.ts';

const quiet: ReadNeeds = {
  lastList: { startedAt: 100_000, endedAt: 100_500 },
  lastRead: { startedAt: 100_000, endedAt: 100_500 },
  failures: 0,
  hasSubscribers: true,
  listRequestedAt: undefined,
  machineRequestedAt: undefined,
  fastInterval: undefined,
  idleInterval: 57_000,
  isRejected: false,
  retryAt: undefined,
  rateLimitedUntil: undefined,
  nextProbeAt: undefined,
};

const list = (at: number): NextRead => ({ at, kind: 'List' });
const any = (at: number): NextRead => ({ at, kind: 'Any' });
const never = { lastList: undefined, lastRead: undefined };
const sinceSingle = { lastRead: { startedAt: 120_000, endedAt: 120_100 } };

const rows: readonly [reason: string, needs: Partial<ReadNeeds>, next: NextRead | undefined][] = [
  ['no subscribers: an unused account costs nothing', { hasSubscribers: false }, undefined],
  ['no subscribers, and urgency was left behind', { hasSubscribers: false, fastInterval: 1_000 }, undefined],
  ['the first subscriber needs a list at once', never, list(0)],
  [
    'the first list is requested, but for later',
    { ...never, hasSubscribers: false, listRequestedAt: 9_000 },
    list(9_000),
  ],
  ['the rate-limit pause holds even for the first list', { ...never, rateLimitedUntil: 7_000 }, list(7_000)],
  ['the first read is a list, whatever is requested', { ...never, machineRequestedAt: 0, fastInterval: 1 }, list(0)],
  ['followed and quiet', {}, list(157_500)],
  [
    'urgent: from the end of the last one, so that slow lists do not follow each other',
    { fastInterval: 1_500 },
    any(102_000),
  ],
  ['urgent: from the end of the last read of any kind', { ...sinceSingle, fastInterval: 1_500 }, any(121_600)],
  ['single reads put off no idle list', { ...sinceSingle, fastInterval: 90_000 }, list(157_500)],
  ['urgency that grew past the idle interval does not slow down', { fastInterval: 90_000 }, list(157_500)],
  ['wanted at once: as soon as the spacing allows', { listRequestedAt: 100_600 }, list(101_000)],
  ['wanted for a moment to come', { listRequestedAt: 130_000 }, list(130_000)],
  ['wanted after the next idle poll: that one comes first', { listRequestedAt: 200_000 }, list(157_500)],
  ['a machine is wanted at once: as soon as the spacing allows', { machineRequestedAt: 100_600 }, any(101_000)],
  ['a machine is wanted after single reads', { ...sinceSingle, machineRequestedAt: 120_500 }, any(121_000)],
  [
    'a list and a machine at the same time: the list serves both',
    { listRequestedAt: 0, machineRequestedAt: 0 },
    list(101_000),
  ],
  ['one failure: again after a second when a request waits', { failures: 1, listRequestedAt: 100_600 }, list(101_500)],
  ['more failures: the delay doubles', { failures: 3, listRequestedAt: 100_600 }, list(104_500)],
  ['many failures: the delay stops growing', { failures: 40, fastInterval: 1_000 }, list(110_500)],
  ['failing and quiet: sooner than idle, so that recovery is seen', { failures: 1 }, list(110_500)],
  ['failing: a read by id returns nothing to act on', { failures: 1, machineRequestedAt: 0 }, list(101_500)],
  [
    'rejected: a slow probe, whatever is requested',
    { isRejected: true, listRequestedAt: 1, fastInterval: 1_000 },
    list(160_500),
  ],
  ['rejected, and written into a Secret again: at once', { isRejected: true, retryAt: 110_000 }, list(110_000)],
  ['rejected, and put there just after a list', { isRejected: true, retryAt: 100_600 }, list(101_000)],
  [
    'the account is paused: not before the pause ends',
    { listRequestedAt: 100_600, rateLimitedUntil: 140_000 },
    list(140_000),
  ],
  [
    'circuit open: the probe, whatever is requested and however often it failed',
    { nextProbeAt: 133_000, listRequestedAt: 1, failures: 9 },
    list(133_000),
  ],
  [
    'circuit open, and the rate-limit pause lasts longer',
    { nextProbeAt: 133_000, rateLimitedUntil: 140_000 },
    list(140_000),
  ],
  ['circuit open, and no subscribers', { nextProbeAt: 133_000, hasSubscribers: false }, undefined],
];

test.for(rows)('%s', ([, needs, next]) => {
  expect(nextRead({ ...quiet, ...needs }, usual)).toEqual(next);
});

describe('the limit of reads by id', () => {
  test.for<[reason: string, size: number, settings: Partial<Parameters<typeof maxSingleReads>[1]>, most: number]>([
    ['nothing known yet', 0, {}, 0],
    ['a hundred machines: a list is not even twice as dear as one', 102, {}, 0],
    ['a list is twice as dear as one machine', 103, {}, 1],
    ['a few hundred', 300, {}, 1],
    ['a thousand, and half of the calls of a second', 1_000, {}, 5],
    ['a thousand, in ten seconds: more of them were dearer than half a list', 1_000, { intervalMs: 10_000 }, 5],
    ['ten thousand', 10_000, {}, 5],
    ['ten thousand, and as many at once as may be', 10_000, { intervalMs: 10_000 }, 16],
    ['ten thousand, and as many calls as one likes', 10_000, { ratePerSecond: Infinity }, 16],
    ['ten thousand, and hardly any call', 10_000, { ratePerSecond: 1 }, 0],
    ['ten thousand, in a hurry', 10_000, { intervalMs: 200 }, 1],
  ])('%s', ([, size, settings, most]) => {
    expect(maxSingleReads(size, { intervalMs: 1_000, ratePerSecond: 10, maxInFlight: 16, ...settings })).toBe(most);
  });
});
