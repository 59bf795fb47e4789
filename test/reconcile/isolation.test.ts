import { describe, expect, it } from 'vitest';
import type { Operation } from '../../src/domain/failure.ts';
import { createTenantWorld } from './world/tenants.ts';
import { createWorld, type World } from './world/world.ts';

/** Many more than there are workers and calls at a time. */
const many = Array.from({ length: 200 }, (_, index) => `web-${index}`);

/** Puts the key of owner 2 into a separate Secret, and applies an object that uses it. */
async function applyOther({ apply, clock, cluster }: World): Promise<void> {
  const data = { 'api-key': Buffer.from('owner-2').toString('base64') };
  cluster.put('secrets', { metadata: { name: 'other' }, data });
  apply('other', { credentialsSecretRef: { name: 'other', key: 'api-key' } });
  await clock.advance(10_000);
}

describe('an account that does not answer', () => {
  it.each<{ because: string; operation: Operation; act: (world: World) => void; after?: number }>([
    {
      because: 'creates hang',
      operation: 'CreateMachine',
      act: ({ apply }) => {
        for (const name of many) apply(name);
      },
    },
    {
      because: 'stops hang',
      operation: 'StopMachine',
      act: ({ cluster }) => {
        for (const name of many) cluster.change(name, { spec: { powerState: 'Halted' } });
      },
    },
    {
      because: 'look-ups of machines that are gone hang',
      operation: 'GetMachine',
      act: ({ cluster, fakeProvider }) => {
        for (const { id, ownerId } of fakeProvider.machines.values())
          if (ownerId === 1) fakeProvider.machines.delete(id);
        for (const name of many) cluster.remove('virtualmachines', name);
      },
    },
    {
      because: 'the catalog hangs',
      operation: 'ListRegions',
      act: ({ apply }) => {
        for (const name of many) apply(`${name}-more`);
      },
      // For so long a catalog is kept.
      after: 600_000,
    },
  ])('does not slow down other accounts: $because', async ({ operation, act, after = 0 }) => {
    // Without a rate limit, all requests are sent by the time of this check.
    const world = await createWorld({ providerRate: 0 });
    const { apply, clock, cluster, condition, fakeProvider } = world;
    if (operation !== 'CreateMachine') {
      for (const name of many) apply(name);
      await clock.advance(60_000);
    }
    await applyOther(world);
    expect(condition('other', 'Ready')?.status).toBe('True');
    fakeProvider.holds = (called, ownerId) =>
      called === operation && ownerId === 1 ? new Promise(() => {}) : undefined;
    await clock.advance(after);
    act(world);
    await clock.advance(10_000);
    const before = fakeProvider.count(operation);
    expect(before).toBeGreaterThan(0);
    const since = clock.monotonic();
    cluster.change('other', { spec: { powerState: 'Halted' } });
    await clock.advance(0);
    expect(fakeProvider.count('StopMachine', since)).toBe(1);
    await clock.advance(5_000);
    expect(condition('other', 'Ready')?.status).toBe('True');
    expect(cluster.machine('other')?.status?.state).toBe('Halted');
  });
});

describe('an API server that is slow to store statuses', () => {
  it('delays no call: all VMs are stopped before the first status is written, a few statuses at a time', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ providerRate: 0 });
    for (const name of many) apply(name);
    await clock.advance(60_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    const [since, before] = [clock.monotonic(), cluster.writes.length];
    cluster.holds = (write) => (write.startsWith('status ') ? promise : undefined);
    for (const name of many) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(500);
    expect(fakeProvider.count('StopMachine', since)).toBe(many.length);
    const underWay = cluster.writes.slice(before).filter((write) => write.startsWith('status '));
    expect(underWay).toHaveLength(16);

    cluster.holds = () => undefined;
    resolve();
    await clock.advance(60_000);
    expect(fakeProvider.count('StopMachine', since)).toBe(many.length);
    for (const name of many)
      expect(condition(name, 'Ready'), name).toMatchObject({ status: 'True', observedGeneration: 2 });
  });

  it('is waited for at shutdown: every call that was sent is recorded', async () => {
    const { apply, clock, cluster, stop, fakeProvider } = await createWorld({ providerRate: 0 });
    for (const name of many) apply(name);
    await clock.advance(60_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    cluster.holds = (write) => (write.startsWith('status ') ? promise : undefined);
    for (const name of many) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(500);
    const called = fakeProvider.count('StopMachine');
    let hasStopped = false;
    const stopped = stop().then(() => (hasStopped = true));
    await clock.advance(1_000);
    expect(hasStopped).toBe(false);
    resolve();
    await clock.advance(1_000);
    await stopped;
    const recorded = many.filter((name) => cluster.machine(name)?.status?.operation?.type === 'Stop');
    expect(recorded).toHaveLength(called);
  });
});

/** Stops that hang in all four slots, and one more object whose stop or kill waits for a slot. */
async function waitInLine(mode: 'TrySoft' | 'Hard' = 'TrySoft') {
  const world = await createWorld({ maxInFlight: 4 });
  const { apply, clock, cluster, fakeProvider } = world;
  for (const name of many.slice(0, 4)) apply(name);
  apply('web-4', { powerOff: { mode, gracePeriodSeconds: 60 } });
  await clock.advance(60_000);
  const { promise, resolve } = Promise.withResolvers<void>();
  let held = 0;
  fakeProvider.holds = (operation) => (operation === 'StopMachine' && (held += 1) <= 4 ? promise : undefined);
  for (const name of many.slice(0, 5)) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(1_000);
  expect(fakeProvider.count('StopMachine')).toBe(4);
  return { ...world, release: resolve };
}

describe('a call that waits long for its slot', () => {
  it('is not sent when the object changed meanwhile', async () => {
    const { clock, cluster, fakeProvider, release } = await waitInLine();
    cluster.change('web-4', { spec: { powerState: 'Running' } });
    release();
    await clock.advance(60_000);
    expect(fakeProvider.count('StopMachine')).toBe(4);
    expect(cluster.machine('web-4')?.status?.state).toBe('Running');
  });

  it('is not sent when a list shows the VM in another state meanwhile', async () => {
    const { clock, cluster, fakeProvider, release } = await waitInLine();
    fakeProvider.set(5, { state: 'Halted' });
    await clock.advance(60_000);
    release();
    await clock.advance(60_000);
    expect(fakeProvider.count('StopMachine')).toBe(4);
    expect(cluster.machine('web-4')?.status?.state).toBe('Halted');
  });

  it('is dropped at once when another call is needed, which gets a separate slot', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ providerRate: 1, providerBurst: 1 });
    const names = many.slice(0, 30);
    for (const name of names) apply(name);
    await clock.advance(120_000);
    expect(names.filter((name) => condition(name, 'Ready')?.status !== 'True')).toEqual([]);
    for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(2_000);
    cluster.change('web-29', { spec: { powerOff: { mode: 'Hard' } } });
    await clock.advance(3_000);
    expect(fakeProvider.count('KillMachine')).toBe(1);
    expect(fakeProvider.count('StopMachine')).toBeLessThan(6);
    await clock.advance(120_000);
    expect([fakeProvider.count('KillMachine'), fakeProvider.count('StopMachine')]).toEqual([1, 29]);
  });

  it('is sent when nothing changed', async () => {
    const { clock, cluster, fakeProvider, release } = await waitInLine();
    release();
    await clock.advance(60_000);
    expect(fakeProvider.count('StopMachine')).toBe(5);
    expect(cluster.machine('web-4')?.status?.state).toBe('Halted');
  });

  it('leaves no record of a power cut that never got a slot', async () => {
    const { clock, cluster, fakeProvider, release } = await waitInLine('Hard');
    fakeProvider.accidents.set('StopMachine', [
      { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 60_000 },
    ]);
    release();
    await clock.advance(1_000);
    expect(cluster.machine('web-4')?.status?.operation).toBeUndefined();
    await clock.advance(120_000);
    expect(fakeProvider.count('KillMachine')).toBe(1);
    expect(cluster.machine('web-4')?.status?.state).toBe('Halted');
  });
});

describe('the rate limit for deletes', () => {
  it('is shared round-robin by namespace: the only delete of one namespace is the first of the next minute', async () => {
    const world = await createTenantWorld({ maxDeletesPerMinute: 1 });
    const { clock, fakeProvider } = world;
    const [crowd, one] = [world.tenant('crowd', { ownerId: 1 }), world.tenant('one', { ownerId: 2 })];
    const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);
    for (const name of names) crowd.apply(name, { powerState: 'Halted' });
    one.apply('db', { powerState: 'Halted' });
    await clock.advance(5 * 60_000);
    for (const name of names) crowd.delete(name);
    await clock.advance(5_000);
    one.delete('db');
    await clock.advance(70_000);
    expect(fakeProvider.count('DeleteMachine')).toBe(2);
    expect(one.object('db')).toBeUndefined();
  });
});
