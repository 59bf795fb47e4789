import { expect, test, vi } from 'vitest';
import { createWorld } from './world/world.ts';

const names = Array.from({ length: 1_000 }, (_, index) => `vm-${index}`);
const minute = 60_000;

// A thousand lives take some seconds; on a busy machine that is many.
vi.setConfig({ testTimeout: 300_000 });

test('creates and deletes a thousand objects at once with one call each, loses no event, and leaves nothing', async () => {
  const { apply, clock, cluster, complaints, condition, fakeProvider } = await createWorld(
    { providerRate: 0, maxInFlight: 64 },
    { withoutBystanders: 'for the other key of the account, a fleet that goes is a mass absence' },
  );
  // Ten times as slow as an API server that stores one after the other.
  cluster.holds = (write) =>
    write === 'create events' ? new Promise((resolve) => clock.schedule(100, () => resolve())) : undefined;
  const withoutEvent = (reason: string): readonly string[] => {
    const seen = new Set(
      cluster.events.filter((event) => event.reason === reason).map(({ regarding }) => regarding.name),
    );
    return names.filter((name) => !seen.has(name));
  };
  for (const name of names) apply(name, { powerState: 'Halted' });
  await clock.advance(5 * minute);
  const isReady = (name: string): boolean => condition(name, 'Ready')?.status === 'True';
  expect(names.filter((name) => !isReady(name))).toEqual([]);
  expect([fakeProvider.count('CreateMachine'), fakeProvider.heldTwice.size, fakeProvider.machines.size]).toEqual([
    names.length,
    0,
    names.length,
  ]);

  expect([withoutEvent('Creating'), withoutEvent('Available')]).toEqual([[], []]);

  const lists = fakeProvider.count('ListMachines');
  for (const name of names) cluster.remove('virtualmachines', name);
  await clock.advance(5 * minute);
  expect(names.filter((name) => cluster.machine(name) !== undefined)).toEqual([]);
  expect([fakeProvider.machines.size, complaints]).toEqual([0, []]);
  expect([withoutEvent('Deleting')]).toEqual([[]]);
  // One a second at most, however many wait for it.
  expect(fakeProvider.count('ListMachines') - lists).toBeLessThanOrEqual(5 * 60);
});
