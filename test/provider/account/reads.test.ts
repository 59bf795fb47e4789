import { describe, expect, test } from 'vitest';
import { machine } from '../../support/fake-provider.ts';
import { change, down, createFixture } from './fixture.ts';

describe('what an account reads besides the list', () => {
  test('the owner is learned from a list, and replaced when a list shows another one', async () => {
    const { clock, provider, account } = createFixture([machine(1, { ownerId: 5 })]);
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    expect(account.ownerId).toBe(5);
    provider.machines = [];
    await clock.advance(60_000);
    expect([account.ownerId, account.emptyLists]).toEqual([5, 1]);
    await clock.advance(60_000);
    expect(account.emptyLists).toBe(2);
    provider.machines = [machine(9, { ownerId: 6 })];
    await clock.advance(60_000);
    expect([account.ownerId, account.emptyLists]).toEqual([6, 0]);
    expect(account.snapshot?.ownerIds).toEqual([6]);
  });

  test('the owner stays the same for as long as the list shows it, also beside other owners', async () => {
    const { clock, provider, account } = createFixture([machine(1, { ownerId: 5 })]);
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    provider.machines = [machine(2, { ownerId: 4 }), machine(1, { ownerId: 5 })];
    await clock.advance(60_000);
    expect([account.ownerId, account.snapshot?.ownerIds]).toEqual([5, [4, 5]]);
  });

  test('the owner is learned from a read by id too', async () => {
    const read = createFixture([machine(1, { ownerId: 5 })]);
    read.account.readMachine('a', 1, 0);
    await read.clock.settle();
    expect(read.account.ownerId).toBe(5);

    const created = createFixture([]);
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

  test('a read by id is answered at the next request, with the time it was sent', async () => {
    const { clock, provider, account, woken } = createFixture();
    const release = provider.hold('GetMachine');
    await clock.advance(100);
    expect(account.readMachine('a', 1, 100)).toBeUndefined();
    await clock.advance(50);
    expect(account.readMachine('a', 1, 150)).toBeUndefined();
    expect(woken()).toEqual([]);
    release();
    await clock.settle();
    expect(woken()).toEqual(['a']);
    expect(account.readMachine('a', 1, 100)).toEqual({ startedAt: 100, outcome: { ok: true, value: machine(1) } });
    expect(provider.count('GetMachine')).toBe(1);
  });

  test('the result of a read by id while the list lacked the VM is dropped when a list shows it', async () => {
    const { clock, provider, account } = createFixture([]);
    account.subscribe('a', { name: 'machine-1', id: 1 });
    await clock.settle();
    account.readMachine('a', 1, 0);
    await clock.settle();
    provider.machines = [machine(1)];
    await clock.advance(60_000);
    expect(account.readMachine('a', 1, 0)).toBeUndefined();
    await clock.settle();
    expect(provider.count('GetMachine')).toBe(2);
  });

  test('reads by id share the concurrency limit of the writes', async () => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 2 } });
    const release = provider.hold('GetMachine');
    for (const id of [1, 2, 3]) account.readMachine(`key-${id}`, id, 0);
    await clock.settle();
    expect(provider.count('GetMachine')).toBe(2);
    release();
    await clock.settle();
    expect(provider.count('GetMachine')).toBe(3);
  });

  test('an unsubscribed object is not woken by its earlier requests', async () => {
    const { clock, provider, account, woken } = createFixture();
    const releases = [provider.hold('GetMachine'), provider.hold('ListPackages')];
    account.readMachine('a', 1, 0);
    account.catalog('a');
    account.catalog('b');
    await clock.settle();
    account.unsubscribe('a');
    for (const release of releases) release();
    await clock.settle();
    expect(woken()).toEqual(['b']);
  });

  test('the catalog is read once for all objects, and again after ten minutes', async () => {
    const { clock, provider, account, woken } = createFixture();
    expect([account.catalog('a'), account.catalog('b'), account.catalog('a')]).toEqual(Array(3).fill(undefined));
    await clock.settle();
    expect(woken()).toEqual(['a', 'b']);
    expect(account.catalog('a')).toMatchObject({ ok: true, value: { regions: [{ id: 1 }], packages: [{ id: 1 }] } });
    expect(account.catalog('c')).toBe(account.catalog('a'));
    await clock.advance(599_999);
    account.catalog('a');
    expect(provider.calls.toSorted()).toEqual(['ListOsTemplates', 'ListPackages', 'ListRegions']);
    await clock.advance(1);
    expect(account.catalog('a')).toBeUndefined();
    await clock.settle();
    expect(provider.calls).toHaveLength(6);
  });

  test('a catalog that could not be read is requested again after a moment, not ten minutes', async () => {
    const { clock, provider, account, woken } = createFixture();
    provider.failNext('ListPackages', down);
    account.catalog('a');
    await clock.settle();
    expect(woken()).toEqual(['a']);
    expect(account.catalog('a')).toMatchObject({ ok: false, failure: { operation: 'ListPackages' } });
    expect(account.catalog('a')).toMatchObject({ ok: false });
    expect(provider.calls).toHaveLength(3);
    await clock.advance(5_000);
    expect(account.catalog('a')).toBeUndefined();
    await clock.settle();
    expect(account.catalog('a')).toMatchObject({ ok: true });
  });

  test('a read that is aborted by stopping gives no answer', async () => {
    const { clock, provider, account } = createFixture();
    const release = provider.hold('GetMachine');
    account.readMachine('a', 1, 0);
    account.catalog('a');
    await clock.settle();
    const stop = account.stop();
    release();
    await stop;
    expect([account.readMachine('a', 1, 0), account.catalog('a')]).toEqual([undefined, undefined]);
  });
});
