import { expect, test } from 'vitest';
import { createWorld } from './world/world.ts';

const minute = 60_000;

test('a reconciliation that never ends is noticed after a quarter of an hour', async () => {
  const { apply, clock, cluster, isAlive } = await createWorld();
  cluster.get = () => new Promise(() => {});
  apply('web');
  await clock.advance(15 * minute);
  expect(isAlive()).toBe(true);
  await clock.advance(minute);
  expect(isAlive()).toBe(false);
});

test('a provider that does not answer is no reason for a restart', async () => {
  const { apply, clock, isAlive, fakeProvider } = await createWorld();
  fakeProvider.holds = () => new Promise(() => {});
  apply('web');
  await clock.advance(60 * minute);
  expect(isAlive()).toBe(true);
});

test('nor is a long queue, as long as it moves', async () => {
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

test('nor is an operator that is being stopped', async () => {
  const { isAlive, stop } = await createWorld();
  await stop();
  expect(isAlive()).toBe(true);
});
