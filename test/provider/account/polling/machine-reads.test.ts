import { expect, test } from 'vitest';
import { type Failure, failed, succeeded } from '../../../../src/domain/failure.ts';
import { MachineReads } from '../../../../src/provider/account/reads.ts';
import { Subscriptions } from '../../../../src/provider/account/subscriptions.ts';
import { createManualClock } from '../../../support/clock.ts';

const lost: Failure = { operation: 'GetMachine', class: 'Retry', code: 'ConnectionLost', text: '' };

/** Reads take a second each and answer 404, or the failures given first. */
function scene(...failures: readonly Failure[]) {
  const clock = createManualClock();
  const requeued: string[] = [];
  const left = [...failures];
  let reads = 0;
  const subscriptions = new Subscriptions();
  const lookUps = new MachineReads(
    clock,
    subscriptions,
    async () => {
      reads += 1;
      const startedAt = clock.monotonic();
      const failure = left.shift();
      await new Promise<void>((resolve) => clock.schedule(1_000, resolve));
      return { startedAt, outcome: failure === undefined ? succeeded(undefined) : failed(failure) };
    },
    (key) => void requeued.push(key),
  );
  /** As a reconciliation asks: what is known, else a read. */
  const ask = (key: string, id: number, notBefore: number) => {
    const known = lookUps.known(key, id, notBefore);
    if (known === undefined) lookUps.start(key, id);
    return known;
  };
  return { clock, lookUps, subscriptions, ask, requeued, reads: () => reads };
}

const notFound = { ok: true, value: undefined };

test('one read serves all requests for which it is recent enough', async () => {
  const { clock, ask, requeued, reads } = scene();
  ask('a', 1, 0);
  ask('a', 1, 0);
  await clock.advance(1_000);
  const answer = { startedAt: 0, outcome: notFound };
  expect([ask('a', 1, 0), ask('a', 1, 0)]).toEqual([answer, answer]);
  expect([requeued, reads()]).toEqual([['a'], 1]);
});

test('an answer is given once although a newer one is requested by then, and never again', async () => {
  const { clock, ask, reads } = scene();
  ask('a', 1, 0);
  await clock.advance(1_000);
  expect(ask('a', 1, 900)).toMatchObject({ startedAt: 0 });
  expect(ask('a', 1, 900)).toBeUndefined();
  await clock.advance(1_000);
  expect(ask('a', 1, 1_900)).toMatchObject({ startedAt: 1_000 });
  expect(reads()).toBe(2);
});

test('a failure is an answer, and retried after five seconds, not sooner', async () => {
  const { clock, ask, reads } = scene(lost);
  ask('a', 1, 0);
  await clock.advance(1_000);
  expect(ask('a', 1, 0)?.outcome).toEqual(failed(lost));
  await clock.advance(4_999);
  expect(ask('a', 1, 5_000)?.outcome).toEqual(failed(lost));
  expect(reads()).toBe(1);
  await clock.advance(1);
  expect(ask('a', 1, 0)).toBeUndefined();
  await clock.advance(1_000);
  expect(ask('a', 1, 0)).toEqual({ startedAt: 6_000, outcome: notFound });
});

test('a key that switches to another VM does not get the answer for the first', async () => {
  const { clock, ask, requeued } = scene();
  ask('a', 1, 0);
  await clock.advance(500);
  ask('a', 2, 0);
  await clock.advance(500);
  expect(requeued).toEqual([]);
  await clock.advance(500);
  expect([requeued, ask('a', 2, 0)]).toEqual([['a'], { startedAt: 500, outcome: notFound }]);
});

test('a forgotten read is sent again', async () => {
  const { clock, lookUps, subscriptions, ask, reads } = scene();
  ask('a', 1, 0);
  ask('b', 2, 0);
  await clock.advance(1_000);
  subscriptions.delete(subscriptions.of('a'));
  lookUps.forgetListed((id) => id === 2);
  expect([ask('a', 1, 0), ask('b', 2, 0), reads()]).toEqual([undefined, undefined, 4]);
});
