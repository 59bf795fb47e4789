import { describe, expect, test } from 'vitest';
import type { Failure } from '../../../src/domain/failure.ts';
import type { ProviderWrite } from '../../../src/provider/account/account.ts';
import { machine } from '../../support/fake-provider.ts';
import { createFixture } from './fixture.ts';

const fleet = Array.from({ length: 1_000 }, (_, index) => machine(index + 1));
const down: Omit<Failure, 'operation'> = { class: 'Retry', code: 'ServerError', status: 500, text: '' };
const change: ProviderWrite = { machineName: 'machine-1', priority: 'Power', flow: 'default' };

/** A thousand machines, each followed by a key of its name, and one list of them. */
async function scene(machines = fleet) {
  const { clock, provider, account, woken } = createFixture(machines);
  for (const { id, name } of machines) account.subscribe(name, { name, id });
  await clock.advance(30_000);
  woken();
  const counts = (): readonly number[] => [provider.count('ListMachines'), provider.count('GetMachine')];
  const see = (id: number, fields: Parameters<typeof machine>[1]): void => {
    provider.machines = provider.machines.map((one) => (one.id === id ? machine(id, fields) : one));
  };
  expect(counts()).toEqual([1, 0]);
  return { clock, provider, account, counts, see, woken };
}

test('a VM in transition is read by its id with backoff, and its change wakes its key', async () => {
  const { clock, account, counts, see, woken } = await scene();
  account.setFastPolling('machine-1', true);
  await clock.advance(0);
  expect(counts()).toEqual([1, 1]);
  await clock.advance(1_500 + 2_250);
  expect(counts()).toEqual([1, 3]);
  expect(woken()).toEqual([]);
  see(1, { state: 'Halted' });
  await clock.advance(3_375);
  expect([woken(), account.cachedMachine(1)?.machine.state]).toEqual([['machine-1'], 'Halted']);
  expect([account.snapshot?.startedAt, account.snapshot?.byId(1)?.state]).toEqual([0, 'Running']);
  account.setFastPolling('machine-1', false);
  await clock.advance(20_000);
  expect(counts()).toEqual([1, 4]);
});

test('the list continues once a minute meanwhile, and a change that both show wakes a key once', async () => {
  const { clock, account, counts, see, woken } = await scene();
  account.setFastPolling('machine-1', true);
  see(1, { state: 'Halting' });
  await clock.advance(0);
  expect(woken()).toEqual(['machine-1']);
  await clock.advance(30_000);
  expect([counts()[0], woken(), account.cachedMachine(1)?.startedAt]).toEqual([2, [], 60_000]);
});

test.for<[what: string, machines: number, urgent: number, readsAfter: readonly number[]]>([
  ['a few of a thousand: each alone', 1_000, 5, [0, 5]],
  ['more than that: one list', 1_000, 6, [1, 0]],
  ['a thousand of a thousand: one list', 1_000, 1_000, [1, 0]],
  ['one of three hundred: alone', 300, 1, [0, 1]],
  ['two of three hundred: one list', 300, 2, [1, 0]],
  ['one of a hundred: one list', 100, 1, [1, 0]],
])('the cheaper read is used: %s', async ([, machines, urgent, expected]) => {
  const { clock, account, counts } = await scene(fleet.slice(0, machines));
  for (const { name } of fleet.slice(0, urgent)) account.setFastPolling(name, true);
  // The first one to become urgent is read before the others do: what counts is the round after it.
  await clock.advance(0);
  const [lists = 0, singly = 0] = counts();
  await clock.advance(1_500);
  expect(counts()).toEqual([lists + (expected[0] ?? 0), singly + (expected[1] ?? 0)]);
});

test('an object that subscribes only by name needs a list', async () => {
  const { clock, account, counts } = await scene();
  account.subscribe('new', { name: 'machine-2000' });
  account.setFastPolling('new', true);
  await clock.advance(0);
  expect(counts()).toEqual([2, 0]);
});

describe("an object that requests its VM's state", () => {
  test('gets a read by id, and is woken without a change', async () => {
    const { clock, account, counts, woken } = await scene();
    account.requestMachine('machine-1', clock.monotonic());
    await clock.advance(0);
    expect([counts(), woken(), account.cachedMachine(1)?.startedAt]).toEqual([[1, 1], ['machine-1'], 30_000]);
  });

  test('is served at once by a cached state that is recent enough', async () => {
    const { clock, account, counts, woken } = await scene();
    account.requestMachine('machine-1', 0);
    await clock.settle();
    expect([counts(), woken()]).toEqual([[1, 0], ['machine-1']]);
  });

  test('is not served by a read that was in flight at the request: another one follows', async () => {
    const { clock, provider, account, counts, woken } = await scene();
    const release = provider.hold('GetMachine');
    account.setFastPolling('machine-1', true);
    await clock.advance(100);
    account.requestMachine('machine-1', clock.monotonic());
    release();
    await clock.advance(0);
    expect([counts(), woken()]).toEqual([[1, 1], []]);
    await clock.advance(900);
    expect([counts(), woken()]).toEqual([[1, 2], ['machine-1']]);
  });

  test.for<[what: string, fields: { gone?: boolean; fails?: boolean }]>([
    ['does not find it', { gone: true }],
    ['fails', { fails: true }],
  ])(
    'falls back to a list as soon as possible when the read by id %s, and for as long as there is urgency',
    async ([, { gone, fails }]) => {
      const { clock, provider, account, counts, woken } = await scene();
      if (gone === true) provider.machines = fleet.slice(1);
      if (fails === true) provider.failNext('GetMachine', down);
      account.setFastPolling('machine-1', true);
      account.requestMachine('machine-1', clock.monotonic());
      await clock.advance(0);
      expect([counts(), woken(), account.lastFailure]).toEqual([[2, 1], ['machine-1'], undefined]);
      await clock.advance(10_000);
      expect(counts()[1]).toBe(1);
      expect(counts()[0]).toBeGreaterThanOrEqual(4);
      account.setFastPolling('machine-1', false);
      account.setFastPolling('machine-1', true);
      await clock.advance(10_000);
      expect(counts()[1]).toBeGreaterThan(1);
    },
  );
});

test('a change that was answered after a read began is not shown by it', async () => {
  const { clock, provider, account } = await scene();
  const release = provider.hold('GetMachine');
  account.setFastPolling('machine-1', true);
  await clock.advance(100);
  await account.write(change, (at) => at.stopMachine(1));
  release();
  await clock.settle();
  expect([account.cachedMachine(1)?.startedAt, account.lastWriteAt('machine-1')]).toEqual([30_000, 30_100]);
});

test('while lists fail no VM is read by its id', async () => {
  const { clock, provider, account, counts } = await scene();
  provider.failNext('ListMachines', down, down, down);
  account.requestList('machine-1', clock.monotonic());
  await clock.advance(0);
  expect(account.lastFailure).toBeDefined();
  account.setFastPolling('machine-1', true);
  await clock.advance(1_000);
  expect(counts()).toEqual([3, 0]);
});

test('a stop during a read by id drops its result', async () => {
  const { clock, provider, account, see, woken } = await scene();
  const release = provider.hold('GetMachine');
  account.setFastPolling('machine-1', true);
  await clock.advance(0);
  see(1, { state: 'Halted' });
  const stop = account.stop();
  release();
  await stop;
  await clock.advance(60_000);
  expect([account.cachedMachine(1)?.machine.state, woken(), clock.pending]).toEqual(['Running', [], 0]);
});
