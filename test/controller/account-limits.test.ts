import { expect, test } from 'vitest';
import { type AccountLimit, AccountLimits, type CountedAccount } from '../../src/controller/account-limits.ts';
import { ObjectRecords } from '../../src/controller/object-records.ts';
import { createSnapshot } from '../../src/provider/account/snapshot.ts';
import { createManualClock } from '../support/clock.ts';
import { machine } from '../support/fake-provider.ts';

type Key = { -readonly [Field in keyof CountedAccount]: CountedAccount[Field] };

/** Two keys of one account at the provider, of which the Account with the limit has the first. */
async function limited(machines: number) {
  const clock = createManualClock();
  const list = (...names: readonly string[]): Key['snapshot'] =>
    createSnapshot(clock.monotonic(), clock.monotonic(), [
      machine(9, { name: 'legacy' }),
      ...names.map((name, index) => machine(10 + index, { name })),
    ]);
  await clock.advance(1_000_000);
  const key = (): Key => ({ ownerId: 1, credentialStatus: 'Accepted', snapshot: list() });
  const [first, second] = [key(), key()];
  const limit: AccountLimit = {
    by: 'default/main',
    order: '1',
    machines,
    isPaused: true,
    account: first,
    recordedOwner: undefined,
  };
  const set = [limit];
  const inUse = [first, second];
  const limits = new AccountLimits({
    clock,
    records: new ObjectRecords(),
    limits: () => set,
    accounts: () => inUse,
    createDelay: 60_000,
    leadingSince: () => 0,
  });
  return { clock, list, first, second, limit, set, inUse, limits };
}

test('a create that the list of one key shows still counts for another key, whose list is older', async () => {
  const { clock, list, first, second, limits } = await limited(2);
  expect(limits.reserve(first, 'a')).toBe(true);
  await clock.advance(10_000);
  first.snapshot = list('a');
  expect(limits.of(first)).toMatchObject({ count: 2 });
  expect(limits.reserve(second, 'b')).toBe(false);
  await clock.advance(120_000);
  expect(limits.reserve(second, 'b')).toBe(false);
  second.snapshot = list('a');
  expect(limits.of(second)).toMatchObject({ count: 2 });
});

test('a create whose failure may hide a VM does not hold its own repetition, but every other create', async () => {
  const { clock, first, limits } = await limited(2);
  expect(limits.reserve(first, 'a')).toBe(true);
  await clock.advance(1_000);
  expect(limits.of(first, 'a')).toMatchObject({ count: 1 });
  expect(limits.reserve(first, 'a')).toBe(true);
  expect([limits.of(first), limits.reserve(first, 'b')]).toMatchObject([{ count: 2 }, false]);
  limits.release(first, 'a');
  expect(limits.reserve(first, 'b')).toBe(true);
});

test('a deleted object does not wait any longer, and one with another key waits for that', async () => {
  const { first, second, limits } = await limited(2);
  for (const key of ['default/a', 'default/b', 'default/c']) limits.wait(first, key);
  limits.forget('default/a');
  limits.wait(second, 'default/b');
  expect([limits.freedFor(first), limits.freedFor(second), limits.freedFor(first)]).toEqual([
    ['default/c'],
    ['default/b'],
    [],
  ]);
});

test.each<{ when: string; change: Partial<Key>; isPaused: boolean }>([
  { when: 'is accepted', change: {}, isPaused: true },
  { when: 'is rejected', change: { credentialStatus: 'Rejected' }, isPaused: false },
  { when: 'was not accepted yet', change: { credentialStatus: 'Unverified' }, isPaused: false },
  {
    when: 'lists VMs of several owners',
    change: { snapshot: createSnapshot(0, 0, [machine(1), machine(2, { ownerId: 2 })]) },
    isPaused: false,
  },
  { when: 'shows no owner', change: { ownerId: undefined }, isPaused: false },
])('pauses another key of the owner: $isPaused, when the key of the Account $when', async ({ change, isPaused }) => {
  const { first, second, limits } = await limited(2);
  Object.assign(first, change);
  expect(limits.pausedBy(second) !== undefined).toBe(isPaused);
});

test('the key of an Account that is rejected before its first list sets nothing, whatever owner is on record', async () => {
  const { first, second, set, limit, limits } = await limited(2);
  set[0] = { ...limit, recordedOwner: 1 };
  Object.assign(first, { snapshot: undefined, ownerId: undefined, credentialStatus: 'Unverified' });
  expect(limits.pausedBy(second)).toBe('default/main');
  first.credentialStatus = 'Rejected';
  expect([limits.pausedBy(second), limits.pausedBy(first)]).toEqual([undefined, undefined]);
});

test('of the Accounts of several keys of an account, the oldest limits', async () => {
  const { first, second, set, limit, limits } = await limited(5);
  set.unshift({ ...limit, by: 'default/younger', order: '2', machines: 1, account: second });
  expect([limits.of(first), limits.of(second)]).toMatchObject([{ by: 'default/main' }, { by: 'default/main' }]);
});

test('a create that no list shows counts until a list must show it, and an unreadable VM counts', async () => {
  const { clock, list, first, limits } = await limited(5);
  limits.reserve(first, 'lost');
  await clock.advance(60_000);
  first.snapshot = list();
  expect(limits.of(first)).toMatchObject({ count: 2 });
  await clock.advance(1);
  first.snapshot = list();
  expect(limits.of(first)).toMatchObject({ count: 1 });
  first.snapshot = createSnapshot(clock.monotonic(), clock.monotonic(), [machine(1), { id: 2, problem: 'odd' }]);
  expect(limits.of(first)).toMatchObject({ count: 2 });
});

test('a create with a key that no object has any longer counts, also before another key of the account is in use', async () => {
  const { first, inUse, limits } = await limited(5);
  const gone: Key = { ...first };
  inUse.length = 0;
  expect([limits.reserve(gone, 'a'), limits.reserve(first, 'b')]).toEqual([true, true]);
  expect(limits.of(first)).toMatchObject({ count: 3 });
});
