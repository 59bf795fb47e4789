import { expect, test } from 'vitest';
import { succeeded } from '../../src/domain/failure.ts';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;

/** Running VMs, more than the limit of concurrent status writes. */
const names = Array.from({ length: 40 }, (_, index) => `vm-${index}`);

/** Holds the answers to status writes until `release`; metadata is still written. */
async function withHeldStatuses(
  options: Parameters<typeof createWorld>[1] = {},
): Promise<World & { readonly release: () => Promise<void> }> {
  const world = await createWorld({ providerRate: 0, maxInFlight: 64 }, options);
  for (const name of names) world.apply(name);
  await world.clock.advance(3 * minute);
  for (const name of names) expect(world.condition(name, 'Ready')?.reason).toBe('Available');
  const held = Promise.withResolvers<void>();
  world.cluster.holds = (write) => (write.startsWith('status ') ? held.promise : undefined);
  const release = async (): Promise<void> => {
    world.cluster.holds = () => undefined;
    held.resolve();
    await world.clock.advance(2 * minute);
  };
  return { ...world, release };
}

const statusesOf = ({ cluster }: World, name: string): number =>
  cluster.writes.filter((write) => write === `status ${name}`).length;

test('a spec change does not wait for the queued status of a call, which still counts for the next decision', async () => {
  const world = await withHeldStatuses();
  const { cluster, clock, condition, fakeProvider } = world;
  const before = names.map((name) => statusesOf(world, name));
  for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(5 * second);
  const isQueued = (name: string): boolean => statusesOf(world, name) === before[names.indexOf(name)];
  const queued = names.filter(isQueued);
  expect([fakeProvider.count('StopMachine'), queued.length]).toEqual([40, 24]);

  const [name = ''] = queued;
  cluster.change(name, { spec: { powerState: 'Running' } });
  await clock.advance(5 * second);
  expect([fakeProvider.count('StartMachine'), isQueued(name)]).toEqual([1, true]);

  await world.release();
  for (const other of names)
    expect(condition(other, 'Ready')?.message).toContain(other === name ? 'is running' : 'is halted');
  expect([fakeProvider.count('StopMachine'), fakeProvider.count('StartMachine')]).toEqual([40, 1]);
});

test('a change of the object does not repeat a call whose status is queued', async () => {
  let stops = 0;
  const world = await withHeldStatuses({
    // The guests ignore it.
    through: (provider) => ({
      ...provider,
      stopMachine: () => {
        stops += 1;
        return Promise.resolve(succeeded(undefined));
      },
    }),
  });
  const { cluster, clock } = world;
  for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(5 * second);
  for (const name of names) cluster.change(name, { spec: { powerOff: { mode: 'TrySoft', gracePeriodSeconds: 299 } } });
  await clock.advance(5 * second);
  expect(stops).toBe(40);
  await world.release();
  expect(stops).toBe(40);
  const startTimes = names.map((name) => cluster.machine(name)?.status?.operation?.startTime ?? '');
  expect(Date.parse(startTimes.toSorted().at(-1) ?? '')).toBeLessThan(clock.now() - 2 * minute - 9 * second);
});

test('a queued status without a call is dropped when the object changes', async () => {
  const world = await withHeldStatuses();
  const { cluster, clock, condition } = world;
  for (const name of names) cluster.change(name, { metadata: { annotations: { 'vps247.com/paused': 'true' } } });
  await clock.advance(5 * second);
  const last = names.at(-1) ?? '';
  const before = statusesOf(world, last);
  cluster.change(last, { metadata: { annotations: { 'vps247.com/paused': null } } });
  await clock.advance(5 * second);
  await world.release();
  expect(statusesOf(world, last)).toBe(before);
  expect(condition(last, 'Paused')).toBeUndefined();
  expect(condition(names[0] ?? '', 'Paused')?.status).toBe('True');
});

test('the queued record of a VM is written at once when the object changes', async () => {
  const world = await withHeldStatuses();
  const { apply, cluster, clock, condition, fakeProvider } = world;
  for (const name of names) cluster.change(name, { metadata: { annotations: { 'vps247.com/paused': 'true' } } });
  await clock.advance(5 * second);
  apply('new');
  await clock.advance(5 * second);
  expect([fakeProvider.machines.size, statusesOf(world, 'new')]).toEqual([41, 0]);
  cluster.change('new', { spec: { powerState: 'Halted' } });
  await clock.advance(second);
  expect(statusesOf(world, 'new')).toBe(1);
  await world.release();
  expect(condition('new', 'Ready')?.message).toContain('is halted');
  expect(fakeProvider.count('CreateMachine')).toBe(41);
});
