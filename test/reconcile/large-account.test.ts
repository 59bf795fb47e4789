import { expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

/** One object whose machine runs, in an account of a thousand others. */
async function inLargeAccount(): Promise<World> {
  const world = await createWorld();
  for (let index = 0; index < 1_000; index += 1) world.fakeProvider.add(`theirs-${index}`);
  world.apply('web');
  await world.clock.advance(2 * minute);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  return world;
}

/** Half a minute after the change, in which at most one idle list falls. */
async function readsOf({ clock, fakeProvider }: World, change: () => void): Promise<{ lists: number; singly: number }> {
  // The next idle list is half a minute away.
  await clock.advance(20_000);
  const since = clock.monotonic();
  change();
  await clock.advance(30_000);
  return { lists: fakeProvider.count('ListMachines', since), singly: fakeProvider.count('GetMachine', since) };
}

it('a VM of a large account is polled by its id while its power changes, and not by lists', async () => {
  const world = await inLargeAccount();
  const { cluster, condition, fakeProvider } = world;
  const halt = await readsOf(world, () => cluster.change('web', { spec: { powerState: 'Halted' } }));
  expect([cluster.machine('web')?.status?.state, condition('web', 'Ready')?.status]).toEqual(['Halted', 'True']);
  const start = await readsOf(world, () => cluster.change('web', { spec: { powerState: 'Running' } }));
  expect([cluster.machine('web')?.status?.state, condition('web', 'Ready')?.status]).toEqual(['Running', 'True']);
  const restart = await readsOf(world, () => cluster.change('web', { spec: { restartRequest: 'once' } }));
  expect([cluster.machine('web')?.status?.lastRestartRequest, fakeProvider.restarts]).toEqual(['once', 1]);
  for (const { lists, singly } of [halt, start, restart]) {
    expect(lists).toBeLessThanOrEqual(1);
    expect(singly).toBeGreaterThanOrEqual(2);
    expect(singly).toBeLessThanOrEqual(8);
  }
  expect([
    fakeProvider.count('StopMachine'),
    fakeProvider.count('StartMachine'),
    fakeProvider.count('RestartMachine'),
  ]).toEqual([1, 1, 1]);
});

it('a list and a read that started after it confirm a deletion; a read alone does not', async () => {
  const world = await inLargeAccount();
  const { clock, cluster, fakeProvider } = world;
  cluster.remove('virtualmachines', 'web');
  await clock.advance(minute);
  expect(cluster.machine('web')).toBeUndefined();
  const gone = fakeProvider.calls.find(({ operation }) => operation === 'DeleteMachine')?.at ?? Infinity;
  expect(fakeProvider.count('ListMachines', gone + 1)).toBeGreaterThanOrEqual(1);
  expect(fakeProvider.count('GetMachine', gone + 1)).toBeGreaterThanOrEqual(1);
});

it('a VM that reads by id deny and lists show does not count as deleted, and polling of lists continues', async () => {
  const world = await inLargeAccount();
  const { clock, cluster, condition, fakeProvider } = world;
  fakeProvider.broken.set('GetMachine', { class: 'Retry', code: 'NotFound', status: 404 });
  cluster.change('web', { spec: { powerState: 'Halted' } });
  await clock.advance(30_000);
  expect([cluster.machine('web')?.status?.state, condition('web', 'Ready')?.status]).toEqual(['Halted', 'True']);
  expect(fakeProvider.count('StopMachine')).toBe(1);
});
