import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/domain/failure.ts';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;

/** Status writes and metadata writes of the object so far. */
const writes = ({ cluster }: World, name: string): number =>
  cluster.writes.filter((write) => write.endsWith(` ${name}`)).length;

/** Answers requests of the operation after so long. */
const answersAfter = ({ fakeProvider, clock }: World, slow: Operation, milliseconds: number): void => {
  fakeProvider.holds = (operation) =>
    operation === slow ? new Promise((resolve) => clock.schedule(milliseconds, resolve)) : undefined;
};

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

describe('the report of a wait that another writer replaces each time', () => {
  it('does not keep the process busy', async () => {
    let reconciliations = 0;
    const fence = (): boolean => {
      reconciliations += 1;
      // Without an end, the clock of the test would never go on.
      return reconciliations < 2_000;
    };
    const leadership = { won: Promise.resolve(), fence };
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxInFlight: 1 }, { leadership });
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.holds = (operation) =>
      operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(25 * second, resolve)) : undefined;
    for (const name of ['other', 'another']) apply(name);
    await clock.advance(2 * second);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    for (let index = 0; index < 60; index += 1) {
      reconciliations = 0;
      await clock.advance(100);
      expect(reconciliations).toBeLessThan(2_000);
      const ready = condition('web', 'Ready');
      if (ready?.message.startsWith('waiting for a slot') === true)
        cluster.change('web', { status: { conditions: [{ ...ready, message: 'edited' }] } });
    }
  });
});

describe('a request that the provider has not answered', () => {
  it('is reported by a new object after a second, with one write more', async () => {
    const world = await createWorld();
    const { apply, clock, condition, fakeProvider } = world;
    answersAfter(world, 'CreateMachine', 9 * second);
    apply('web', { initialPasswordSecret: { policy: 'None' } });
    await clock.advance(3 * second);
    expect(condition('web', 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Creating',
      message: expect.stringMatching(/^waiting for the provider's response to the request to create VM "web-.*"$/),
    });
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect([fakeProvider.count('CreateMachine'), writes(world, 'web')]).toEqual([1, 5]);
  });

  it.each([
    { from: 'Running', to: 'Halted', call: 'StopMachine', message: 'send VM 1 the shutdown signal' },
    { from: 'Halted', to: 'Running', call: 'StartMachine', message: 'start VM 1' },
  ] as const)('is reported for $call, which is sent once', async ({ from, to, call, message }) => {
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    apply('web', { powerState: from });
    await clock.advance(2 * minute);
    answersAfter(world, call, 9 * second);
    const before = writes(world, 'web');
    cluster.change('web', { spec: { powerState: to } });
    await clock.advance(3 * second);
    expect(condition('web', 'Ready')).toMatchObject({
      status: 'False',
      reason: to === 'Halted' ? 'Stopping' : 'Starting',
      message: `waiting for the provider's response to the request to ${message}`,
    });
    expect(cluster.machine('web')?.status).not.toHaveProperty('operation');
    const { observedGeneration } = cluster.machine('web')?.status ?? {};
    expect(observedGeneration).toBe(cluster.machine('web')?.metadata.generation);
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect([fakeProvider.count(call), writes(world, 'web') - before]).toEqual([1, 3]);
  });

  it('keeps the record of a power cut while it is reported', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    apply('web', { powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } });
    await clock.advance(2 * minute);
    answersAfter(world, 'KillMachine', 9 * second);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(3 * second);
    expect(condition('web', 'Ready')?.message).toMatch(/response to the request to cut the power of VM 1$/);
    expect(cluster.machine('web')?.status?.operation).toMatchObject({ type: 'Kill', attempts: 1 });
    await clock.advance(2 * minute);
    expect(fakeProvider.count('KillMachine')).toBe(1);
  });

  it('leads to one VM when the operator crashes after it was reported', async () => {
    const world = await createWorld();
    const { apply, clock, condition, fakeProvider } = world;
    answersAfter(world, 'CreateMachine', 9 * second);
    apply('web');
    await clock.advance(3 * second);
    expect(condition('web', 'Ready')?.message).toMatch(/^waiting for the provider's response/);
    await world.restart();
    await clock.advance(10 * minute);
    expect(condition('web', 'Ready')?.reason).toBe('Available');
    expect([...fakeProvider.made.values()]).toEqual([1]);
  });

  it('is answered while the report is being stored: the answer is reported last', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    answersAfter(world, 'CreateMachine', 2 * second);
    let isHeld = false;
    cluster.holds = (write) => {
      if (write !== 'status web' || isHeld) return undefined;
      isHeld = true;
      return new Promise((resolve) => clock.schedule(20 * second, resolve));
    };
    apply('web');
    await clock.advance(2 * minute);
    const recorded = cluster.versions.filter(({ metadata, status }) => metadata.name === 'web' && status?.id === 1);
    const messages = recorded.map(({ status }) => status?.conditions?.find(({ type }) => type === 'Ready')?.message);
    expect(messages.filter((message) => message?.startsWith('waiting'))).toEqual([]);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect([isHeld, fakeProvider.count('CreateMachine')]).toEqual([true, 1]);
  });

  it('is carried out although the API server fails to store the report', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    answersAfter(world, 'CreateMachine', 9 * second);
    cluster.failures.push({ write: 'status web', reason: 'Timeout' });
    apply('web');
    await clock.advance(3 * second);
    expect([cluster.failures, condition('web', 'Ready')]).toEqual([[], undefined]);
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')?.reason).toBe('Available');
    expect([world.complaints, fakeProvider.count('CreateMachine')]).toEqual([[], 1]);
  });

  it.each(['Forbidden', 'Invalid'] as const)(
    'and whose report is refused (%s) delays no record of the answer',
    async (reason) => {
      const world = await createWorld();
      const { apply, clock, cluster, events } = world;
      answersAfter(world, 'CreateMachine', 1.5 * second);
      const { admission } = cluster;
      cluster.admission = (write, object) => (write === 'status web' ? reason : admission(write, object));
      apply('web');
      await clock.advance(1.4 * second);
      cluster.admission = admission;
      await clock.advance(0.2 * second);
      expect(cluster.machine('web')?.status?.id).toBe(1);
      expect(events('web').filter((event) => event.startsWith('WriteRefused'))).toEqual([]);
    },
  );
});
