import { expect, test } from 'vitest';
import { Secret } from '../../../src/model/secret.ts';
import { createAccounts } from '../../../src/provider/account/accounts.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { createManualClock } from '../../support/clock.ts';
import { createFakeProvider, machine } from '../../support/fake-provider.ts';

function scene() {
  const clock = createManualClock();
  const snapshots: number[] = [];
  let connections = 0;
  const accounts = createAccounts({
    clock,
    log: silentLog,
    random: () => 0.5,
    wake: () => {},
    connect: () => {
      connections += 1;
      return createFakeProvider([machine(1)]);
    },
    onSnapshot: (_, account) => snapshots.push(account),
  });
  return { clock, accounts, snapshots, connections: () => connections };
}

test('the same key is the same account, another key another one', () => {
  const { accounts, connections } = scene();
  const one = accounts.get(new Secret('one'));
  expect(accounts.get(new Secret('one'))).toBe(one);
  expect(accounts.get(new Secret('two'))).not.toBe(one);
  expect(connections()).toBe(2);
  expect([...accounts.list().keys()]).toEqual([1, 2]);
});

test('snapshots are told with the ordinal number of their account', async () => {
  const { clock, accounts, snapshots } = scene();
  accounts.get(new Secret('one'));
  accounts.get(new Secret('two')).follow('a', { name: 'x' });
  await clock.settle();
  expect(snapshots).toEqual([2]);
});

test('an account that nobody follows for ten minutes goes; one that is followed stays', async () => {
  const { clock, accounts } = scene();
  const followed = accounts.get(new Secret('followed'));
  followed.follow('a', { name: 'machine-1' });
  accounts.get(new Secret('unused'));
  for (let minute = 0; minute < 11; minute += 1) {
    await clock.advance(60_000);
    accounts.get(new Secret('third'));
  }
  expect([...accounts.list().keys()]).toEqual([1, 3]);
  expect(accounts.get(new Secret('followed'))).toBe(followed);
});

test('stopping ends the polling of all', async () => {
  const { clock, accounts } = scene();
  accounts.get(new Secret('one')).follow('a', { name: 'x' });
  accounts.get(new Secret('two')).follow('a', { name: 'x' });
  await clock.settle();
  await accounts.stop();
  expect(clock.pending).toBe(0);
});
