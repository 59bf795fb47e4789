import { expect, test } from 'vitest';
import { machine } from '../../support/fake-provider.ts';
import { change, down, createFixture } from './fixture.ts';

const machines = Array.from({ length: 60 }, (_, index) => machine(index + 1));

test('after an outage calls are sent one after the other at the permitted rate, not as a burst', async () => {
  const { clock, provider, account } = createFixture(machines, { settings: { providerRate: 10, providerBurst: 20 } });
  account.subscribe('a', { name: 'machine-1' });
  await clock.settle();
  const stopAll = (): void => {
    for (const { id, name } of machines) void account.write(change(name), (at) => at.stopMachine(id));
  };
  provider.failNext('StopMachine', ...Array.from({ length: 20 }, () => down));
  provider.failNext('ListMachines', ...Array.from({ length: 20 }, () => down));
  stopAll();
  await clock.advance(10 * 60_000);
  expect(account.isUnavailable).toBe(true);

  const before = provider.count('StopMachine');
  while (account.isUnavailable) await clock.advance(1_000);
  stopAll();
  await clock.settle();
  expect(provider.count('StopMachine') - before).toBeLessThanOrEqual(1);
  await clock.advance(1_000);
  // So many in a second, and the one that there was at once.
  expect(provider.count('StopMachine') - before).toBeLessThanOrEqual(11);
  expect(provider.count('StopMachine') - before).toBeGreaterThanOrEqual(10);
});

test('a read for a quiet namespace waits for at most one read of another with a thousand', async () => {
  const { clock, provider, account } = createFixture([], { settings: { providerRate: 1, providerBurst: 1 } });
  const looked: number[] = [];
  provider.getMachine = async (id) => {
    looked.push(id);
    return { ok: true, value: undefined };
  };
  for (let id = 1; id <= 1_000; id += 1) {
    account.subscribe(`busy/${id}`, { name: `busy-${id}`, group: 'busy' });
    account.readMachine(`busy/${id}`, id, 0);
  }
  account.subscribe('quiet/1', { name: 'quiet-1', group: 'quiet' });
  account.readMachine('quiet/1', 2_000, 0);
  await clock.advance(8_000);
  expect(looked.indexOf(2_000)).toBeGreaterThanOrEqual(0);
  expect(looked.indexOf(2_000)).toBeLessThanOrEqual(2);
});
