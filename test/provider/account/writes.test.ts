import { describe, expect, test } from 'vitest';
import { type Facts, change, createFixture } from './fixture.ts';

const answers: readonly [reason: string, failure: Facts | undefined][] = [
  ['accepted', undefined],
  ['lost: it may have taken effect', { class: 'UnknownOutcome', code: 'Timeout', text: '' }],
  ['refused: what was known of the VM was wrong', { class: 'Wait', code: 'Busy', text: '' }],
];

describe('writes of an account', () => {
  test('no more writes are in flight than allowed', async () => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 3 } });
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

  test('writes for one VM are sent one after the other', async () => {
    const { clock, provider, account } = createFixture();
    const release = provider.hold('StopMachine');
    const first = account.write(change('machine-1'), (at) => at.stopMachine(1));
    const second = account.write(change('machine-1'), (at) => at.killMachine(1));
    await clock.settle();
    expect(provider.calls).toEqual(['StopMachine']);
    release();
    await Promise.all([first, second]);
    expect(provider.calls).toEqual(['StopMachine', 'KillMachine']);
  });

  test('a third write for a VM waits for the second one, also if it comes after the first one has ended', async () => {
    const { clock, provider, account } = createFixture();
    const releaseStop = provider.hold('StopMachine');
    const releaseKill = provider.hold('KillMachine');
    const first = account.write(change('machine-1'), (at) => at.stopMachine(1));
    const second = account.write(change('machine-1'), (at) => at.killMachine(1));
    releaseStop();
    await first;
    await clock.settle();
    const third = account.write(change('machine-1'), (at) => at.startMachine(1));
    await clock.settle();
    expect(provider.calls).toEqual(['StopMachine', 'KillMachine']);
    releaseKill();
    await Promise.all([second, third]);
    expect(provider.calls).toEqual(['StopMachine', 'KillMachine', 'StartMachine']);
  });

  test('a write whose preparation is refused is not sent, and leaves no record', async () => {
    const { provider, account } = createFixture();
    expect(
      await account.write(
        change('machine-1'),
        (at) => at.stopMachine(1),
        async () => false,
      ),
    ).toBeUndefined();
    expect(provider.calls).toEqual([]);
    expect(account.lastWriteAt('machine-1')).toBeUndefined();
  });

  test('a preparation that fails frees its slot and its VM', async () => {
    const { provider, account } = createFixture([], { settings: { maxInFlight: 1 } });
    const write = account.write(
      change('machine-1'),
      (at) => at.stopMachine(1),
      () => Promise.reject(new Error('conflict')),
    );
    await expect(write).rejects.toThrow('conflict');
    expect(await account.write(change('machine-1'), (at) => at.stopMachine(1))).toEqual({ ok: true, value: undefined });
    expect(provider.calls).toEqual(['StopMachine']);
  });

  test('the preparation runs directly before the call, after the wait for a slot', async () => {
    const { clock, provider, account } = createFixture([], { settings: { maxInFlight: 1 } });
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

  test.for(answers)(
    'reads do not count during a write, nor those started before its answer: %s',
    async ([, failure]) => {
      const { clock, provider, account } = createFixture();
      if (failure !== undefined) provider.failNext('StopMachine', failure);
      const release = provider.hold('StopMachine');
      const write = account.write(change('machine-1'), (at) => at.stopMachine(1));
      await clock.advance(500);
      expect(account.lastWriteAt('machine-1')).toBe(Infinity);
      release();
      await write;
      expect(account.lastWriteAt('machine-1')).toBe(500);
      expect(account.lastWriteAt('machine-2')).toBeUndefined();
    },
  );

  test('a request during a write is served by the next list instead of never', async () => {
    const { clock, provider, account, woken } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await clock.settle();
    woken();
    const release = provider.hold('StopMachine');
    const write = account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.advance(10);
    account.requestList('a', account.lastWriteAt('machine-1') ?? 0);
    await clock.advance(1_000);
    expect(woken()).toEqual(['a']);
    release();
    await write;
  });

  test('old writes are dropped once lists are far beyond them', async () => {
    const { clock, account } = createFixture();
    account.subscribe('a', { name: 'machine-1' });
    await account.write(change('machine-1'), (at) => at.stopMachine(1));
    await clock.advance(9 * 60_000);
    expect(account.lastWriteAt('machine-1')).toBe(0);
    await clock.advance(2 * 60_000);
    expect(account.lastWriteAt('machine-1')).toBeUndefined();
  });
});
