import { expect, test } from 'vitest';
import type { AccountSpec } from '../../../src/api/v1alpha1/account-types.ts';
import { type AccountWorld, createAccountWorld, minute } from './world.ts';

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const reasonOf = (world: AccountWorld, name: string): string | undefined => world.condition(name, 'Ready')?.reason;

/** A world whose account has this limit, and whose operator has been the leader for a while. */
async function limited(limits: NonNullable<AccountSpec['limits']>, settings = {}): Promise<AccountWorld> {
  const world = await createAccountWorld(settings);
  world.applyAccount('main', { limits });
  await world.clock.advance(3 * minute);
  return world;
}

test('of many objects at once, as many get a VM as the limit permits, and the others say which Account holds them', async () => {
  const world = await limited({ machines: 3 });
  world.fakeProvider.add('legacy');
  await world.clock.advance(2 * minute);
  for (const name of names) world.apply(name);
  await world.clock.advance(10 * minute);
  expect(world.fakeProvider.machines.size).toBe(3);
  const held = names.filter((name) => reasonOf(world, name) === 'AccountLimitReached');
  expect(held).toHaveLength(4);
  expect(world.condition(held[0] ?? '', 'Ready')?.message).toBe(
    'Account "default/main" limits the account to 3 VMs (spec.limits.machines), and it has 3; delete VMs that you don\'t need, or raise the limit',
  );
  expect(world.accountCondition('main', 'WithinLimits')).toMatchObject({
    status: 'False',
    reason: 'LimitReached',
    message: 'the account has 3 VMs, and spec.limits.machines is 3: no VM is created',
  });
});

test('two creates at one below the limit make one VM, although the list is old', async () => {
  const world = await limited({ machines: 2 }, { pollInterval: 30 * minute, urgentPollInterval: minute });
  world.fakeProvider.add('legacy');
  await world.clock.advance(40 * minute);
  world.apply('a');
  world.apply('b');
  await world.clock.advance(5 * minute);
  expect(world.fakeProvider.machines.size).toBe(2);
  expect([...world.fakeProvider.made.values()]).toEqual([1, 1]);
});

test('two creates whose responses are lost count, also before a list shows them', async () => {
  const world = await limited({ machines: 2 });
  const lost = { class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true } as const;
  world.fakeProvider.accidents.set('CreateMachine', [lost, lost]);
  world.fakeProvider.listed = ({ createdAt }) =>
    createdAt === undefined || Date.parse(createdAt) < world.clock.now() - 20_000;
  for (const name of names) world.apply(name);
  await world.clock.advance(10 * minute);
  expect(world.fakeProvider.machines.size).toBe(2);
});

test('a limit that is raised, and a VM that is deleted, let the next object create its VM', async () => {
  const world = await limited({ machines: 1 });
  for (const name of ['a', 'b', 'c']) world.apply(name);
  await world.clock.advance(3 * minute);
  expect(world.fakeProvider.machines.size).toBe(1);
  world.changeAccount('main', { limits: { machines: 2 } });
  await world.clock.advance(5_000);
  expect(world.fakeProvider.machines.size).toBe(2);
  const ready = ['a', 'b', 'c'].find((name) => reasonOf(world, name) === 'Available');
  world.cluster.remove('virtualmachines', ready ?? '');
  await world.clock.advance(4 * minute);
  expect(world.fakeProvider.machines.size).toBe(2);
  expect(['a', 'b', 'c'].filter((name) => reasonOf(world, name) === 'Available')).toHaveLength(2);
});

test('the older of two Accounts of one key limits, and the limit of a deleted one ends', async () => {
  const world = await limited({ machines: 1 });
  world.applyAccount('younger', { limits: { machines: 5 } });
  for (const name of ['a', 'b']) world.apply(name);
  await world.clock.advance(3 * minute);
  expect(world.fakeProvider.machines.size).toBe(1);
  world.cluster.remove('accounts', 'main');
  await world.clock.advance(5_000);
  expect(world.fakeProvider.machines.size).toBe(2);
});

test('a limit blocks no power change, no adoption and no deletion', async () => {
  const world = await createAccountWorld();
  const legacy = world.fakeProvider.add('legacy');
  world.apply('web');
  await world.clock.advance(minute);
  world.applyAccount('main', { limits: { machines: 1 } });
  await world.clock.advance(3 * minute);
  world.apply('old', { adoption: { policy: 'MustExist', id: legacy.id } });
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  await world.clock.advance(minute);
  expect([reasonOf(world, 'old'), world.cluster.machine('web')?.status?.state]).toEqual(['Available', 'Halted']);
  world.cluster.remove('virtualmachines', 'web');
  await world.clock.advance(3 * minute);
  expect(world.fakeProvider.machines.size).toBe(1);
});

test('a new leader creates nothing before it knows the limits and the creates of its predecessor', async () => {
  const world = await limited({ machines: 1 });
  world.fakeProvider.holds = (operation) => (operation === 'CreateMachine' ? new Promise(() => {}) : undefined);
  world.apply('a');
  await world.clock.advance(5_000);
  world.fakeProvider.holds = () => undefined;
  await world.restart();
  world.apply('b');
  await world.clock.advance(10_000);
  // The predecessor's request arrives only now.
  world.fakeProvider.add(`a-${world.cluster.machine('a')?.metadata.uid.slice(0, 8)}`);
  await world.clock.advance(5 * minute);
  expect(world.fakeProvider.machines.size).toBe(1);
});

test('without a limit nothing waits', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main');
  world.apply('web');
  await world.clock.advance(5_000);
  expect(world.fakeProvider.machines.size).toBe(1);
  expect(world.accountCondition('main', 'WithinLimits')).toBeUndefined();
});

test('a create that was not sent leaves its place to another object at once', async () => {
  const world = await limited({ machines: 1 }, { pollInterval: 30 * minute, urgentPollInterval: 30 * minute });
  await world.clock.advance(40 * minute);
  world.fakeProvider.broken.set('CreateMachine', { class: 'Retry', code: 'ConnectFailed' });
  world.apply('a');
  await world.clock.advance(1_000);
  world.cluster.change('a', { spec: { managementPolicy: 'Observe' } });
  world.fakeProvider.broken.clear();
  world.apply('b');
  await world.clock.advance(5_000);
  expect(world.fakeProvider.machines.size).toBe(1);
});

test('a create that the provider delays is not held by its own first request', async () => {
  const world = await limited({ machines: 1 });
  world.fakeProvider.accidents.set('CreateMachine', [{ class: 'Wait', code: 'RateLimited', status: 429 }]);
  world.apply('a');
  const seen = new Set<string | undefined>();
  for (let second = 0; second < 180; second += 1) {
    await world.clock.advance(1_000);
    seen.add(reasonOf(world, 'a'));
  }
  expect(seen).not.toContain('AccountLimitReached');
  expect(reasonOf(world, 'a')).toBe('Available');
});
