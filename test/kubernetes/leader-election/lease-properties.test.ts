import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LeaderElection } from '../../../src/kubernetes/leader-election/leader-elector.ts';
import { createManualClock } from '../../support/clock.ts';
import { isSettled, type Journey, LeaseFixture } from './lease-fixture.ts';
import { assertProperty } from '../../support/property.ts';

const step = 500;
const steps = 400;

/** Up to a delay longer than any deadline, or never. */
const delay = fc.oneof(
  { weight: 30, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 6_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 6_000, max: 40_000 }) },
  { weight: 1, arbitrary: fc.constant(Infinity) },
);
const journeys = fc.infiniteStream(fc.record({ arrivesAfter: delay, answeredAfter: delay }));
/** What befalls a process at a step: nothing mostly. */
const fate = fc.oneof(
  { weight: 200, arbitrary: fc.constant({ kind: 'nothing' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('freeze' as const),
      milliseconds: fc.integer({ min: 1_000, max: 60_000 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'release' as const }) },
);
const rate = fc.double({ min: 0.95, max: 1.05, noNaN: true });

test('with any delays, losses, frozen processes and clock differences, two candidates never hold it at the same moment', async () => {
  let changes = 0;
  await assertProperty(
    fc.asyncProperty(journeys, fc.infiniteStream(fate), fc.infiniteStream(rate), async (wire, fates, rates) => {
      const room = new LeaseFixture(createManualClock());
      room.journeyOf = (): Journey => wire.next().value;
      let born = 0;
      const start = (): { readonly identity: string; readonly lease: LeaderElection } => {
        born += 1;
        const identity = `p${born}`;
        const lease = room.candidate(identity, room.clockOf(identity, rates.next().value), () => (born % 10) / 10);
        lease.start();
        return { identity, lease };
      };
      const alive = [start(), start(), start()];
      let leader = '';
      for (let turn = 0; turn < steps; turn += 1) {
        for (const [index, { identity, lease }] of alive.entries()) {
          const what = fates.next().value;
          if (what.kind === 'freeze') room.freeze(identity, what.milliseconds);
          // Its requests may still arrive; the answers no longer do.
          if (what.kind === 'kill') room.freeze(identity, Infinity);
          if (what.kind === 'release') void lease.release();
          const isOver = what.kind === 'kill' || what.kind === 'release' || (await isSettled(lease.lost));
          if (isOver) alive[index] = start();
        }
        await room.clock.advance(step);
        const holders = alive.filter(({ lease }) => lease.isLeader()).map(({ identity }) => identity);
        expect(holders.length).toBeLessThanOrEqual(1);
        const [holder] = holders;
        if (holder !== undefined && holder !== leader) changes += 1;
        leader = holder ?? leader;
      }
    }),
    { runs: 60 },
  );
  // That it is held now and then, or this would show nothing.
  expect(changes).toBeGreaterThan(200);
});

test('once the network works again, one of them holds it soon', async () => {
  await assertProperty(
    fc.asyncProperty(journeys, fc.integer({ min: 1, max: 60 }), async (wire, seconds) => {
      const room = new LeaseFixture(createManualClock());
      room.journeyOf = (): Journey => wire.next().value;
      const leases = ['a', 'b'].map((identity) => room.candidate(identity));
      for (const lease of leases) lease.start();
      await room.clock.advance(seconds * 1_000);
      room.journeyOf = () => ({ arrivesAfter: 0, answeredAfter: 0 });
      // Requests in flight may change it again.
      await room.clock.advance(40_000 + 15_000 + 5_000 + 2_000);
      const lost = await Promise.all(
        leases.map((lease) => Promise.race([lease.lost.then(() => true), Promise.resolve(false)])),
      );
      expect(leases.some((lease) => lease.isLeader()) || lost.includes(true)).toBe(true);
    }),
    { runs: 50 },
  );
});
