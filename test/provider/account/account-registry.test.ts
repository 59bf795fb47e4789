import { expect, test } from 'vitest';
import { failed } from '../../../src/domain/failure.ts';
import { Secret } from '../../../src/domain/secret.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import {
  type AccountLimits,
  type AccountRegistry,
  createAccountRegistry,
} from '../../../src/provider/account/account-registry.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { Provider } from '../../../src/provider/provider.ts';
import { registeredSecrets, registerSecret } from '../../../src/telemetry/redact.ts';
import { createManualClock } from '../../support/clock.ts';
import { createFakeProvider, type FakeProvider, machine } from '../../support/fake-provider.ts';
import { usual } from '../../support/usual-settings.ts';

/** The account of a key, for which there is room. */
function accountOf(accounts: AccountRegistry, key: string, group = 'a'): Account {
  const account = accounts.get(new Secret(key), group);
  if (typeof account === 'string') throw new Error(account);
  return account;
}

function scene(
  limits: AccountLimits = { total: 1_000, perGroup: 100 },
  connect: (key: string) => Provider = () => createFakeProvider([machine(1)]),
) {
  const clock = createManualClock();
  const snapshots: number[] = [];
  let connections = 0;
  const accounts = createAccountRegistry({
    clock,
    log: silentLog,
    random: () => 0.5,
    wake: () => {},
    limits,
    settings: usual,
    connect: (key) => {
      connections += 1;
      return connect(key.reveal());
    },
    onSnapshot: (_, account) => snapshots.push(account),
  });
  return { clock, accounts, snapshots, connections: () => connections };
}

test('the same key is the same account, another key another one', () => {
  const { accounts, connections } = scene();
  const one = accountOf(accounts, 'one');
  expect(accountOf(accounts, 'one')).toBe(one);
  expect(accountOf(accounts, 'two')).not.toBe(one);
  expect(connections()).toBe(2);
  expect([...accounts.list().keys()]).toEqual([1, 2]);
});

test('snapshots are reported with the ordinal number of their account', async () => {
  const { clock, accounts, snapshots } = scene();
  accountOf(accounts, 'one');
  accountOf(accounts, 'two').subscribe('a/1', { group: 'a', name: 'x' });
  await clock.settle();
  expect(snapshots).toEqual([2]);
});

test('an account without subscribers is closed after ten minutes; one with subscribers stays', async () => {
  const { clock, accounts } = scene();
  const followed = accountOf(accounts, 'followed');
  followed.subscribe('a/1', { group: 'a', name: 'machine-1' });
  accountOf(accounts, 'unused');
  for (let minute = 0; minute < 11; minute += 1) {
    await clock.advance(60_000);
    accountOf(accounts, 'third');
  }
  expect([...accounts.list().keys()]).toEqual([1, 3]);
  expect(accountOf(accounts, 'followed')).toBe(followed);
});

test('an account that is closed makes no more calls, also if an object that still refers to it subscribes again', async () => {
  const connected = new Map<string, FakeProvider>();
  const { clock, accounts } = scene({ total: 3, perGroup: 100 }, (name) => {
    const provider = createFakeProvider([machine(1)]);
    connected.set(name, provider);
    return name === 'good'
      ? provider
      : { ...provider, listMachines: async () => (await provider.listMachines(), failed(rejected)) };
  });
  const old = accountOf(accounts, 'replaced');
  // Two keys of one namespace, of which one makes room for the key of another.
  for (const name of ['bad-1', 'bad-2']) accountOf(accounts, name, 'b').subscribe(`b/${name}`, { ...key, group: 'b' });
  await clock.settle();
  accountOf(accounts, 'good', 'c').subscribe('c/1', { ...key, group: 'c' });
  expect([...accounts.list().keys()]).toEqual([2, 3, 4]);
  accountOf(accounts, 'good-2', 'd').subscribe('d/1', { ...key, group: 'd' });
  expect(accounts.list().size).toBe(3);
  old.subscribe('a/1', { ...key, group: 'a' });
  old.requestList('a/1', 0);
  const callsOf = (): Record<string, number> =>
    Object.fromEntries([...connected].map(([name, provider]) => [name, provider.calls.length]));
  const before = callsOf();
  await clock.advance(20 * 60_000);
  const after = callsOf();
  const silent = Object.keys(after).filter((name) => after[name] === before[name]);
  expect(silent.toSorted()).toEqual(['bad-1', 'replaced']);
});

test('stopping ends the polling of all', async () => {
  const { clock, accounts } = scene();
  accountOf(accounts, 'one').subscribe('a/1', { group: 'a', name: 'x' });
  accountOf(accounts, 'two').subscribe('a/1', { group: 'a', name: 'x' });
  await clock.settle();
  await accounts.stop();
  expect(clock.pending).toBe(0);
});

const key = { name: 'x' };
const rejected = {
  operation: 'ListMachines',
  class: 'Credentials',
  code: 'Unauthorized',
  status: 401,
  text: '',
} as const;

/** Accepts keys that begin with `good`. */
function judging(name: string): Provider {
  const provider = createFakeProvider([machine(1)]);
  return name.startsWith('good') ? provider : { ...provider, listMachines: async () => failed(rejected) };
}

test('a namespace uses a limited number of keys, until its objects use another one or are removed', async () => {
  const { accounts } = scene({ total: 1_000, perGroup: 2 });
  for (const name of ['one', 'two']) accountOf(accounts, name).subscribe(`a/${name}`, { ...key, group: 'a' });
  expect(accounts.get(new Secret('three'), 'a')).toBe('GroupReached');
  expect(accountOf(accounts, 'three', 'b')).not.toBe(accountOf(accounts, 'one'));
  accountOf(accounts, 'one').unsubscribe('a/one');
  expect(typeof accounts.get(new Secret('three'), 'a')).toBe('object');
});

test('a key stays in use by a namespace until the last of its objects is removed', () => {
  const { accounts } = scene({ total: 1_000, perGroup: 1 });
  const one = accountOf(accounts, 'one');
  for (const name of ['a/1', 'a/2']) one.subscribe(name, { ...key, group: 'a' });
  one.unsubscribe('a/1');
  expect(accounts.get(new Secret('two'), 'a')).toBe('GroupReached');
  one.unsubscribe('a/2');
  expect(accounts.get(new Secret('two'), 'a')).toBeTypeOf('object');
});

test('a key that another namespace uses counts for each', () => {
  const { accounts } = scene({ total: 1_000, perGroup: 1 });
  accountOf(accounts, 'shared', 'a').subscribe('a/1', { ...key, group: 'a' });
  accountOf(accounts, 'own', 'b').subscribe('b/1', { ...key, group: 'b' });
  expect(accounts.get(new Secret('shared'), 'b')).toBe('GroupReached');
});

test('above the limit of keys, unused ones are dropped first, then those that were not accepted of the namespace with the most', async () => {
  const { clock, accounts } = scene({ total: 4, perGroup: 100 }, judging);
  accountOf(accounts, 'good-1', 'a').subscribe('a/1', { ...key, group: 'a' });
  for (const index of [1, 2]) accountOf(accounts, `bad-${index}`, 'b').subscribe(`b/${index}`, { ...key, group: 'b' });
  accountOf(accounts, 'unused', 'c');
  await clock.settle();
  // In place of the unused one.
  accountOf(accounts, 'bad-3', 'b').subscribe('b/3', { ...key, group: 'b' });
  expect([...accounts.list().keys()]).toEqual([1, 2, 3, 5]);
  await clock.settle();
  // In place of one of three that were rejected.
  accountOf(accounts, 'good-2', 'd').subscribe('d/1', { ...key, group: 'd' });
  expect([...accounts.list().keys()]).toEqual([1, 3, 5, 6]);
  await clock.settle();
  expect([accounts.get(new Secret('bad-4'), 'b'), accounts.get(new Secret('good-3'), 'a')]).toEqual([
    'TotalReached',
    expect.objectContaining({ credentialStatus: 'Unverified' }),
  ]);
  expect(accountOf(accounts, 'good-1', 'a').credentialStatus).toBe('Accepted');
});

test('a namespace drops no key of another one that would have as few keys afterwards', async () => {
  const { clock, accounts } = scene({ total: 3, perGroup: 100 }, judging);
  for (const [name, group] of [
    ['bad-1', 'b'],
    ['bad-2', 'b'],
    ['bad-3', 'd'],
  ] as const)
    accountOf(accounts, name, group).subscribe(`${group}/${name}`, { ...key, group });
  await clock.settle();
  expect(accounts.get(new Secret('bad-4'), 'd')).toBe('TotalReached');
  expect([...accounts.list().keys()]).toEqual([1, 2, 3]);
  accountOf(accounts, 'good-1', 'e').subscribe('e/1', { ...key, group: 'e' });
  expect([...accounts.list().keys()]).toEqual([2, 3, 4]);
});

test('four hundred invalid keys are tried a few at a time, round-robin with other keys', async () => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const { clock, accounts } = scene({ total: 1_000, perGroup: 1_000 }, (name) => ({
    ...createFakeProvider([machine(1)]),
    listMachines: () => {
      asked.push(name);
      return new Promise((resolve) => answers.push(() => resolve(failed(rejected))));
    },
  }));
  for (let index = 0; index < 400; index += 1)
    accountOf(accounts, `bad-${index}`, 'b').subscribe(`b/${index}`, { ...key, group: 'b' });
  accountOf(accounts, 'mine', 'a').subscribe('a/1', { ...key, group: 'a' });
  await clock.settle();
  expect(asked).toHaveLength(16);
  for (const answer of answers.splice(0, 2)) answer();
  await clock.settle();
  expect(asked.slice(16)).toContain('mine');
  await accounts.stop();
});

test('a key that was never accepted is tried with exponential backoff, one that was accepted once a minute', async () => {
  const lists = new Map<string, number>();
  const good = { isGood: true };
  const { clock, accounts } = scene(undefined, (name) => {
    const provider = createFakeProvider([machine(1)]);
    return {
      ...provider,
      listMachines: async (signal) => {
        lists.set(name, (lists.get(name) ?? 0) + 1);
        return name === 'good' && good.isGood ? provider.listMachines(signal) : failed(rejected);
      },
    };
  });
  for (const name of ['good', 'bad']) accountOf(accounts, name).subscribe(`a/${name}`, { ...key, group: 'a' });
  await clock.settle();
  good.isGood = false;
  lists.clear();
  await clock.advance(60 * 60_000);
  // 1 + 2 + 4 + 8 minutes, then every ten.
  expect([lists.get('good'), lists.get('bad')]).toEqual([60, 8]);
});

test('a key is redacted from all texts once the provider accepts it: before, it could be a common word', async () => {
  const keys = ['Amsterdam', 'good-k3y-0f-4n-4cc0unt'];
  const hidden = (): readonly string[] => keys.filter((one) => registeredSecrets().quotedIn(`web in ${one}`));
  const { clock, accounts } = scene(undefined, judging);
  for (const one of keys) accountOf(accounts, one).subscribe('a/1', { group: 'a', name: 'x' });
  expect(hidden()).toEqual([]);
  await clock.settle();
  expect(keys.map((one) => accountOf(accounts, one).credentialStatus)).toEqual(['Rejected', 'Accepted']);
  expect(hidden()).toEqual(keys.slice(1));
});

test('a key whose account is closed is redacted until a thousand other keys have come and gone', async () => {
  const { clock, accounts } = scene();
  const old = 'k3y-that-was-rotated';
  accountOf(accounts, old).subscribe('a/1', { group: 'a', name: 'x' });
  await clock.settle();
  accountOf(accounts, old).unsubscribe('a/1');
  await clock.advance(11 * 60_000);
  accountOf(accounts, 'other');
  await clock.settle();
  const isHidden = (): boolean => registeredSecrets().quotedIn(old);
  expect([accounts.list().size, isHidden()]).toEqual([1, true]);
  for (let index = 0; index <= 2_000; index += 1) registerSecret(new Secret(`other-k3y-${index}`))();
  expect(isHidden()).toBe(false);
});

test('the lists of all keys together are limited: a list above the limit fails, the others stay, and a dropped key frees its share', async () => {
  const large = Array.from({ length: 20_000 }, (_, index) =>
    machine(index + 1, {
      addresses: [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ version: 4, address: `10.0.0.${n}` })),
    }),
  );
  const { clock, accounts } = scene(undefined, () => createFakeProvider(large));
  const [one, two, three] = ['one', 'two', 'three'].map((name) => accountOf(accounts, name));
  for (const account of [one, two, three]) {
    account?.subscribe('a/1', { group: 'a', name: 'x' });
    await clock.settle();
  }
  expect([one, two, three].map((account) => account?.snapshot?.machines.length)).toEqual([20_000, 20_000, undefined]);
  expect(three?.lastFailure).toMatchObject({ code: 'ProtocolError', text: expect.stringContaining('all API keys') });
  one?.unsubscribe('a/1');
  await clock.advance(15 * 60_000);
  accountOf(accounts, 'two');
  await clock.advance(5 * 60_000);
  expect(three?.snapshot?.machines.length).toBe(20_000);
});
