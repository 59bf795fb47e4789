import { expect, test } from 'vitest';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import { type AccountWorld, createAccountWorld, minute } from './world.ts';

const reasonOf = (world: AccountWorld, name: string): string | undefined => world.condition(name, 'Ready')?.reason;
const changes = ({ fakeProvider }: AccountWorld): number =>
  fakeProvider.calls.filter(({ operation }) => !/^(List|Get)/.test(operation)).length;

test('pauses every VM of its key, names the Account, and continues when the pause ends', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main');
  for (const name of ['web', 'db']) world.apply(name);
  await world.clock.advance(minute);
  world.changeAccount('main', { paused: true });
  await world.clock.advance(5_000);
  expect([reasonOf(world, 'web'), reasonOf(world, 'db')]).toEqual(['Paused', 'Paused']);
  expect(world.condition('web', 'Paused')?.message).toBe(
    'paused by Account "default/main" (spec.paused), for all VMs of its API key; to continue, set spec.paused of the Account to false',
  );
  const before = changes(world);
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  world.cluster.remove('virtualmachines', 'db');
  world.apply('new');
  await world.clock.advance(10 * minute);
  expect(changes(world)).toBe(before);
  expect(world.fakeProvider.machines.size).toBe(2);
  world.changeAccount('main', { paused: false });
  await world.clock.advance(3 * minute);
  expect([reasonOf(world, 'web'), world.cluster.machine('web')?.status?.state, reasonOf(world, 'new')]).toEqual([
    'Available',
    'Halted',
    'Available',
  ]);
  expect(world.cluster.machine('db')).toBeUndefined();
});

test("a request that waits for its slot isn't sent after the pause began", async () => {
  const world = await createAccountWorld({ maxInFlight: 1 });
  world.applyAccount('main');
  for (const name of ['web', 'db']) world.apply(name);
  await world.clock.advance(minute);
  const { promise, resolve: release } = Promise.withResolvers<void>();
  world.fakeProvider.holds = (operation) => (operation === 'StopMachine' ? promise : undefined);
  for (const name of ['web', 'db']) world.cluster.change(name, { spec: { powerState: 'Halted' } });
  await world.clock.advance(100);
  world.changeAccount('main', { paused: true });
  await world.clock.advance(100);
  release();
  await world.clock.advance(5 * minute);
  expect(world.fakeProvider.count('StopMachine')).toBe(1);
});

test('a new leader sends nothing for a paused account', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main');
  world.apply('web');
  await world.clock.advance(minute);
  world.changeAccount('main', { paused: true });
  await world.clock.advance(5_000);
  world.cluster.change('web', { spec: { powerState: 'Halted' } });
  const before = changes(world);
  for (let index = 0; index < 3; index += 1) {
    await world.restart();
    await world.clock.advance(2 * minute);
  }
  expect(changes(world)).toBe(before);
});

test('does not pause VMs of another account', async () => {
  const world = await createAccountWorld();
  world.cluster.put('secrets', {
    metadata: { name: 'other' },
    data: { 'api-key': Buffer.from('owner-2').toString('base64') },
  });
  world.applyAccount('main', { paused: true });
  world.apply('web', { credentialsSecretRef: { name: 'other', key: 'api-key' } });
  await world.clock.advance(2 * minute);
  expect(reasonOf(world, 'web')).toBe('Available');
});

test('while Accounts cannot be listed, no VM is changed, and the object reports that', async () => {
  const world = await createAccountWorld();
  world.applyAccount('main', { paused: true });
  await world.clock.advance(minute);
  world.apply('web');
  await world.clock.advance(minute);
  expect(reasonOf(world, 'web')).toBe('Paused');
  const { list } = world.cluster;
  world.cluster.list = (resource, ...rest) =>
    resource.plural === 'accounts'
      ? Promise.reject(new KubeError('list accounts: 503', { reason: 'Unavailable', status: 503 }))
      : Reflect.apply(list, world.cluster, [resource, ...rest]);
  await world.restart();
  await world.restart();
  world.apply('db');
  await world.clock.advance(2 * minute);
  expect(changes(world)).toBe(0);
  expect(reasonOf(world, 'db')).toBe('AccountLimitsUnknown');
  expect(world.notReady()).toBeUndefined();
  world.cluster.list = list;
  await world.clock.advance(minute);
  expect([changes(world), reasonOf(world, 'db')]).toEqual([0, 'Paused']);
});
