import { describe, expect, test } from 'vitest';
import { machine } from '../../../support/fake-provider.ts';
import { type AccountFixture, change, down, createFixture } from '../fixture.ts';

const quickeners: readonly [what: string, act: (scene: AccountFixture) => void][] = [
  ['a new urgent object', ({ account }) => account.setFastPolling('b', true)],
  ['a write', ({ account }) => void account.write(change('machine-1'), (provider) => provider.stopMachine(1))],
];

describe('polling of an account', () => {
  test('an account without subscribers makes no call', async () => {
    const { clock, provider } = createFixture();
    await clock.advance(600_000);
    expect(provider.calls).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test('the first subscriber gets a list at once, then one list a minute serves all', async () => {
    const { clock, provider, account, woken } = createFixture();
    for (let index = 0; index < 1_000; index += 1) account.subscribe(`key-${index}`, { name: `machine-${index}` });
    await clock.settle();
    expect(provider.count('ListMachines')).toBe(1);
    expect(woken()).toHaveLength(1_000);
    expect(account.snapshot?.byId(1)?.name).toBe('machine-1');
    await clock.advance(180_000);
    expect(provider.count('ListMachines')).toBe(4);
    expect(woken()).toEqual([]);
  });

  test('unsubscribing the last object ends the polling', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    account.unsubscribe('a');
    await clock.advance(600_000);
    expect(provider.count('ListMachines')).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test('urgency and requests end with the object that had them', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    account.subscribe('b', { name: 'machine-2' });
    await clock.settle();
    account.setFastPolling('a', true);
    account.requestList('a', 30_000);
    account.unsubscribe('a');
    woken();
    await clock.advance(59_999);
    expect(provider.count('ListMachines')).toBe(1);
    await clock.advance(60_001);
    expect(provider.count('ListMachines')).toBe(3);
    expect(woken()).toEqual([]);
  });

  test('only objects whose VM changed, appeared or disappeared are woken, by name or by id', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('unchanged', { name: 'machine-1' });
    account.subscribe('by-id', { name: 'older-name', id: 2 });
    account.subscribe('by-name', { name: 'machine-2' });
    account.subscribe('both', { name: 'machine-2', id: 2 });
    account.subscribe('coming', { name: 'machine-3' });
    await clock.settle();
    woken();
    provider.machines = [machine(1), machine(2, { state: 'Halting' }), machine(3)];
    await clock.advance(60_000);
    expect(woken().toSorted()).toEqual(['both', 'by-id', 'by-name', 'coming']);
    provider.machines = [machine(1), machine(2, { state: 'Halting' })];
    await clock.advance(60_000);
    expect(woken()).toEqual(['coming']);
  });

  test('an object that subscribes to another VM is no longer woken for the first', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.settle();
    account.subscribe('a', { name: 'machine-2', id: 2 });
    woken();
    provider.machines = [machine(1, { state: 'Halted' }), machine(2)];
    await clock.advance(60_000);
    expect(woken()).toEqual([]);
  });

  test('urgency reads after 1 s, then with backoff up to 10 s, and ends with the last urgent object', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    account.setFastPolling('a', true);
    const lists: number[] = [];
    for (let second = 1; second <= 60; second += 1) {
      await clock.advance(1_000);
      lists.push(provider.count('ListMachines') - 1);
    }
    // 1, 2.5, 4.75, 8.1, 13.2, 20.8, 30.8, 40.8, 50.8
    expect([lists[0], lists[2], lists[4], lists[8], lists[13], lists[20], lists[30], lists[59]]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 9,
    ]);
    account.setFastPolling('a', false);
    const before = provider.count('ListMachines');
    await clock.advance(50_000);
    expect(provider.count('ListMachines')).toBe(before);
  });

  test.for(quickeners)('%s restores the short polling interval', async ([, act]) => {
    const it = createFixture();
    it.account.subscribe('a', { name: 'machine-1' });
    await it.clock.settle();
    it.account.setFastPolling('a', true);
    await it.clock.advance(35_000);
    const before = it.provider.count('ListMachines');
    act(it);
    await it.clock.advance(1_000);
    expect(it.provider.count('ListMachines')).toBe(before + 1);
  });

  test('a VM that changes restores the short polling interval', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    account.setFastPolling('a', true);
    await clock.advance(35_000);
    provider.machines = [machine(1, { state: 'Halting' }), machine(2)];
    const before = provider.count('ListMachines');
    // At most 10 s until the change is seen, then 1 s and 1.5 s.
    await clock.advance(10_000 + 2_500);
    expect(provider.count('ListMachines')).toBeGreaterThanOrEqual(before + 3);
  });

  test('a request that the snapshot already serves is answered at once, without a call and not synchronously', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    woken();
    account.requestList('a', 0);
    expect(woken()).toEqual([]);
    await clock.settle();
    expect(woken()).toEqual(['a']);
    expect(provider.count('ListMachines')).toBe(1);
  });

  test('a thousand requests within a second cost one list', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.advance(100);
    woken();
    for (let index = 0; index < 1_000; index += 1) account.requestList(`key-${index}`, clock.monotonic());
    expect(provider.count('ListMachines')).toBe(1);
    await clock.advance(900);
    expect(provider.count('ListMachines')).toBe(2);
    expect(woken()).toHaveLength(1_000);
  });

  test('a list that started too early does not serve a request; the next one starts when the interval allows', async () => {
    const { clock, provider, account, woken } = createFixture();
    const release = provider.hold('ListMachines');
    account.subscribe('a', { name: 'machine-1' });
    await clock.advance(100);
    account.requestList('a', 100);
    release();
    await clock.settle();
    expect(woken()).toEqual(['a']);
    await clock.advance(899);
    expect(provider.count('ListMachines')).toBe(1);
    await clock.advance(1);
    expect(provider.count('ListMachines')).toBe(2);
    expect(account.snapshot?.startedAt).toBe(1_000);
    expect(woken()).toEqual(['a']);
  });

  test('a request for a future moment is served by a list that starts then', async () => {
    const { clock, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    woken();
    account.requestList('a', 30_000);
    await clock.advance(29_999);
    expect(woken()).toEqual([]);
    await clock.advance(1);
    expect(account.snapshot?.startedAt).toBe(30_000);
    expect(woken()).toEqual(['a']);
  });

  test('lists never overlap, however slow they are', async () => {
    const { clock, provider, account } = createFixture();
    const release = provider.hold('ListMachines');
    account.subscribe('a', { name: 'machine-1' });
    account.setFastPolling('a', true);
    account.requestList('a', 0);
    await clock.advance(120_000);
    expect(provider.count('ListMachines')).toBe(1);
    release();
    await clock.settle();
    expect(account.snapshot).toMatchObject({ startedAt: 0, answeredAt: 120_000 });
  });

  test('a failed list wakes all that wait for one, and all others only at the first failure', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    account.subscribe('b', { name: 'machine-2' });
    await clock.settle();
    woken();
    provider.failNext('ListMachines', down, down);
    account.requestList('a', 1);
    await clock.advance(1_000);
    expect(account.lastFailure).toMatchObject(down);
    expect(woken().toSorted()).toEqual(['a', 'b']);
    account.requestList('a', 1);
    await clock.advance(1_000);
    expect(woken()).toEqual(['a']);
    account.requestList('a', 1);
    await clock.advance(2_000);
    expect(account.lastFailure).toBeUndefined();
    expect(woken().toSorted()).toEqual(['a', 'b']);
    expect(account.snapshot?.machines).toHaveLength(2);
  });

  test('failing lists are retried every ten seconds, and the old snapshot stays', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    const before = account.snapshot;
    provider.failNext('ListMachines', down, down, down, down);
    await clock.advance(60_000 + 30_000);
    expect(provider.count('ListMachines')).toBe(5);
    expect(account.snapshot).toBe(before);
  });
});
