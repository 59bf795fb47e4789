import { describe, expect, test } from 'vitest';
import { change, createFixture } from './fixture.ts';

describe('stopping an account', () => {
  test('aborts reads, sends no waiting call, and waits for the write in flight', async () => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 1 } });
    account.subscribe('a', { name: 'machine-1' });
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

  test('aborts a list in flight, and ignores its answer', async () => {
    const { clock, provider, account, woken } = createFixture();
    const release = provider.hold('ListMachines');
    account.subscribe('a', { name: 'machine-1' });
    await account.stop();
    release();
    await clock.settle();
    expect([account.snapshot, account.lastFailure, account.credentialStatus]).toEqual([
      undefined,
      undefined,
      'Unverified',
    ]);
    expect(woken()).toEqual([]);
  });
});
