import { describe, expect, it } from 'vitest';
import { createManualClock } from '../support/clock.ts';
import { refuseTakenNames } from './world/taken-names.ts';
import { createWorld } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;
const slow = { providerRate: 1, providerBurst: 1 };
const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `web-${index}`);

describe('a create request that waits for its slot', () => {
  it('under a chosen name is not sent on a list older than five seconds, so it claims no VM of another user', async () => {
    const clock = createManualClock();
    const { apply, cluster, fakeProvider } = await createWorld(slow, {
      clock,
      through: (truth, _, fake) => ({ ...truth, createMachine: refuseTakenNames(truth, fake) }),
    });
    for (const name of names(30)) apply(name, { providerName: `shop-${name}` });
    await clock.advance(8 * second);
    fakeProvider.broken.set('ListMachines', { class: 'Retry', code: 'ProtocolError' });
    await clock.advance(6 * second);
    const taken = new Set([...fakeProvider.machines.values()].map(({ name }) => name));
    const createdAt = new Date(clock.now()).toISOString();
    const others = new Map(
      names(30)
        .filter((name) => !taken.has(`shop-${name}`))
        .map((name) => [name, fakeProvider.add(`shop-${name}`, { createdAt }).id]),
    );
    const since = clock.monotonic();
    await clock.advance(30 * second);
    expect(fakeProvider.count('CreateMachine', since)).toBe(0);
    fakeProvider.broken.clear();
    await clock.advance(5 * minute);
    for (const name of others.keys()) cluster.remove('virtualmachines', name);
    await clock.advance(20 * minute);
    expect(others.size).toBeGreaterThan(10);
    expect([...others.values()].filter((id) => !fakeProvider.machines.has(id))).toEqual([]);
  });

  it('is not sent after the Secret with its key was deleted', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld(slow);
    for (const name of names(40)) apply(name);
    await clock.advance(10 * second);
    cluster.remove('secrets', 'vps247-credentials');
    await clock.advance(2 * second);
    const since = clock.monotonic();
    await clock.advance(minute);
    expect(fakeProvider.count('CreateMachine', since)).toBe(0);
  });

  it('is not sent to the account of a key that was replaced by the key of another account', async () => {
    const { apply, clock, fakeProvider, useKeyOf } = await createWorld(slow);
    for (const name of names(40)) apply(name);
    await clock.advance(10 * second);
    const before = fakeProvider.count('CreateMachine');
    useKeyOf(2);
    await clock.advance(30 * minute);
    const ofFirst = [...fakeProvider.machines.values()].filter(({ ownerId }) => ownerId === 1);
    // Two may have passed the check of their key already.
    expect(ofFirst.length).toBeLessThanOrEqual(before + 2);
  });

  it('of a recreation is sent although the queue is longer than the interval of recreations', async () => {
    const { apply, clock, fakeProvider } = await createWorld({ maxInFlight: 1 });
    for (const name of names(3)) apply(name, { onExternalDelete: 'Recreate' });
    await clock.advance(5 * minute);
    for (const [id, { ownerId }] of fakeProvider.machines) if (ownerId === 1) fakeProvider.machines.delete(id);
    await clock.advance(5 * minute);
    fakeProvider.holds = (operation) =>
      operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(10 * second, resolve)) : undefined;
    for (let index = 0; index < 8; index += 1) apply(`ahead-${index}`);
    for (let index = 0; index < 240; index += 1) {
      apply(`new-${index}`);
      await clock.advance(10 * second);
    }
    const recreated = [...fakeProvider.made].filter(([name, count]) => name.startsWith('web-') && count > 1);
    expect(recreated.length).toBe(3);
  });
});

describe('a power change that waits for its slot', () => {
  it('is not sent after the Secret with its key was deleted', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld(slow);
    for (const name of names(20)) apply(name);
    await clock.advance(5 * minute);
    for (const name of names(20)) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(5 * second);
    expect(fakeProvider.count('StopMachine')).toBeGreaterThan(0);
    cluster.remove('secrets', 'vps247-credentials');
    await clock.advance(2 * second);
    const since = clock.monotonic();
    await clock.advance(minute);
    expect(fakeProvider.count('StopMachine', since)).toBe(0);
  });
});

describe('the report of a request that waits for its slot', () => {
  it('is repeated after a spec change that made the first request unnecessary', async () => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxInFlight: 1 });
    apply('web');
    await clock.advance(2 * minute);
    let hold = 20 * second;
    fakeProvider.holds = (operation) =>
      operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(hold, resolve)) : undefined;
    apply('other');
    await clock.advance(2 * second);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(2 * second);
    cluster.change('web', { spec: { powerState: 'Running' } });
    await clock.advance(2 * minute);
    hold = 9 * minute;
    apply('third');
    await clock.advance(2 * second);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'False', reason: 'Stopping', observedGeneration: 4 });
  });

  it.each([
    {
      when: 'the user requests a reconciliation within its first second',
      change: { metadata: { annotations: { 'vps247.com/reconcile-requested-at': 'a' } } },
      failures: [],
    },
    {
      when: 'the API server did not answer the first time',
      change: {},
      failures: [{ write: 'status web', reason: 'Timeout' }] as const,
    },
  ])('is made although $when', async ({ change, failures }) => {
    const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ maxInFlight: 1 });
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.holds = (operation) =>
      operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(9 * minute, resolve)) : undefined;
    apply('other');
    await clock.advance(2 * second);
    cluster.failures.push(...failures);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(second);
    cluster.change('web', change);
    await clock.advance(minute);
    expect(cluster.failures).toEqual([]);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'False', reason: 'Stopping', observedGeneration: 2 });
  });

  it('replaces that of a rate-limit pause that is over', async () => {
    const { apply, clock, condition, fakeProvider } = await createWorld(slow);
    for (const name of names(60)) apply(name);
    await clock.advance(10 * second);
    fakeProvider.accidents.set('CreateMachine', [
      { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 5_000 },
    ]);
    await clock.advance(40 * second);
    expect(names(60).filter((name) => condition(name, 'Ready')?.reason === 'RateLimited')).toEqual([]);
  });
});

describe('a VM that is busy', () => {
  it('gets its next request after a pause, also when the answer asks for none', async () => {
    const { apply, clock, cluster, fakeProvider } = await createWorld();
    apply('web');
    await clock.advance(2 * minute);
    fakeProvider.broken.set('StopMachine', { class: 'Wait', code: 'Busy', status: 406, retryAfter: 0 });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    const requests = fakeProvider.count('StopMachine');
    expect(requests).toBeGreaterThan(1);
    expect(requests).toBeLessThanOrEqual(12);
  });
});
