import { describe, expect, test } from 'vitest';
import { type Facts, change, limited, createFixture } from './fixture.ts';

const refusals: readonly [reason: string, failure: Facts, until: number | undefined][] = [
  ['no time named: five seconds', { class: 'Wait', code: 'RateLimited', text: '' }, 5_250],
  ['a time of zero still means too many', { class: 'Wait', code: 'RateLimited', retryAfter: 0, text: '' }, 1_050],
  ['a 503 with a time', { class: 'UnknownOutcome', code: 'ServerError', retryAfter: 2_000, text: '' }, 2_100],
  ['a 500 without a time pauses nothing', { class: 'UnknownOutcome', code: 'ServerError', text: '' }, undefined],
  ['a busy VM is not a busy account', { class: 'Wait', code: 'Busy', retryAfter: 2_000, text: '' }, undefined],
];

describe('the rate-limit pause of an account', () => {
  test('a 429 pauses the whole account until the reported time, and a little longer', async () => {
    const { clock, provider, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    provider.failNext('StopMachine', limited);
    await account.write(change('machine-1'), (at) => at.stopMachine(1));
    expect(account.rateLimitedUntil).toBe(21_000);

    account.requestList('a', 1);
    expect(account.readMachine('a', 1, 0)?.outcome).toMatchObject({ failure: { class: 'Wait', retryAfter: 21_000 } });
    await clock.advance(20_999);
    expect(await account.write(change('machine-2'), (at) => at.stopMachine(2))).toBeUndefined();
    expect(provider.calls).toEqual(['ListMachines', 'StopMachine']);
    await clock.advance(1);
    expect(account.rateLimitedUntil).toBeUndefined();
    // One call at once, which was the list; the next one at half the rate: five a second.
    const stop = account.write(change('machine-2'), (at) => at.stopMachine(2));
    await clock.advance(199);
    expect(provider.count('StopMachine')).toBe(1);
    await clock.advance(1);
    expect(await stop).toEqual({ ok: true, value: undefined });
    expect(provider.calls.slice(2).toSorted()).toEqual(['ListMachines', 'StopMachine']);
  });

  test('calls that wait for a slot when the pause begins are not sent, and reads by id fail', async () => {
    const { clock, provider, account, woken } = createFixture([], { settings: { maxInFlight: 1 } });
    provider.failNext('StopMachine', limited);
    const release = provider.hold('StopMachine');
    const underWay = account.write(change('machine-1'), (at) => at.stopMachine(1));
    const waiting = account.write(change('machine-2'), (at) => at.stopMachine(2));
    account.readMachine('a', 3, 0);
    await clock.settle();
    release();
    expect(await underWay).toMatchObject({ failure: limited });
    expect(await waiting).toBeUndefined();
    await clock.settle();
    expect(woken()).toEqual(['a']);
    expect(account.readMachine('a', 3, 0)?.outcome).toMatchObject({ failure: { class: 'Wait' } });
    expect(provider.calls).toEqual(['StopMachine']);
  });

  test.for(refusals)('after a refusal: %s', async ([, failure, until]) => {
    const { provider, account } = createFixture();
    provider.failNext('StopMachine', failure);
    await account.write(change('machine-1'), (at) => at.stopMachine(1));
    expect(account.rateLimitedUntil).toBe(until);
  });

  test('a shorter wait does not end the pause sooner', async () => {
    const { provider, account } = createFixture();
    provider.failNext('StopMachine', limited, { ...limited, retryAfter: 1_000 });
    await Promise.all([1, 2].map((id) => account.write(change(`machine-${id}`), (at) => at.stopMachine(id))));
    expect(account.rateLimitedUntil).toBe(21_000);
  });

  test('after a prolonged pause calls are sent one after the other too', async () => {
    const { clock, provider, account } = createFixture([]);
    const stops = (from: number, to: number): void => {
      for (let id = from; id <= to; id += 1) void account.write(change(`machine-${id}`), (at) => at.stopMachine(id));
    };
    provider.failNext('StopMachine', limited, { ...limited, retryAfter: 60_000 });
    stops(1, 2);
    await clock.settle();
    expect(account.rateLimitedUntil).toBe(63_000);
    await clock.advance(63_000);
    stops(3, 12);
    await clock.settle();
    expect(provider.count('StopMachine')).toBe(2 + 1);
  });
});
