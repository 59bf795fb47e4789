import { describe, expect, test } from 'vitest';
import { machine } from '../../support/fake-provider.ts';
import { down, createFixture } from './fixture.ts';

describe('VMs that the lists of an account lack', () => {
  test('a list that started before the VM was subscribed does not count as evidence of its deletion', async () => {
    const { clock, provider, account } = createFixture([]);
    const release = provider.hold('ListMachines');
    account.subscribe('first', { name: 'machine-1', id: 1 });
    await clock.advance(10);
    account.subscribe('later', { name: 'machine-2', id: 2 });
    release();
    await clock.settle();
    expect([account.absenceOf(1), account.absenceOf(2)]).toEqual([{ since: 0, lists: 1 }, undefined]);
    account.requestList('later', 10);
    await clock.advance(1_000);
    expect([account.absenceOf(1), account.absenceOf(2)]).toEqual([
      { since: 0, lists: 2 },
      { since: 1_000, lists: 1 },
    ]);
  });

  test('a failed list does not count, and a list that shows the VM ends its absence', async () => {
    const { clock, provider, account } = createFixture([]);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.settle();
    provider.failNext('ListMachines', down);
    await clock.advance(60_000);
    expect([account.lastFailure !== undefined, account.absenceOf(1)]).toEqual([true, { since: 0, lists: 1 }]);
    provider.machines = [machine(1)];
    await clock.advance(60_000);
    expect(account.absenceOf(1)).toBeUndefined();
    provider.machines = [];
    const { startedAt = Number.NaN } = account.snapshot ?? {};
    await clock.advance(60_000);
    expect(account.absenceOf(1)).toEqual({ since: startedAt + 60_000, lists: 1 });
  });

  test('a read of the VM by its id ends its absence', async () => {
    const { clock, provider, account } = createFixture([]);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.settle();
    expect(account.absenceOf(1)).toEqual({ since: 0, lists: 1 });
    provider.machines = [machine(1)];
    account.readMachine('a', 1, clock.monotonic());
    await clock.settle();
    expect(account.absenceOf(1)).toBeUndefined();
  });
});
