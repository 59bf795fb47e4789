import { describe, expect, test } from 'vitest';
import { type Facts, change, down, limited, createFixture, unauthorized } from './fixture.ts';

const doubts: readonly [what: string, list: Facts, answer: object | undefined, verdict: string][] = [
  ['refused too: the key is rejected', unauthorized, { failure: unauthorized }, 'Rejected'],
  ['unavailable: no call waits for the next one', down, undefined, 'Accepted'],
  ['throttled: the account pauses', limited, undefined, 'Accepted'],
];

describe('a rejected API key', () => {
  test('wakes its objects once, stops all calls, and is probed once a minute', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    woken();
    provider.failNext('ListMachines', unauthorized, unauthorized);
    await clock.advance(60_000);
    expect(account.credentialStatus).toBe('Rejected');
    expect(account.rejection).toMatchObject(unauthorized);
    expect(woken()).toEqual(['a']);

    account.setFastPolling('a', true);
    const outcome = await account.write(change('machine-1'), (at) => at.stopMachine(1));
    expect(outcome).toMatchObject({ ok: false, failure: unauthorized });
    expect(account.readMachine('a', 1, 0)?.outcome).toMatchObject({
      failure: { operation: 'GetMachine', ...unauthorized },
    });
    expect(account.catalog('a')).toMatchObject({ ok: false, failure: unauthorized });
    expect(provider.calls.filter((call) => call !== 'ListMachines')).toEqual([]);

    await clock.advance(60_000);
    expect(provider.count('ListMachines')).toBe(3);
    expect(woken()).toEqual([]);
    await clock.advance(60_000);
    expect(provider.count('ListMachines')).toBe(4);
    expect(account.credentialStatus).toBe('Accepted');
    expect(account.rejection).toBeUndefined();
    expect(woken()).toEqual(['a']);
  });

  test('is tried again at once when a Secret contains it again, once for all its objects', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    provider.failNext('ListMachines', unauthorized, unauthorized);
    await clock.advance(30_000);
    for (let time = 0; time < 100; time += 1) account.retryKey();
    await clock.settle();
    expect([account.credentialStatus, provider.count('ListMachines')]).toEqual(['Rejected', 2]);
    await clock.advance(30_000);
    expect(provider.count('ListMachines')).toBe(2);
    account.retryKey();
    await clock.settle();
    expect([account.credentialStatus, provider.count('ListMachines')]).toEqual(['Accepted', 3]);
    account.retryKey();
    await clock.advance(30_000);
    expect(provider.count('ListMachines')).toBe(3);
  });

  test('is not tried twice when a Secret contains it again during a try', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    provider.failNext('ListMachines', unauthorized, unauthorized);
    await clock.advance(30_000);
    const release = provider.hold('ListMachines');
    account.retryKey();
    await clock.advance(100);
    account.retryKey();
    release();
    await clock.advance(10_000);
    expect([account.credentialStatus, provider.count('ListMachines')]).toEqual(['Rejected', 2]);
  });

  test('one rejected call fails for its caller only, and requests a list at once', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.advance(30_000);
    woken();
    provider.failNext('StopMachine', unauthorized);
    const release = provider.hold('ListMachines');
    expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({
      failure: unauthorized,
    });
    expect([account.credentialStatus, account.rejection]).toEqual(['Accepted', undefined]);
    expect(provider.count('ListMachines')).toBe(2);

    const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
    account.readMachine('a', 3, 0);
    await clock.advance(10_000);
    expect([provider.count('StopMachine'), provider.count('GetMachine')]).toEqual([1, 0]);
    release();
    expect(await waiting).toEqual({ ok: true, value: undefined });
    await clock.settle();
    expect([account.credentialStatus, provider.count('GetMachine')]).toEqual(['Accepted', 1]);
    expect(woken()).toEqual(['a']);
  });

  test('a list that started before the rejected call does not decide', async () => {
    const { clock, provider, account } = createFixture();
    const releaseList = provider.hold('ListMachines');
    account.subscribe('a', { name: 'machine-1' });
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

  test.for(doubts)('decides after a rejected call by a list that is %s', async ([, list, answer, verdict]) => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 2 } });
    account.subscribe('a', { name: 'machine-1' });
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
    expect([account.credentialStatus, provider.count('KillMachine')]).toEqual([verdict, 1]);
    release();
    await underWay;
  });

  test('a call rejected before the first list does not decide either', async () => {
    const { provider, account } = createFixture();
    provider.failNext('StopMachine', unauthorized);
    provider.hold('ListMachines');
    await account.write(change('machine-1'), (at) => at.stopMachine(1));
    expect(account.credentialStatus).toBe('Unverified');
    expect(provider.calls).toEqual(['StopMachine', 'ListMachines']);
  });

  test('the answer of a call that was in flight at the rejection does not accept the key', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    const release = provider.hold('StopMachine');
    const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.settle();
    provider.failNext('ListMachines', unauthorized);
    await clock.advance(60_000);
    release();
    expect(await underWay).toMatchObject({ ok: true });
    expect(account.credentialStatus).toBe('Rejected');
  });

  test('a rejection fails the calls that wait for a slot at once', async () => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 1 } });
    account.subscribe('a', { name: 'machine-1' });
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

  test('calls rejected while the key is rejected request no more lists', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    const release = provider.hold('StopMachine');
    provider.failNext('StopMachine', unauthorized);
    provider.failNext('ListMachines', unauthorized);
    const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.advance(60_000);
    release();
    await underWay;
    await clock.advance(60_000);
    expect([account.credentialStatus, provider.count('ListMachines')]).toEqual(['Accepted', 3]);
    expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({ ok: true });
  });

  test('a call fails at once, also during a rate-limit pause', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    provider.failNext('StopMachine', limited);
    provider.failNext('ListMachines', unauthorized);
    const release = provider.hold('StopMachine');
    const stop = account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.advance(60_000);
    release();
    await stop;
    expect(account.rateLimitedUntil).toBe(81_000);
    expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toMatchObject({
      failure: unauthorized,
    });
  });
});
