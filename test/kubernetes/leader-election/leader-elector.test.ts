import { expect, test } from 'vitest';
import type { LeaderElection } from '../../../src/kubernetes/leader-election/leader-elector.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import { createManualClock } from '../../support/clock.ts';
import { isSettled, type Journey, LeaseFixture } from './lease-fixture.ts';

const lostAnswer: Journey = { arrivesAfter: 0, answeredAfter: Infinity };
const lostRequest: Journey = { arrivesAfter: Infinity, answeredAfter: 0 };

function createRoom(): LeaseFixture {
  return new LeaseFixture(createManualClock());
}

async function begin(room: LeaseFixture, identity: string): Promise<LeaderElection> {
  const lease = room.candidate(identity);
  lease.start();
  await room.clock.settle();
  return lease;
}

const others = { holderIdentity: 'other', leaseDurationSeconds: 15 };

test.each([
  ['there is none', undefined],
  ['it was given back', { holderIdentity: '', leaseDurationSeconds: 1 }],
])('it is acquired at once when %s', async (_what, spec) => {
  const room = createRoom();
  if (spec !== undefined) room.store(spec);
  const lease = await begin(room, 'a');
  expect(await isSettled(lease.elected)).toBe(true);
  expect(lease.isLeader()).toBe(true);
  expect(room.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15 });
});

test('it is not held before it is acquired, and not after it is released', async () => {
  const room = createRoom();
  const lease = room.candidate('a');
  expect(lease.isLeader()).toBe(false);
  lease.start();
  await room.clock.settle();
  await lease.release();
  expect(lease.isLeader()).toBe(false);
  expect(room.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
  await room.clock.advance(60_000);
  expect(room.clock.pending).toBe(0);
});

test('it is renewed every two seconds, with one request each', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.requests.length = 0;
  await room.clock.advance(60_000);
  expect(lease.isLeader()).toBe(true);
  expect(new Set(room.requests)).toEqual(new Set(['a patch']));
  expect(room.requests.length).toBeGreaterThanOrEqual(30);
  expect(room.requests.length).toBeLessThanOrEqual(34);
});

test.each([
  ['held by another', others, 15_000],
  ['held by another for longer', { ...others, leaseDurationSeconds: 40 }, 40_000],
  ['held by another who says less than we would', { ...others, leaseDurationSeconds: 1 }, 15_000],
  ['emptied by hand, which its holder may not have noticed', { holderIdentity: '', leaseDurationSeconds: 15 }, 15_000],
  ['malformed', { holderIdentity: 'other' }, 15_000],
])('one that is %s is respected from when it was observed, not from its content', async (_what, spec, milliseconds) => {
  const room = createRoom();
  room.store(spec);
  // With this jitter no regular retry falls on the moment when it is free.
  const lease = room.candidate('a', room.clock, () => 0.7);
  lease.start();
  await room.clock.settle();
  await room.clock.advance(milliseconds - 1);
  expect(await isSettled(lease.elected)).toBe(false);
  await room.clock.advance(1);
  expect(lease.isLeader()).toBe(true);
});

test('every change of it counts as a sign of life', async () => {
  const room = createRoom();
  room.store(others);
  const lease = await begin(room, 'a');
  for (let turn = 0; turn < 10; turn += 1) {
    await room.clock.advance(14_000);
    room.store(others);
  }
  await room.clock.advance(14_000);
  expect(await isSettled(lease.elected)).toBe(false);
});

test('one that is deleted while others are on standby is respected as long as before', async () => {
  const room = createRoom();
  room.store(others);
  const lease = await begin(room, 'a');
  room.store(undefined);
  await room.clock.advance(14_999);
  expect(lease.isLeader()).toBe(false);
  await room.clock.advance(1);
  expect(lease.isLeader()).toBe(true);
});

test('one that is released is acquired within the retry period, and by one only', async () => {
  const room = createRoom();
  const holder = await begin(room, 'a');
  const standby = [await begin(room, 'b'), await begin(room, 'c')];
  await room.clock.advance(30_000);
  await holder.release();
  await room.clock.advance(2_000);
  expect(standby.filter((lease) => lease.isLeader())).toHaveLength(1);
});

test('an answer that is lost when it is acquired: it is acquired when its own name is observed', async () => {
  const room = createRoom();
  room.store({ holderIdentity: '', leaseDurationSeconds: 1 });
  room.journeyOf = (_, verb) => (verb === 'patch' ? lostAnswer : { arrivesAfter: 0, answeredAfter: 0 });
  const lease = await begin(room, 'a');
  expect(lease.isLeader()).toBe(false);
  room.journeyOf = () => ({ arrivesAfter: 0, answeredAfter: 0 });
  await room.clock.advance(7_000);
  expect(lease.isLeader()).toBe(true);
});

test('it counts from when the renewal was sent, not from its answer', async () => {
  const room = createRoom();
  room.journeyOf = (_, verb) =>
    verb === 'patch' ? lostRequest : { arrivesAfter: 0, answeredAfter: verb === 'create' ? 4_000 : 0 };
  const lease = await begin(room, 'a');
  await room.clock.advance(4_000);
  expect(lease.isLeader()).toBe(true);
  await room.clock.advance(5_999);
  expect(lease.isLeader()).toBe(true);
  await room.clock.advance(1);
  expect(lease.isLeader()).toBe(false);
});

test.each([
  ['it is renewed', undefined, 1],
  ['one that was given back is taken', { holderIdentity: '', leaseDurationSeconds: 1 }, 0],
])('it counts from when the request was sent and not from its answer: %s', async (_what, spec, quickOnes) => {
  const room = createRoom();
  if (spec !== undefined) room.store(spec);
  const sentAt: number[] = [];
  let requests = 0;
  // One whose answer takes four seconds, and none that arrives after it.
  room.journeyOf = (_, verb) => {
    if (verb === 'get') return { arrivesAfter: 0, answeredAfter: 0 };
    requests += 1;
    if (requests > quickOnes + 1) return lostRequest;
    sentAt.push(room.clock.monotonic());
    return { arrivesAfter: 0, answeredAfter: requests > quickOnes ? 4_000 : 0 };
  };
  const lease = await begin(room, 'a');
  await room.clock.advance(2_000 + 4_000);
  expect([requests > quickOnes + 1, lease.isLeader()]).toEqual([true, true]);
  const until = (sentAt.at(-1) ?? 0) + 10_000;
  await room.clock.advance(until - room.clock.monotonic() - 1);
  expect(lease.isLeader()).toBe(true);
  await room.clock.advance(1);
  expect(lease.isLeader()).toBe(false);
});

test.each([
  ['never arrive', lostRequest],
  ['are stored and never answered', lostAnswer],
])('an outage of the server shorter than the deadline, whose requests %s, does no harm', async (_what, journey) => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.journeyOf = () => journey;
  await room.clock.advance(7_000);
  room.journeyOf = () => ({ arrivesAfter: 0, answeredAfter: 0 });
  for (let second = 0; second < 10; second += 1) {
    expect(lease.isLeader()).toBe(true);
    await room.clock.advance(1_000);
  }
  expect(await isSettled(lease.lost)).toBe(false);
});

test('during a longer outage no write is sent, until the Lease shows that no other holder existed', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.journeyOf = () => lostRequest;
  await room.clock.advance(10_000);
  expect(lease.isLeader()).toBe(false);
  await room.clock.advance(300_000);
  expect(lease.isLeader()).toBe(false);
  expect(await isSettled(lease.lost)).toBe(false);
  room.journeyOf = () => ({ arrivesAfter: 0, answeredAfter: 0 });
  await room.clock.advance(6_500);
  expect(lease.isLeader()).toBe(true);
});

test('after a longer outage in which another one acquired it, it is lost permanently', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.journeyOf = (identity) => (identity === 'a' ? lostRequest : { arrivesAfter: 0, answeredAfter: 0 });
  const other = await begin(room, 'b');
  await room.clock.advance(30_000);
  expect(other.isLeader()).toBe(true);
  room.journeyOf = () => ({ arrivesAfter: 0, answeredAfter: 0 });
  await room.clock.advance(6_500);
  expect(await lease.lost).toBe('the Lease system/operator is held by b now');
  await other.release();
  await room.clock.advance(60_000);
  expect(lease.isLeader()).toBe(false);
});

test.each([
  ['in other hands', others, 'the Lease system/operator is held by other now'],
  ['emptied', { ...others, holderIdentity: '' }, 'the Lease system/operator was released'],
  ['deleted', undefined, 'the Lease system/operator was deleted'],
])('it is lost at the next renewal when another client leaves it %s', async (_what, spec, reason) => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.store(spec);
  await room.clock.advance(2_000);
  expect(lease.isLeader()).toBe(false);
  expect(await lease.lost).toBe(reason);
  room.requests.length = 0;
  await room.clock.advance(60_000);
  expect(room.requests).toEqual([]);
});

test('another client that changes other fields of it does not take it away', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.store({ ...room.spec, leaseTransitions: 7 });
  await room.clock.advance(20_000);
  expect(lease.isLeader()).toBe(true);
});

test('a stale read never takes what another one has renewed meanwhile', async () => {
  const room = createRoom();
  room.store(others);
  const lease = await begin(room, 'a');
  // What a reads is what was stored when it asked, however late it hears of it.
  room.journeyOf = (_, verb) => ({ arrivesAfter: 0, answeredAfter: verb === 'get' ? 3_000 : 0 });
  const renewals = (async () => {
    for (let turn = 0; turn < 40; turn += 1) {
      await room.clock.advance(2_500);
      room.store(others);
    }
  })();
  await renewals;
  expect(lease.isLeader()).toBe(false);
  expect(room.spec).toMatchObject({ holderIdentity: 'other' });
});

test('a candidate that ends releases a Lease that it acquired without an answer', async () => {
  const room = createRoom();
  room.journeyOf = (_, verb) => (verb === 'create' ? lostAnswer : { arrivesAfter: 0, answeredAfter: 0 });
  const lease = await begin(room, 'a');
  const released = lease.release();
  await room.clock.advance(5_000);
  await released;
  expect(room.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
});

test('releasing never takes it away from another one', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.store(others);
  await lease.release();
  expect(room.spec).toEqual(others);
});

test('an unavailable server delays the shutdown by one call at most', async () => {
  const room = createRoom();
  const lease = await begin(room, 'a');
  room.journeyOf = () => lostRequest;
  const released = lease.release();
  await room.clock.advance(5_000);
  await released;
  expect(room.spec).toMatchObject({ holderIdentity: 'a' });
});

test.each([
  [
    'forwards by an hour, as after a suspended machine has woken: nothing may be done until it is renewed',
    3_600_000,
    false,
  ],
  ['forwards by as much as the renewal may take: nothing may be done either', 10_000, false],
  ['backwards by an hour: nothing changes', -3_600_000, true],
])('the wall clock jumps %s', async (_what, jump, isHeldAtOnce) => {
  const room = createRoom();
  let offset = 0;
  const clock: Clock = { ...room.clock, now: () => room.clock.now() + offset };
  const lease = room.candidate('a', clock);
  lease.start();
  await room.clock.advance(60_000);
  offset = jump;
  expect(lease.isLeader()).toBe(isHeldAtOnce);
  await room.clock.advance(2_000);
  expect(lease.isLeader()).toBe(true);
  room.journeyOf = () => lostRequest;
  await room.clock.advance(10_000);
  expect(lease.isLeader()).toBe(false);
});
