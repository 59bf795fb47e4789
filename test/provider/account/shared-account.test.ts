import { expect, test } from 'vitest';
import type { Failure } from '../../../src/model/failure.ts';
import type { Change } from '../../../src/provider/account/account.ts';
import type { AccountOptions } from '../../../src/provider/account/account-options.ts';
import type { SharedAccount } from '../../../src/provider/account/shared-account.ts';
import { createAccount } from '../../../src/provider/account/shared-account.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { ManualClock } from '../../support/clock.ts';
import { createManualClock } from '../../support/clock.ts';
import type { FakeProvider } from '../../support/fake-provider.ts';
import { createFakeProvider, machine } from '../../support/fake-provider.ts';

interface Scene {
  readonly clock: ManualClock;
  readonly provider: FakeProvider;
  readonly account: SharedAccount;
  /** The keys woken since the last look, in order. */
  woken(): readonly string[];
}

function scene(machines = [machine(1), machine(2)], options: Partial<AccountOptions> = {}): Scene {
  const clock = createManualClock();
  const provider = createFakeProvider(machines);
  const woken: string[] = [];
  const wake = (key: string): void => void woken.push(key);
  // 0.5 is the middle of every jitter: an idle poll is a minute, and a wait of the gate is 5 % longer than asked.
  const account = createAccount({
    provider,
    keyedHash: (text) => text,
    clock,
    log: silentLog,
    random: () => 0.5,
    wake,
    ...options,
  });
  return { clock, provider, account, woken: () => woken.splice(0) };
}

const change = (subject: string): Change => ({ subject, lane: 'Power', group: 'default' });

type Facts = Omit<Failure, 'operation'>;
const unauthorized: Facts = { class: 'Credentials', code: 'Unauthorized', status: 401, text: '' };
const down: Facts = { class: 'Retry', code: 'ConnectFailed', text: '' };
const limited: Facts = { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 20_000, text: '' };

test('an account that nobody follows makes no call', async () => {
  const { clock, provider } = scene();
  await clock.advance(600_000);
  expect(provider.calls).toEqual([]);
  expect(clock.pending).toBe(0);
});

test('the first follower gets a list at once, then one list a minute serves everybody', async () => {
  const { clock, provider, account, woken } = scene();
  for (let index = 0; index < 1_000; index += 1) account.follow(`key-${index}`, { name: `machine-${index}` });
  await clock.settle();
  expect(provider.count('ListMachines')).toBe(1);
  expect(woken()).toHaveLength(2_000);
  expect(account.snapshot?.byId(1)?.name).toBe('machine-1');
  await clock.advance(180_000);
  expect(provider.count('ListMachines')).toBe(4);
  expect(woken()).toEqual([]);
});

test('forgetting the last follower ends the polling', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  account.forget('a');
  await clock.advance(600_000);
  expect(provider.count('ListMachines')).toBe(1);
  expect(clock.pending).toBe(0);
});

test('urgency and wants end with the key that had them', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  account.follow('b', { name: 'machine-2' });
  await clock.settle();
  account.setUrgent('a', true);
  account.want('a', 30_000);
  account.forget('a');
  woken();
  await clock.advance(59_999);
  expect(provider.count('ListMachines')).toBe(1);
  await clock.advance(60_001);
  expect(provider.count('ListMachines')).toBe(3);
  expect(woken()).toEqual([]);
});

test('only those are woken whose machine changed, came or went, by name or by id', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('unchanged', { name: 'machine-1' });
  account.follow('by-id', { name: 'older-name', id: 2 });
  account.follow('by-name', { name: 'machine-2' });
  account.follow('both', { name: 'machine-2', id: 2 });
  account.follow('coming', { name: 'machine-3' });
  await clock.settle();
  woken();
  provider.machines = [machine(1), machine(2, { state: 'Halting' }), machine(3)];
  await clock.advance(60_000);
  expect(woken().toSorted()).toEqual(['both', 'by-id', 'by-name', 'coming']);
  provider.machines = [machine(1), machine(2, { state: 'Halting' })];
  await clock.advance(60_000);
  expect(woken()).toEqual(['coming']);
});

test('a key that follows another machine is no longer woken for the first', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1', id: 1 });
  await clock.settle();
  account.follow('a', { name: 'machine-2', id: 2 });
  woken();
  provider.machines = [machine(1, { state: 'Halted' }), machine(2)];
  await clock.advance(60_000);
  expect(woken()).toEqual([]);
});

test('urgency reads after 1 s, then ever slower up to 10 s, and ends with the last urgent key', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  account.setUrgent('a', true);
  const lists: number[] = [];
  for (let second = 1; second <= 60; second += 1) {
    await clock.advance(1_000);
    lists.push(provider.count('ListMachines') - 1);
  }
  // 1, 2.5, 4.75, 8.1, 13.2, 20.8, 30.8, 40.8, 50.8
  expect([lists[0], lists[2], lists[4], lists[8], lists[13], lists[20], lists[30], lists[59]]).toEqual([
    1, 2, 3, 4, 5, 6, 7, 9,
  ]);
  account.setUrgent('a', false);
  const before = provider.count('ListMachines');
  await clock.advance(50_000);
  expect(provider.count('ListMachines')).toBe(before);
});

const quickeners: readonly [what: string, act: (scene: Scene) => void][] = [
  ['a new urgent key', ({ account }) => account.setUrgent('b', true)],
  ['a write', ({ account }) => void account.write(change('machine-1'), (provider) => provider.stopMachine(1))],
];

test.for(quickeners)('%s brings the fast pace back', async ([, act]) => {
  const it = scene();
  it.account.follow('a', { name: 'machine-1' });
  await it.clock.settle();
  it.account.setUrgent('a', true);
  await it.clock.advance(35_000);
  const before = it.provider.count('ListMachines');
  act(it);
  await it.clock.advance(1_000);
  expect(it.provider.count('ListMachines')).toBe(before + 1);
});

test('a machine that changes brings the fast pace back', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  account.setUrgent('a', true);
  await clock.advance(35_000);
  provider.machines = [machine(1, { state: 'Halting' }), machine(2)];
  const before = provider.count('ListMachines');
  // At most 10 s until the change is seen, then 1 s and 1.5 s.
  await clock.advance(10_000 + 2_500);
  expect(provider.count('ListMachines')).toBeGreaterThanOrEqual(before + 3);
});

test('a want that the snapshot already serves is answered at once, without a call and not in the same turn', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  woken();
  account.want('a', 0);
  expect(woken()).toEqual([]);
  await clock.settle();
  expect(woken()).toEqual(['a']);
  expect(provider.count('ListMachines')).toBe(1);
});

test('a thousand wants within a second cost one list', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.advance(100);
  woken();
  for (let index = 0; index < 1_000; index += 1) account.want(`key-${index}`, clock.monotonic());
  expect(provider.count('ListMachines')).toBe(1);
  await clock.advance(900);
  expect(provider.count('ListMachines')).toBe(2);
  expect(woken()).toHaveLength(1_000);
});

test('a list that started too early does not serve a want; the next one starts when the spacing allows', async () => {
  const { clock, provider, account, woken } = scene();
  const release = provider.hold('ListMachines');
  account.follow('a', { name: 'machine-1' });
  await clock.advance(100);
  account.want('a', 100);
  release();
  await clock.settle();
  expect(woken()).toEqual(['a', 'a']);
  await clock.advance(899);
  expect(provider.count('ListMachines')).toBe(1);
  await clock.advance(1);
  expect(provider.count('ListMachines')).toBe(2);
  expect(account.snapshot?.startedAt).toBe(1_000);
  expect(woken()).toEqual(['a']);
});

test('a want for a moment to come is served by a list that starts then', async () => {
  const { clock, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  woken();
  account.want('a', 30_000);
  await clock.advance(29_999);
  expect(woken()).toEqual([]);
  await clock.advance(1);
  expect(account.snapshot?.startedAt).toBe(30_000);
  expect(woken()).toEqual(['a']);
});

test('lists never overlap, however slow they are', async () => {
  const { clock, provider, account } = scene();
  const release = provider.hold('ListMachines');
  account.follow('a', { name: 'machine-1' });
  account.setUrgent('a', true);
  account.want('a', 0);
  await clock.advance(120_000);
  expect(provider.count('ListMachines')).toBe(1);
  release();
  await clock.settle();
  expect(account.snapshot).toMatchObject({ startedAt: 0, answeredAt: 120_000 });
});

test('a failed list tells all who wait, and everybody else only when that is news', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  account.follow('b', { name: 'machine-2' });
  await clock.settle();
  woken();
  provider.failNext('ListMachines', down, down);
  account.want('a', 1);
  await clock.advance(1_000);
  expect(account.lastFailure).toMatchObject(down);
  expect(woken().toSorted()).toEqual(['a', 'b']);
  account.want('a', 1);
  await clock.advance(1_000);
  expect(woken()).toEqual(['a']);
  account.want('a', 1);
  await clock.advance(2_000);
  expect(account.lastFailure).toBeUndefined();
  expect(woken().toSorted()).toEqual(['a', 'b']);
  expect(account.snapshot?.machines).toHaveLength(2);
});

test('while lists fail they are tried every ten seconds, and the old snapshot stays', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  const before = account.snapshot;
  provider.failNext('ListMachines', down, down, down, down);
  await clock.advance(60_000 + 30_000);
  expect(provider.count('ListMachines')).toBe(5);
  expect(account.snapshot).toBe(before);
});

test('a rejected key is told once, stops all calls, and is probed once a minute', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  woken();
  provider.failNext('ListMachines', unauthorized, unauthorized);
  await clock.advance(60_000);
  expect(account.verdict).toBe('Rejected');
  expect(account.rejection).toMatchObject(unauthorized);
  // Once for the key, once for the list.
  expect(woken()).toEqual(['a', 'a']);

  account.setUrgent('a', true);
  const outcome = await account.write(change('machine-1'), (at) => at.stopMachine(1));
  expect(outcome).toMatchObject({ ok: false, failure: unauthorized });
  expect(account.lookUp('a', 1, 0)?.outcome).toMatchObject({
    failure: { operation: 'GetMachine', ...unauthorized },
  });
  expect(account.catalogue('a')).toMatchObject({ ok: false, failure: unauthorized });
  expect(provider.calls.filter((call) => call !== 'ListMachines')).toEqual([]);

  await clock.advance(60_000);
  expect(provider.count('ListMachines')).toBe(3);
  expect(woken()).toEqual([]);
  await clock.advance(60_000);
  expect(provider.count('ListMachines')).toBe(4);
  expect(account.verdict).toBe('Accepted');
  expect(account.rejection).toBeUndefined();
  expect(woken()).toEqual(['a', 'a']);
});

test('a rejected key that is put into a Secret anew is tried at once, once however many use it', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  provider.failNext('ListMachines', unauthorized, unauthorized);
  await clock.advance(30_000);
  for (let time = 0; time < 100; time += 1) account.retryKey();
  await clock.settle();
  expect([account.verdict, provider.count('ListMachines')]).toEqual(['Rejected', 2]);
  await clock.advance(30_000);
  expect(provider.count('ListMachines')).toBe(2);
  account.retryKey();
  await clock.settle();
  expect([account.verdict, provider.count('ListMachines')]).toEqual(['Accepted', 3]);
  account.retryKey();
  await clock.advance(30_000);
  expect(provider.count('ListMachines')).toBe(3);
});

test('one refused call is told to its caller only, and a list is asked for at once', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.advance(30_000);
  woken();
  provider.failNext('StopMachine', unauthorized);
  const release = provider.hold('ListMachines');
  expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({ failure: unauthorized });
  expect([account.verdict, account.rejection]).toEqual(['Accepted', undefined]);
  expect(provider.count('ListMachines')).toBe(2);

  const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
  account.lookUp('a', 3, 0);
  await clock.advance(10_000);
  expect([provider.count('StopMachine'), provider.count('GetMachine')]).toEqual([1, 0]);
  release();
  expect(await waiting).toEqual({ ok: true, value: undefined });
  await clock.settle();
  expect([account.verdict, provider.count('GetMachine')]).toEqual(['Accepted', 1]);
  expect(woken()).toEqual(['a']);
});

test('a list that started before a call was refused says nothing about it', async () => {
  const { clock, provider, account } = scene();
  const releaseList = provider.hold('ListMachines');
  account.follow('a', { name: 'machine-1' });
  await clock.advance(100);
  provider.failNext('StopMachine', unauthorized);
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
  releaseList();
  await clock.advance(899);
  expect([provider.count('ListMachines'), provider.count('StopMachine')]).toEqual([1, 1]);
  await clock.advance(1);
  expect(await waiting).toEqual({ ok: true, value: undefined });
  expect(provider.count('ListMachines')).toBe(2);
});

const doubts: readonly [what: string, list: Facts, answer: object | undefined, verdict: string][] = [
  ['refused too: the key is rejected', unauthorized, { failure: unauthorized }, 'Rejected'],
  ['not to be had: nobody waits for the next one', down, undefined, 'Accepted'],
  ['throttled: the gate is closed', limited, undefined, 'Accepted'],
];

test.for(doubts)('a call was refused, and the list is %s', async ([, list, answer, verdict]) => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 2 } });
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  provider.failNext('StopMachine', unauthorized);
  provider.failNext('ListMachines', list);
  const release = provider.hold('KillMachine');
  const underWay = account.write(change('machine-2'), (at) => at.killMachine(2));
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  const waiting = [3, 4].map((id) => account.write(change(`machine-${id}`), (at) => at.killMachine(id)));
  await clock.advance(1_000);
  for (const outcome of await Promise.all(waiting)) {
    if (answer === undefined) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject(answer);
  }
  expect([account.verdict, provider.count('KillMachine')]).toEqual([verdict, 1]);
  release();
  await underWay;
});

test('a call refused before the first list is no verdict either', async () => {
  const { provider, account } = scene();
  provider.failNext('StopMachine', unauthorized);
  provider.hold('ListMachines');
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  expect(account.verdict).toBe('Unverified');
  expect(provider.calls).toEqual(['StopMachine', 'ListMachines']);
});

test('an answer under way when the key was rejected does not make it a good one', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  const release = provider.hold('StopMachine');
  const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
  await clock.settle();
  provider.failNext('ListMachines', unauthorized);
  await clock.advance(60_000);
  release();
  expect(await underWay).toMatchObject({ ok: true });
  expect(account.verdict).toBe('Rejected');
});

test('a rejection answers at once who waits for a slot', async () => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 1 } });
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  const release = provider.hold('StopMachine');
  const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
  const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
  provider.failNext('ListMachines', unauthorized);
  await clock.advance(60_000);
  expect(await waiting).toMatchObject({ failure: unauthorized });
  release();
  await underWay;
});

test('calls refused while the key is rejected ask for no more lists', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  const release = provider.hold('StopMachine');
  provider.failNext('StopMachine', unauthorized);
  provider.failNext('ListMachines', unauthorized);
  const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
  await clock.advance(60_000);
  release();
  await underWay;
  await clock.advance(60_000);
  expect([account.verdict, provider.count('ListMachines')]).toEqual(['Accepted', 3]);
  expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({ ok: true });
});

test('a rejection is answered without waiting for the gate', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  provider.failNext('StopMachine', limited);
  provider.failNext('ListMachines', unauthorized);
  const release = provider.hold('StopMachine');
  const stop = account.write(change('machine-1'), (at) => at.stopMachine(1));
  await clock.advance(60_000);
  release();
  await stop;
  expect(account.gateClosedUntil).toBe(81_000);
  expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({ failure: unauthorized });
});

test('a 429 closes the gate for the whole account until the time it named, and a little longer', async () => {
  const { clock, provider, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  provider.failNext('StopMachine', limited);
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  expect(account.gateClosedUntil).toBe(21_000);

  account.want('a', 1);
  expect(account.lookUp('a', 1, 0)?.outcome).toMatchObject({ failure: { class: 'Wait', retryAfter: 21_000 } });
  await clock.advance(20_999);
  expect(await account.write(change('machine-2'), (at) => at.stopMachine(2))).toBeUndefined();
  expect(provider.calls).toEqual(['ListMachines', 'StopMachine']);
  await clock.advance(1);
  expect(account.gateClosedUntil).toBeUndefined();
  // One call at once, which was the list; the next one at half the rate: five a second.
  const stop = account.write(change('machine-2'), (at) => at.stopMachine(2));
  await clock.advance(199);
  expect(provider.count('StopMachine')).toBe(1);
  await clock.advance(1);
  expect(await stop).toEqual({ ok: true, value: undefined });
  expect(provider.calls.slice(2).toSorted()).toEqual(['ListMachines', 'StopMachine']);
});

test('whoever waits for a slot when the gate closes is turned away, and told what it looked up', async () => {
  const { clock, provider, account, woken } = scene([], { pace: { maxInFlight: 1 } });
  provider.failNext('StopMachine', limited);
  const release = provider.hold('StopMachine');
  const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
  const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
  account.lookUp('a', 3, 0);
  await clock.settle();
  release();
  expect(await underWay).toMatchObject({ failure: limited });
  expect(await waiting).toBeUndefined();
  await clock.settle();
  expect(woken()).toEqual(['a']);
  expect(account.lookUp('a', 3, 0)?.outcome).toMatchObject({ failure: { class: 'Wait' } });
  expect(provider.calls).toEqual(['StopMachine']);
});

const gateRows: readonly [reason: string, failure: Facts, until: number | undefined][] = [
  ['no time named: five seconds', { class: 'Wait', code: 'RateLimited', text: '' }, 5_250],
  ['a time of zero still means too many', { class: 'Wait', code: 'RateLimited', retryAfter: 0, text: '' }, 1_050],
  ['a 503 with a time', { class: 'UnknownOutcome', code: 'ServerError', retryAfter: 2_000, text: '' }, 2_100],
  [
    'a 500 without one is no wish to be left alone',
    { class: 'UnknownOutcome', code: 'ServerError', text: '' },
    undefined,
  ],
  ['a busy machine is not a busy account', { class: 'Wait', code: 'Busy', retryAfter: 2_000, text: '' }, undefined],
];

test.for(gateRows)('gate: %s', async ([, failure, until]) => {
  const { provider, account } = scene();
  provider.failNext('StopMachine', failure);
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  expect(account.gateClosedUntil).toBe(until);
});

test('a shorter wait does not open the gate sooner', async () => {
  const { provider, account } = scene();
  provider.failNext('StopMachine', limited, { ...limited, retryAfter: 1_000 });
  await Promise.all([1, 2].map((id) => account.write(change(`machine-${id}`), (at) => at.stopMachine(id))));
  expect(account.gateClosedUntil).toBe(21_000);
});

test('no more writes are under way than allowed', async () => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 3 } });
  const release = provider.hold('StopMachine');
  const writes = Array.from({ length: 10 }, (_, id) =>
    account.write(change(`machine-${id}`), (at) => at.stopMachine(id + 1)),
  );
  await clock.settle();
  expect(provider.count('StopMachine')).toBe(3);
  release();
  await Promise.all(writes);
  expect(provider.count('StopMachine')).toBe(10);
});

test('writes for one machine go out one after the other', async () => {
  const { clock, provider, account } = scene();
  const release = provider.hold('StopMachine');
  const first = account.write(change('machine-1'), (at) => at.stopMachine(1));
  const second = account.write(change('machine-1'), (at) => at.killMachine(1));
  await clock.settle();
  expect(provider.calls).toEqual(['StopMachine']);
  release();
  await Promise.all([first, second]);
  expect(provider.calls).toEqual(['StopMachine', 'KillMachine']);
});

test('a write that is not granted is not made, and leaves no trace', async () => {
  const { provider, account } = scene();
  expect(
    await account.write(
      change('machine-1'),
      (at) => at.stopMachine(1),
      async () => false,
    ),
  ).toBeUndefined();
  expect(provider.calls).toEqual([]);
  expect(account.lastChangeAt('machine-1')).toBeUndefined();
});

test('a grant that fails frees its slot and its machine', async () => {
  const { provider, account } = scene([], { pace: { maxInFlight: 1 } });
  const write = account.write(
    change('machine-1'),
    (at) => at.stopMachine(1),
    () => Promise.reject(new Error('conflict')),
  );
  await expect(write).rejects.toThrow('conflict');
  expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toEqual({ ok: true, value: undefined });
  expect(provider.calls).toEqual(['StopMachine']);
});

test('the grant comes directly before the call, after the wait for a slot', async () => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 1 } });
  const release = provider.hold('StopMachine');
  const first = account.write(change('machine-1'), (at) => at.stopMachine(1));
  const grantedAt: number[] = [];
  const write = account.write(
    change('machine-2'),
    (at) => at.killMachine(2),
    async () => {
      grantedAt.push(clock.monotonic());
      return true;
    },
  );
  await clock.advance(20_000);
  expect(grantedAt).toEqual([]);
  release();
  await Promise.all([first, write]);
  expect([grantedAt, provider.calls]).toEqual([[20_000], ['StopMachine', 'KillMachine']]);
});

const answers: readonly [reason: string, failure: Facts | undefined][] = [
  ['accepted', undefined],
  ['lost: it may have taken effect', { class: 'UnknownOutcome', code: 'Timeout', text: '' }],
  ['refused: what was known of the machine was wrong', { class: 'Wait', code: 'Busy', text: '' }],
];

test.for(answers)(
  'no read counts while a change is under way, nor one started before its answer: %s',
  async ([, failure]) => {
    const { clock, provider, account } = scene();
    if (failure !== undefined) provider.failNext('StopMachine', failure);
    const release = provider.hold('StopMachine');
    const write = account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.advance(500);
    expect(account.lastChangeAt('machine-1')).toBe(Infinity);
    release();
    await write;
    expect(account.lastChangeAt('machine-1')).toBe(500);
    expect(account.lastChangeAt('machine-2')).toBeUndefined();
  },
);

test('a want during a change is served by the next list instead of never', async () => {
  const { clock, provider, account, woken } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  woken();
  const release = provider.hold('StopMachine');
  const write = account.write(change('machine-1'), (at) => at.stopMachine(1));
  await clock.advance(10);
  account.want('a', account.lastChangeAt('machine-1') ?? 0);
  await clock.advance(1_000);
  expect(woken()).toEqual(['a']);
  release();
  await write;
});

test('old changes are forgotten once lists are far beyond them', async () => {
  const { clock, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await account.write(change('machine-1'), (at) => at.stopMachine(1));
  await clock.advance(9 * 60_000);
  expect(account.lastChangeAt('machine-1')).toBe(0);
  await clock.advance(2 * 60_000);
  expect(account.lastChangeAt('machine-1')).toBeUndefined();
});

test('the owner is learned from a list, and a list that shows another one replaces it', async () => {
  const { clock, provider, account } = scene([machine(1, { ownerId: 5 })]);
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  expect(account.ownerId).toBe(5);
  provider.machines = [];
  await clock.advance(60_000);
  expect([account.ownerId, account.emptySweeps]).toEqual([5, 1]);
  await clock.advance(60_000);
  expect(account.emptySweeps).toBe(2);
  provider.machines = [machine(9, { ownerId: 6 })];
  await clock.advance(60_000);
  expect([account.ownerId, account.emptySweeps]).toEqual([6, 0]);
  expect(account.snapshot?.ownerIds).toEqual([6]);
});

test('the owner is learned from a single machine too', async () => {
  const read = scene([machine(1, { ownerId: 5 })]);
  read.account.lookUp('a', 1, 0);
  await read.clock.settle();
  expect(read.account.ownerId).toBe(5);

  const created = scene([]);
  await created.account.write(change('web'), (at) =>
    at.createMachine({
      name: 'web',
      regionId: 1,
      packageId: 1,
      osTemplateId: 1,
      ipv6: false,
      privateNetworking: false,
      sshKeyIds: [],
    }),
  );
  expect(created.account.ownerId).toBe(1);
});

test('a look-up is answered when it is asked again, and tells when it was sent', async () => {
  const { clock, provider, account, woken } = scene();
  const release = provider.hold('GetMachine');
  await clock.advance(100);
  expect(account.lookUp('a', 1, 100)).toBeUndefined();
  await clock.advance(50);
  expect(account.lookUp('a', 1, 150)).toBeUndefined();
  expect(woken()).toEqual([]);
  release();
  await clock.settle();
  expect(woken()).toEqual(['a']);
  expect(account.lookUp('a', 1, 100)).toEqual({ startedAt: 100, outcome: { ok: true, value: machine(1) } });
  expect(provider.count('GetMachine')).toBe(1);
});

test('what a look-up answered while the list lacked the machine is forgotten when a list shows it', async () => {
  const { clock, provider, account } = scene([]);
  account.follow('a', { name: 'machine-1', id: 1 });
  await clock.settle();
  account.lookUp('a', 1, 0);
  await clock.settle();
  provider.machines = [machine(1)];
  await clock.advance(60_000);
  expect(account.lookUp('a', 1, 0)).toBeUndefined();
  await clock.settle();
  expect(provider.count('GetMachine')).toBe(2);
});

test('look-ups take turns with the writes', async () => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 2 } });
  const release = provider.hold('GetMachine');
  for (const id of [1, 2, 3]) account.lookUp(`key-${id}`, id, 0);
  await clock.settle();
  expect(provider.count('GetMachine')).toBe(2);
  release();
  await clock.settle();
  expect(provider.count('GetMachine')).toBe(3);
});

test('a key that is forgotten is told of nothing it asked for', async () => {
  const { clock, provider, account, woken } = scene();
  const releases = [provider.hold('GetMachine'), provider.hold('ListPackages')];
  account.lookUp('a', 1, 0);
  account.catalogue('a');
  account.catalogue('b');
  await clock.settle();
  account.forget('a');
  for (const release of releases) release();
  await clock.settle();
  expect(woken()).toEqual(['b']);
});

test('the catalogue is read once for all who ask, and again after ten minutes', async () => {
  const { clock, provider, account, woken } = scene();
  expect([account.catalogue('a'), account.catalogue('b'), account.catalogue('a')]).toEqual(Array(3).fill(undefined));
  await clock.settle();
  expect(woken()).toEqual(['a', 'b']);
  expect(account.catalogue('a')).toMatchObject({ ok: true, value: { regions: [{ id: 1 }], packages: [{ id: 1 }] } });
  expect(account.catalogue('c')).toBe(account.catalogue('a'));
  await clock.advance(599_999);
  account.catalogue('a');
  expect(provider.calls.toSorted()).toEqual(['ListOsTemplates', 'ListPackages', 'ListRegions']);
  await clock.advance(1);
  expect(account.catalogue('a')).toBeUndefined();
  await clock.settle();
  expect(provider.calls).toHaveLength(6);
});

test('a catalogue that could not be read is asked for again after a moment, not ten minutes', async () => {
  const { clock, provider, account, woken } = scene();
  provider.failNext('ListPackages', down);
  account.catalogue('a');
  await clock.settle();
  expect(woken()).toEqual(['a']);
  expect(account.catalogue('a')).toMatchObject({ ok: false, failure: { operation: 'ListPackages' } });
  expect(account.catalogue('a')).toMatchObject({ ok: false });
  expect(provider.calls).toHaveLength(3);
  await clock.advance(5_000);
  expect(account.catalogue('a')).toBeUndefined();
  await clock.settle();
  expect(account.catalogue('a')).toMatchObject({ ok: true });
});

test('a read that stopping cut short is no answer', async () => {
  const { clock, provider, account } = scene();
  const release = provider.hold('GetMachine');
  account.lookUp('a', 1, 0);
  account.catalogue('a');
  await clock.settle();
  const stop = account.stop();
  release();
  await stop;
  expect([account.lookUp('a', 1, 0), account.catalogue('a')]).toEqual([undefined, undefined]);
});

const ten = Array.from({ length: 10 }, (_, index) => machine(index + 1));

test('machines that vanish together are doubted for five minutes, also across lists that fail', async () => {
  const { clock, provider, account } = scene(ten);
  account.follow('a', { name: 'machine-1', id: 1 });
  await clock.settle();
  expect(account.massAbsence).toBeUndefined();
  provider.machines = ten.slice(4);
  await clock.advance(60_000);
  const doubt = { vanished: 4, of: 10, until: 360_000 };
  expect([account.massAbsenceOf(1), account.massAbsenceOf(5), account.massAbsence]).toEqual([doubt, undefined, doubt]);
  provider.failNext('ListMachines', down);
  await clock.advance(60_000);
  expect(account.lastFailure).toBeDefined();
  provider.machines = ten.slice(3);
  await clock.advance(60_000);
  expect([account.massAbsenceOf(1), account.massAbsenceOf(4)]).toEqual([doubt, undefined]);
  await clock.advance(160_000);
  expect(account.massAbsenceOf(1)).toEqual(doubt);
  await clock.advance(60_000);
  expect([account.massAbsenceOf(1), account.massAbsence]).toEqual([undefined, undefined]);
});

const deletions: readonly [reason: string, failure: Facts | undefined, isDoubted: boolean][] = [
  ['accepted', undefined, false],
  ['lost: it may have taken effect', { class: 'UnknownOutcome', code: 'Timeout', text: '' }, false],
  ['refused: they did not go because of us', { class: 'Wait', code: 'BadRequest', text: '' }, true],
];

test.for(deletions)('machines that we deleted are not missed: %s', async ([, failure, isDoubted]) => {
  const { clock, provider, account } = scene(ten);
  for (const { id, name } of ten) account.follow(name, { name, id });
  await clock.settle();
  if (failure !== undefined) provider.failNext('DeleteMachine', failure, failure, failure, failure);
  const deleted = ten.slice(0, 4).map(({ id, name }) => account.write(change(name), (at) => at.deleteMachine(id)));
  await Promise.all(deleted);
  provider.machines = ten.slice(4);
  await clock.advance(60_000);
  expect(account.massAbsenceOf(1) !== undefined).toBe(isDoubted);
});

test('machines that go while our DELETE is still under way are not missed', async () => {
  const { clock, provider, account } = scene(ten);
  for (const { id, name } of ten) account.follow(name, { name, id });
  await clock.settle();
  const release = provider.hold('DeleteMachine');
  const deleted = ten.slice(0, 4).map(({ id, name }) => account.write(change(name), (at) => at.deleteMachine(id)));
  provider.machines = ten.slice(4);
  await clock.advance(60_000);
  release();
  await Promise.all(deleted);
  expect(account.massAbsence).toBeUndefined();
});

test('a new process misses what it was told to look for, by the first list that started since', async () => {
  const { clock, provider, account } = scene(ten.slice(5));
  const release = provider.hold('ListMachines');
  account.follow('first', { name: 'machine-6', id: 6 });
  await clock.advance(10);
  for (const { id, name } of ten) account.follow(name, { name, id });
  release();
  await clock.settle();
  // That list started before they were looked for.
  expect([account.massAbsence, account.followedSince('machine-1'), account.snapshot?.startedAt]).toEqual([
    undefined,
    10,
    0,
  ]);
  account.want('machine-1', 10);
  await clock.advance(1_000);
  expect(account.massAbsenceOf(1)).toMatchObject({ vanished: 5, of: 10 });
});

test('since when a machine is followed does not change until another one is', async () => {
  const { clock, account } = scene();
  account.follow('a', { name: 'machine-1' });
  await clock.advance(10);
  account.follow('a', { name: 'machine-1', id: 1 });
  await clock.advance(10);
  account.follow('a', { name: 'machine-1', id: 1 });
  expect([account.followedSince('a'), account.followedSince('b')]).toEqual([10, undefined]);
});

test('machines that we have just made are not missed while no list shows them', async () => {
  const { clock, account } = scene([]);
  account.follow('a', { name: 'machine-99' });
  await clock.advance(10);
  const made = ten.slice(0, 5).map(async ({ id, name }) => {
    await account.write(change(name), () => Promise.resolve({ ok: true, value: { id } }));
    account.follow(name, { name, id });
  });
  await Promise.all(made);
  await clock.advance(60_000);
  expect([account.snapshot?.startedAt, account.massAbsence]).toEqual([60_000, undefined]);
});

test('stopping aborts reads, turns away who waits, and waits for the write under way', async () => {
  const { clock, provider, account } = scene([], { pace: { maxInFlight: 1 } });
  account.follow('a', { name: 'machine-1' });
  await clock.settle();
  const release = provider.hold('StopMachine');
  const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
  const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
  await clock.settle();
  let stopped = false;
  const stop = account.stop().then(() => (stopped = true));
  expect(await waiting).toBeUndefined();
  await clock.settle();
  expect(stopped).toBe(false);
  release();
  await stop;
  expect(await underWay).toEqual({ ok: true, value: undefined });
  expect(provider.count('StopMachine')).toBe(1);
  await clock.advance(600_000);
  expect(provider.count('ListMachines')).toBe(1);
  expect(clock.pending).toBe(0);
});

test('a list under way is aborted by stopping, and its answer is not taken for one', async () => {
  const { clock, provider, account, woken } = scene();
  const release = provider.hold('ListMachines');
  account.follow('a', { name: 'machine-1' });
  await account.stop();
  release();
  await clock.settle();
  expect([account.snapshot, account.lastFailure, account.verdict]).toEqual([undefined, undefined, 'Unverified']);
  expect(woken()).toEqual([]);
});
