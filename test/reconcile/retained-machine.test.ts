import { expect, it } from 'vitest';
import type { Account } from '../../src/provider/account/account.ts';
import { createSnapshot } from '../../src/provider/account/snapshot.ts';
import { createRetainedMachineWatch, isConfirmedGone } from '../../src/reconcile/retained-machine.ts';
import { machineIn } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

/** An account whose newest list started at `startedAt` and showed the VMs with these ids. */
function account(startedAt: number, ids: readonly number[], ownerId = 1, isSuspicious = false): Account {
  // One with a negative id can't be read.
  const machines = ids.map((id) =>
    id < 0 ? { id: -id, problem: 'its state is missing' } : machineIn('Running', { id, name: `vm-${id}`, ownerId }),
  );
  const massAbsence = isSuspicious ? { vanished: 5, of: 5, until: 0 } : undefined;
  // Only what is asked of it.
  return {
    ownerId,
    snapshot: createSnapshot(startedAt, startedAt, machines),
    massDisappearance: massAbsence,
    massDisappearanceOf: () => massAbsence,
  } as unknown as Account;
}

/** As an account says it of some VMs, that one not among them. */
const ofOthers = { massDisappearance: { vanished: 5, of: 9, until: 0 }, massDisappearanceOf: () => undefined };

const left = { id: 90, name: 'vm-90', ownerId: 1, account: undefined };
const own = account(200, []);

it.each<{ because: string; machine?: object; accounts: readonly Account[]; isGone: boolean }>([
  { because: 'a list of its account lacks it', accounts: [account(200, [91])], isGone: true },
  { because: 'a list of its account shows it', accounts: [account(200, [90])], isGone: false },
  { because: 'the list began too early', accounts: [account(99, [])], isGone: false },
  { because: 'the list began just in time', accounts: [account(100, [])], isGone: true },
  { because: 'no account of its owner is in use', accounts: [account(200, [], 2)], isGone: false },
  { because: 'no account is in use', accounts: [], isGone: false },
  { because: 'the newest list counts', accounts: [account(200, [90]), account(300, [])], isGone: true },
  { because: 'whatever their order', accounts: [account(300, []), account(200, [90])], isGone: true },
  { because: 'it is there and cannot be read', accounts: [account(200, [-90])], isGone: false },
  {
    because: 'of its name alone, and one that cannot be read may have it',
    machine: { id: undefined },
    accounts: [account(200, [-91])],
    isGone: false,
  },
  { because: 'many vanished with it', accounts: [account(200, [], 1, true)], isGone: false },
  { because: 'many others vanished', accounts: [{ ...account(200, []), ...ofOthers }], isGone: true },
  {
    because: 'of its name alone, and many vanished, which it may be one of',
    machine: { id: undefined },
    accounts: [{ ...account(200, []), ...ofOthers }],
    isGone: false,
  },
  {
    because: 'its owner is not known, nor is that of the account that lacks it',
    machine: { ownerId: undefined, account: own },
    accounts: [{ ...account(200, []), ownerId: undefined }],
    isGone: false,
  },
  {
    because: 'its owner is not known, but its account is',
    machine: { ownerId: undefined, account: own },
    accounts: [account(300, [90], 2), own],
    isGone: false,
  },
  {
    because: 'only its account lacks it',
    machine: { ownerId: undefined, account: own },
    accounts: [own],
    isGone: true,
  },
  { because: 'of its name alone', machine: { id: undefined }, accounts: [account(200, [90])], isGone: false },
  { because: 'its name is not shown', machine: { id: undefined }, accounts: [account(200, [91])], isGone: true },
  {
    because: 'another account has one of its name',
    machine: { id: undefined },
    accounts: [account(200, []), account(300, [90], 2)],
    isGone: true,
  },
])('$because', ({ machine, accounts, isGone }) => {
  expect(isConfirmedGone({ ...left, ...machine }, accounts, 100)).toBe(isGone);
});

it.each([
  { who: 'the leader', isLeading: true, machine: left, isWatched: true },
  { who: 'an operator on standby, which lists no VMs,', isLeading: false, machine: left, isWatched: false },
  { who: 'the leader', isLeading: true, machine: { ...left, ownerId: undefined }, isWatched: false },
  { who: 'the leader', isLeading: true, machine: { ...left, ownerId: undefined, account: own }, isWatched: true },
])('whether $who watches for the deletion of $machine: $isWatched', ({ isLeading, machine, isWatched }) => {
  const accounts = { list: () => new Map() };
  const watch = createRetainedMachineWatch({
    clock: createManualClock(),
    accounts,
    isLeading: () => isLeading,
    createDelay: 100,
  });
  expect(watch(machine) !== undefined).toBe(isWatched);
});

it('a list counts from when it shows a VM whose create was in flight at the start of the watch', async () => {
  const clock = createManualClock();
  const accounts = { list: () => new Map([[1, account(1_099, [])]]) };
  await clock.advance(1_000);
  const watch = createRetainedMachineWatch({ clock, accounts, isLeading: () => true, createDelay: 100 });
  const isGone = watch(left);
  expect(isGone?.()).toBe(false);
  accounts.list = () => new Map([[1, account(1_100, [])]]);
  expect(isGone?.()).toBe(true);
});
