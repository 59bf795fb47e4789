import { describe, expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;

/** Status writes and metadata writes of the object so far. */
const writes = ({ cluster }: World, name: string): number =>
  cluster.writes.filter((write) => write.endsWith(` ${name}`)).length;

describe('a request that waits for its slot', () => {
  it.each([
    { what: 'the rate limiter', settings: { providerRate: 1, providerBurst: 1 } },
    { what: 'the concurrency limit', settings: { maxInFlight: 1 } },
  ])('of $what is reported by a new object once it has waited for a second, and sent later', async ({ settings }) => {
    const world = await createWorld(settings);
    const { apply, clock, condition, fakeProvider } = world;
    if ('maxInFlight' in settings)
      fakeProvider.holds = (operation) =>
        operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(8 * second, resolve)) : undefined;
    const names = Array.from({ length: 12 }, (_, index) => `web-${index}`);
    for (const name of names) apply(name);
    await clock.advance(7.5 * second);
    const silent = names.filter((name) => condition(name, 'Ready') === undefined);
    expect(silent.length).toBeLessThanOrEqual(fakeProvider.count('CreateMachine'));
    const last = names.find((name) => condition(name, 'Ready')?.message.startsWith('waiting for a slot')) ?? '';
    expect(condition(last, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Creating',
      message: expect.stringMatching(
        /^waiting for a slot in the request queue of the account, to create VM "web-.*"; the rate limiter and/,
      ),
    });
    const before = writes(world, last);
    await clock.advance(0.4 * second);
    expect(writes(world, last)).toBe(before);
    await clock.advance(10 * minute);
    expect([fakeProvider.made.size, fakeProvider.count('CreateMachine')]).toEqual([12, 12]);
    for (const name of names) expect(condition(name, 'Ready')?.reason).toBe('Available');
  });

  it('is not reported if a slot is free, so that a create takes as many writes as before', async () => {
    const world = await createWorld();
    world.apply('web', { initialPasswordSecret: { policy: 'None' } });
    await world.clock.advance(2 * minute);
    expect(world.condition('web', 'Ready')?.reason).toBe('Available');
    expect(writes(world, 'web')).toBe(4);
  });

  it('is reported for a power change too: Ready would be that of the earlier spec', async () => {
    const world = await createWorld({ maxInFlight: 1 });
    const { apply, clock, cluster, condition, fakeProvider } = world;
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.holds = (operation) =>
      operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(20 * second, resolve)) : undefined;
    apply('other');
    await clock.advance(2 * second);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(2 * second);
    expect(condition('web', 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Stopping',
      message: expect.stringMatching(/^waiting for a slot .*, to send VM 1 the shutdown signal; /),
    });
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({
      status: 'True',
      message: 'VM 1 is halted; its power state matches the spec',
    });
    expect(fakeProvider.count('StopMachine')).toBe(1);
  });
});
