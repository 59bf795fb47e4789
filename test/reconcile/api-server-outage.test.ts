import { expect, it } from 'vitest';
import { createWorld } from './world/world.ts';

const names = Array.from({ length: 300 }, (_, index) => `web-${index}`);
const minute = 60_000;

it('an outage of the API server during three hundred power changes is logged in a few lines, and writes wait for its cache', async () => {
  const world = await createWorld({ providerRate: 0, maxInFlight: 64 });
  const { apply, clock, cluster, complaints, condition, fakeProvider } = world;
  for (const name of names) apply(name);
  await clock.advance(5 * minute);
  for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(100);
  expect(fakeProvider.count('StopMachine')).toBe(names.length);

  cluster.fail(() => 'Network');
  const logged = complaints.length;
  await clock.advance(minute);
  expect([...fakeProvider.machines.values()].filter(({ state }) => state === 'Running')).toEqual([]);
  expect(complaints.length - logged).toBeLessThanOrEqual(10);

  // It serves objects and lists; its cache is empty.
  cluster.fail((kind) => (kind === 'watch' ? 'TooManyRequests' : undefined));
  const writes = cluster.writes.length;
  await clock.advance(5_000);
  const early = cluster.writes.slice(writes).filter((write) => write.startsWith('status '));
  expect(early).toEqual([]);
  expect(complaints.length - logged).toBeLessThanOrEqual(12);

  cluster.fail(() => undefined);
  await clock.advance(5_000);
  const late = names.filter((name) => condition(name, 'Ready')?.status !== 'True');
  expect(late).toEqual([]);
});
