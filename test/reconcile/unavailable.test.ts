import { describe, expect, it, vi } from 'vitest';
import type { Failure } from '../../src/domain/failure.ts';
import { usual } from '../support/usual-settings.ts';
import { createWorld, type World } from './world/world.ts';

// Hours of many lives take some seconds; on a busy machine that is many.
vi.setConfig({ testTimeout: 120_000 });

const minute = 60_000;
const hour = 60 * minute;
const down: Omit<Failure, 'operation' | 'text'> = { class: 'Retry', code: 'ConnectFailed' };
/** So many that the rate limit, and not the burst, decides how long they take. */
const names = Array.from({ length: 200 }, (_, index) => `web-${index}`);

/** Many VMs that run. */
async function runFleet(): Promise<World> {
  const world = await createWorld();
  for (const name of names) world.apply(name);
  await world.clock.advance(5 * minute);
  expect(names.filter((name) => world.condition(name, 'Ready')?.status !== 'True')).toEqual([]);
  return world;
}

const callsSince = ({ fakeProvider }: World, since: number): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { operation, at } of fakeProvider.calls) if (at >= since) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
};

function goAway({ fakeProvider }: World): void {
  for (const operation of ['ListMachines', 'GetMachine', 'StopMachine', 'StartMachine', 'CreateMachine'] as const)
    fakeProvider.broken.set(operation, down);
}

/** Writes of the objects' own, without events. */
const writesSince = ({ cluster }: World, from: number): readonly string[] =>
  cluster.writes.slice(from).filter((write) => !write.startsWith('create '));

describe('an outage of the provider for an hour, with many objects', () => {
  it('costs a probe a minute, one status write for each object when it begins, and one when it ends', async () => {
    const world = await runFleet();
    const { clock, cluster, condition, fakeProvider } = world;
    const [since, from] = [clock.monotonic(), cluster.writes.length];
    goAway(world);
    await clock.advance(hour);
    // Five lists in a row open the breaker: an idle poll, and every ten seconds then; after 5, 10, 20 and 40 s it is once a minute.
    expect(callsSince(world, since)).toEqual({ ListMachines: 5 + 4 + 57 });
    expect(writesSince(world, from).toSorted()).toEqual(names.map((name) => `status ${name}`).toSorted());
    expect(condition('web-0', 'Synced')?.reason).toBe('ProviderUnavailable');
    expect(condition('web-0', 'Ready')?.status).toBe('True');

    const [back, after] = [clock.monotonic(), cluster.writes.length];
    fakeProvider.broken.clear();
    await clock.advance(2 * minute);
    expect(writesSince(world, after).toSorted()).toEqual(names.map((name) => `status ${name}`).toSorted());
    expect(callsSince(world, back)).toEqual({ ListMachines: 2 });
    expect(names.filter((name) => condition(name, 'Synced')?.status !== 'True')).toEqual([]);
  });

  it('is followed by each requested call once, at the allowed rate', async () => {
    const world = await runFleet();
    const { clock, cluster, condition, fakeProvider } = world;
    goAway(world);
    const since = clock.monotonic();
    for (const name of names) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(1_000);
    // As many requests as may be in flight at once failed; the others were not sent.
    const { StopMachine: met = 0 } = callsSince(world, since);
    expect(met).toBeGreaterThanOrEqual(5);
    expect(met).toBeLessThanOrEqual(5 + usual.maxInFlight);
    const writes = cluster.writes.length;
    await clock.advance(hour);
    expect(callsSince(world, since)['StopMachine']).toBe(met);
    // One status write at most for each object, in the whole hour.
    expect(new Set(writesSince(world, writes)).size).toBe(writesSince(world, writes).length);
    expect(names.filter((name) => condition(name, 'Synced')?.reason !== 'ProviderUnavailable')).toEqual([]);

    const back = clock.monotonic();
    fakeProvider.broken.clear();
    await clock.advance(5 * minute);
    expect(names.filter((name) => cluster.machine(name)?.status?.state !== 'Halted')).toEqual([]);
    expect(callsSince(world, back)['StopMachine']).toBe(names.length);
    const stops = fakeProvider.calls.filter(({ operation, at }) => operation === 'StopMachine' && at >= back);
    for (const [index, { at }] of stops.entries()) {
      const tenLater = stops[index + 30]?.at ?? Infinity;
      expect(tenLater - at).toBeGreaterThanOrEqual(1_000);
    }
  });
});

describe('a provider that answers lists but no calls', () => {
  it('gets five calls, and five more later; objects without a call are not affected', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, condition, fakeProvider } = world;
    for (const name of names.slice(0, 50)) apply(name);
    await clock.advance(minute);
    const from = cluster.writes.length;
    fakeProvider.broken.set('StopMachine', { class: 'UnknownOutcome', code: 'ServerError', status: 500 });
    const since = clock.monotonic();
    for (const name of names.slice(0, 40)) cluster.change(name, { spec: { powerState: 'Halted' } });
    await clock.advance(4_000);
    // A list that the first calls requested succeeds in between, and the count starts again.
    expect(callsSince(world, since)['StopMachine']).toBeLessThanOrEqual(usual.maxInFlight + 5 + usual.maxInFlight);
    expect(condition('web-39', 'Synced')?.reason).toBe('ProviderUnavailable');
    expect(writesSince(world, from)).not.toContain('status web-49');
    fakeProvider.broken.clear();
    await clock.advance(5 * minute);
    expect(names.slice(0, 40).filter((name) => cluster.machine(name)?.status?.state !== 'Halted')).toEqual([]);
    expect(writesSince(world, from)).not.toContain('status web-49');
  });
});

describe('a burst of creates', () => {
  it('delays no kill and no delete, and no create of another namespace', async () => {
    const world = await createWorld();
    const { apply, clock, cluster, fakeProvider } = world;
    apply('hard', { powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } });
    apply('gone', { powerState: 'Halted' });
    await clock.advance(minute);
    for (const name of names) apply(name);
    await clock.advance(5_000);
    const since = clock.monotonic();
    cluster.change('hard', { spec: { powerState: 'Halted' } });
    cluster.remove('virtualmachines', 'gone');
    cluster.put('secrets', {
      metadata: { name: 'vps247-credentials', namespace: 'other', labels: { watched: 'true' } },
      data: { 'api-key': Buffer.from('owner-1').toString('base64') },
    });
    const { spec } = cluster.machine('web-0') ?? {};
    cluster.put('virtualmachines', {
      metadata: { name: 'alone', namespace: 'other' },
      spec,
      status: { observedGeneration: -1 },
    });
    await clock.advance(1_000);
    const calls = callsSince(world, since);
    expect([calls['KillMachine'], calls['DeleteMachine']]).toEqual([1, 1]);
    expect([...fakeProvider.machines.values()].some(({ name }) => name.startsWith('alone-'))).toBe(true);
    expect(fakeProvider.count('CreateMachine')).toBeLessThan(100);
    await clock.advance(3 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(names.length + 3);
  });

  it('takes as long as the rate allows, at one list a second', async () => {
    const world = await createWorld();
    const { apply, clock, condition, fakeProvider } = world;
    const since = clock.monotonic();
    for (const name of names) apply(name);
    await clock.advance(3 * minute);
    expect(names.filter((name) => condition(name, 'Ready')?.status !== 'True')).toEqual([]);
    const creates = fakeProvider.calls.filter(({ operation }) => operation === 'CreateMachine');
    expect(creates).toHaveLength(names.length);
    const seconds = ((creates.at(-1)?.at ?? 0) - since) / 1_000;
    // Twenty at once, then ten a second.
    const floor = (names.length - 20) / 10;
    expect(seconds / floor).toBeLessThanOrEqual(1.15);
    const { ListMachines = 0, GetMachine = 0 } = callsSince(world, since);
    expect(ListMachines).toBeLessThanOrEqual(seconds + 10);
    expect(GetMachine).toBeLessThanOrEqual(30);
  });
});

describe('a key that was rejected', () => {
  it('is used at once when it is put into the Secret again', async () => {
    const world = await createWorld();
    const { apply, clock, condition, fakeProvider, useKeyOf } = world;
    apply('web');
    await clock.advance(minute);
    fakeProvider.broken.set('ListMachines', { class: 'Credentials', code: 'Unauthorized', status: 401 });
    // Half-way between two probes.
    await clock.advance(2.5 * minute);
    expect(condition('web', 'Synced')?.reason).toBe('CredentialsRejected');
    fakeProvider.broken.clear();
    const since = clock.monotonic();
    useKeyOf(1);
    await clock.advance(100);
    expect(condition('web', 'Synced')?.status).toBe('True');
    expect(callsSince(world, since)).toEqual({ ListMachines: 1 });
  });
});

it('the metrics show the call results of each account, under a number without a name', async () => {
  const world = await createWorld(
    { providerRate: 1, providerBurst: 1 },
    { withoutBystanders: 'their accounts are counted too' },
  );
  const { apply, clock, cluster, metricsPage, fakeProvider } = world;
  for (const name of names.slice(0, 5)) apply(name);
  // Half-way between two lists; the one that the urgency begins with has the token.
  await clock.advance(2.5 * minute);
  for (const name of names.slice(0, 5)) cluster.change(name, { spec: { powerState: 'Halted' } });
  await clock.advance(0);
  const busy = await metricsPage();
  expect(busy).toContain('vps247_operator_provider_calls_waiting{account="1",priority="Power"} 5');
  expect(busy).toContain('vps247_operator_provider_calls_in_flight{account="1"} 0');
  expect(busy).toContain('vps247_operator_provider_rate_limit{account="1"} 1\n');
  expect(busy).toContain('vps247_operator_provider_unavailable{account="1"} 0');
  fakeProvider.broken.set('StopMachine', { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 30_000 });
  await clock.advance(3_000);
  const limited = await metricsPage();
  expect(limited).toContain('vps247_operator_provider_rate_limit_paused{account="1"} 1');
  expect(limited).toContain('vps247_operator_provider_rate_limit{account="1"} 0.5');
  goAway(world);
  await clock.advance(10 * minute);
  expect(await metricsPage()).toContain('vps247_operator_provider_unavailable{account="1"} 1');
  expect(await metricsPage()).not.toContain('owner-1');
});
