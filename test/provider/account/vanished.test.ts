import { describe, expect, test } from 'vitest';
import { machine } from '../../support/fake-provider.ts';
import { type Facts, change, down, createFixture } from './fixture.ts';

const ten = Array.from({ length: 10 }, (_, index) => machine(index + 1));

const deletions: readonly [reason: string, failure: Facts | undefined, isDoubted: boolean][] = [
  ['accepted', undefined, false],
  ['lost: it may have taken effect', { class: 'UnknownOutcome', code: 'Timeout', text: '' }, false],
  ['refused: the operator did not delete them', { class: 'Wait', code: 'BadRequest', text: '' }, true],
];

describe('VMs that disappear from the list of an account', () => {
  test('VMs that disappear together are unconfirmed for five minutes, also across lists that fail', async () => {
    const { clock, provider, account } = createFixture(ten);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.settle();
    expect(account.massDisappearance).toBeUndefined();
    provider.machines = ten.slice(4);
    await clock.advance(60_000);
    const doubt = { vanished: 4, of: 10, until: 360_000 };
    expect([account.massDisappearanceOf(1), account.massDisappearanceOf(5), account.massDisappearance]).toEqual([
      doubt,
      undefined,
      doubt,
    ]);
    provider.failNext('ListMachines', down);
    await clock.advance(60_000);
    expect(account.lastFailure).toBeDefined();
    provider.machines = ten.slice(3);
    await clock.advance(60_000);
    expect([account.massDisappearanceOf(1), account.massDisappearanceOf(4)]).toEqual([doubt, undefined]);
    await clock.advance(160_000);
    expect(account.massDisappearanceOf(1)).toEqual(doubt);
    await clock.advance(60_000);
    expect([account.massDisappearanceOf(1), account.massDisappearance]).toEqual([undefined, undefined]);
  });

  test.for(deletions)('VMs that the operator deleted do not count as missing: %s', async ([, failure, isDoubted]) => {
    const { clock, provider, account } = createFixture(ten);
    for (const { id, name } of ten) account.subscribe(name, { name, id });
    await clock.settle();
    if (failure !== undefined) provider.failNext('DeleteMachine', failure, failure, failure, failure);
    const deleted = ten.slice(0, 4).map(({ id, name }) => account.write(change(name), (at) => at.deleteMachine(id)));
    await Promise.all(deleted);
    provider.machines = ten.slice(4);
    await clock.advance(60_000);
    expect(account.massDisappearanceOf(1) !== undefined).toBe(isDoubted);
  });

  test('VMs that disappear while their DELETE is in flight do not count as missing', async () => {
    const { clock, provider, account } = createFixture(ten);
    for (const { id, name } of ten) account.subscribe(name, { name, id });
    await clock.settle();
    const release = provider.hold('DeleteMachine');
    const deleted = ten.slice(0, 4).map(({ id, name }) => account.write(change(name), (at) => at.deleteMachine(id)));
    provider.machines = ten.slice(4);
    await clock.advance(60_000);
    release();
    await Promise.all(deleted);
    expect(account.massDisappearance).toBeUndefined();
  });

  test('VMs that the operator deleted do not count as missing either after one list shows them again', async () => {
    const { clock, provider, account } = createFixture(ten);
    for (const { id, name } of ten) account.subscribe(name, { name, id });
    await clock.settle();
    await Promise.all(ten.slice(0, 4).map(({ id, name }) => account.write(change(name), (at) => at.deleteMachine(id))));
    for (const machines of [ten.slice(4), ten, ten.slice(4)]) {
      provider.machines = machines;
      await clock.advance(60_000);
    }
    expect([account.snapshot?.machines.length, account.massDisappearance]).toEqual([6, undefined]);
  });

  test.for([
    ['that no list showed are not missed', 6, undefined],
    ['are missed when a list of this process showed them', 10, { vanished: 4, of: 10, until: 360_000 }],
  ] as const)('VMs whose deletion an earlier process began %s', async ([, shown, doubt]) => {
    const { clock, provider, account } = createFixture(ten.slice(10 - shown));
    account.subscribe('a', { name: 'machine-10', id: 10 });
    await clock.settle();
    await clock.advance(10);
    for (const { id, name } of ten.slice(0, 4)) account.subscribe(name, { name, id, isDeleting: true });
    provider.machines = ten.slice(4);
    await clock.advance(59_990);
    expect(account.massDisappearance).toEqual(doubt);
  });

  test('VMs with subscribers count as missing for a new process by the first list that started since', async () => {
    const { clock, provider, account } = createFixture(ten.slice(5));
    const release = provider.hold('ListMachines');
    account.subscribe('first', { name: 'machine-6', id: 6 });
    await clock.advance(10);
    for (const { id, name } of ten) account.subscribe(name, { name, id });
    release();
    await clock.settle();
    // That list started before they were looked for.
    expect([account.massDisappearance, account.subscribedSince('machine-1'), account.snapshot?.startedAt]).toEqual([
      undefined,
      10,
      0,
    ]);
    account.requestList('machine-1', 10);
    await clock.advance(1_000);
    expect(account.massDisappearanceOf(1)).toMatchObject({ vanished: 5, of: 10 });
  });

  test('the subscription time of a VM changes only with the VM', async () => {
    const { clock, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.advance(10);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.advance(10);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    expect([account.subscribedSince('a'), account.subscribedSince('b')]).toEqual([10, undefined]);
  });

  test('VMs that the operator has just created do not count as missing while no list shows them', async () => {
    const { clock, account } = createFixture([]);
    account.subscribe('a', { name: 'machine-99' });
    await clock.advance(10);
    const made = ten.slice(0, 5).map(async ({ id, name }) => {
      await account.write(change(name), () => Promise.resolve({ ok: true, value: { id } }));
      account.subscribe(name, { name, id });
    });
    await Promise.all(made);
    await clock.advance(60_000);
    expect([account.snapshot?.startedAt, account.massDisappearance]).toEqual([60_000, undefined]);
  });
});
