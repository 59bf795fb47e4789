import { expect, test } from 'vitest';
import { createWorld } from './world/world.ts';

const minute = 60_000;

test('reports a reconciliation that does not end within 15 minutes', async () => {
  const { apply, clock, cluster, isAlive } = await createWorld();
  cluster.get = () => new Promise(() => {});
  apply('web');
  await clock.advance(15 * minute);
  expect(isAlive()).toBe(true);
  await clock.advance(minute);
  expect(isAlive()).toBe(false);
});

test('stays healthy while the provider does not answer', async () => {
  const { apply, clock, isAlive, fakeProvider } = await createWorld();
  fakeProvider.holds = () => new Promise(() => {});
  apply('web');
  await clock.advance(60 * minute);
  expect(isAlive()).toBe(true);
});

test('stays healthy with a long work queue whose keys are processed', async () => {
  const { apply, clock, cluster, isAlive } = await createWorld({ workers: 1 });
  const { patch } = cluster;
  cluster.patch = async (...args) => {
    await new Promise<void>((resolve) => clock.schedule(2 * minute, resolve));
    return patch.apply(cluster, args);
  };
  for (let index = 0; index < 40; index += 1) apply(`web-${index}`);
  for (let passed = 0; passed < 60; passed += 1) {
    await clock.advance(minute);
    expect(isAlive()).toBe(true);
  }
});

test('stays healthy while the operator shuts down', async () => {
  const { isAlive, stop } = await createWorld();
  await stop();
  expect(isAlive()).toBe(true);
});
