import { describe, expect, it, test } from 'vitest';
import type { Machine } from '../../src/domain/machine.ts';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;

/** This many VMs that run: that of web-0 has id 1, and so on. */
async function createFleet(size: number): Promise<World> {
  const world = await createWorld();
  for (let index = 0; index < size; index += 1) {
    world.apply(`web-${index}`);
    await world.clock.advance(second);
  }
  await world.clock.advance(2 * minute);
  expect(world.fakeProvider.machines.size).toBe(size);
  return world;
}

const isMinute = (seconds: number): boolean => seconds >= 59 && seconds <= 70;

const isHidden =
  (hidden: number) =>
  ({ id }: Machine): boolean =>
    id > hidden;

/** The provider hides the first VMs in lists, by their ids, or both. */
function hide({ fakeProvider }: World, hidden: number, where: 'lists' | 'ids' | 'both' = 'both'): void {
  if (where !== 'ids') fakeProvider.listed = isHidden(hidden);
  if (where !== 'lists') fakeProvider.answering = isHidden(hidden);
}

function show({ fakeProvider }: World): void {
  fakeProvider.listed = () => true;
  fakeProvider.answering = () => true;
}

/** No object ever had a second VM, and all are as they were. */
async function expectUntouched(world: World, size: number): Promise<void> {
  await world.clock.advance(2 * minute);
  expect([...world.fakeProvider.made.values()]).toEqual(Array(size).fill(1));
  expect(world.fakeProvider.count('DeleteMachine')).toBe(0);
  for (let index = 0; index < size; index += 1)
    expect(world.condition(`web-${index}`, 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
}

describe('a provider that denies VMs for less than five minutes', () => {
  test.each([1, 2, 3])('one empty list and one 404, account of %i', async (size) => {
    const world = await createFleet(size);
    const lists = world.fakeProvider.count('ListMachines');
    hide(world, size);
    while (world.fakeProvider.count('ListMachines') === lists) await world.clock.advance(second);
    await world.clock.advance(100);
    show(world);
    await expectUntouched(world, size);
  });

  test.each([
    { lasts: 2.5 * second, for: '2.5 s' },
    { lasts: 62.5 * second, for: 'the time of one list' },
    { lasts: 299 * second, for: '4 min 59 s' },
  ])('three of ten, for $for', async ({ lasts }) => {
    const world = await createFleet(10);
    hide(world, 3);
    await world.clock.advance(lasts);
    show(world);
    await expectUntouched(world, 10);
  });

  test.each([
    { where: 'lists', what: 'lists lack it while GET shows it, for an hour' },
    { where: 'ids', what: 'GET returns 404 while lists show it, for an hour' },
  ] as const)('$what', async ({ where }) => {
    const world = await createFleet(3);
    hide(world, 2, where);
    await world.clock.advance(60 * minute);
    show(world);
    await expectUntouched(world, 3);
  });

  test('again and again, each time until one list shows it', async () => {
    const world = await createFleet(3);
    for (let round = 0; round < 5; round += 1) {
      hide(world, 2);
      await world.clock.advance(4 * minute);
      show(world);
      const lists = world.fakeProvider.count('ListMachines');
      while (world.fakeProvider.count('ListMachines') === lists) await world.clock.advance(second);
      await world.clock.advance(20);
    }
    await expectUntouched(world, 3);
  });

  test('a read by id shows it once in between', async () => {
    const world = await createFleet(3);
    hide(world, 2);
    await world.clock.advance(4 * minute);
    world.fakeProvider.answering = () => true;
    await world.clock.advance(2 * minute);
    hide(world, 2);
    await world.clock.advance(4 * minute);
    show(world);
    await expectUntouched(world, 3);
  });

  test('and a process that restarts: its five minutes begin again', async () => {
    const world = await createFleet(3);
    hide(world, 2);
    await world.clock.advance(4 * minute);
    await world.restart();
    await world.clock.advance(4 * minute);
    show(world);
    await expectUntouched(world, 3);
  });

  test('while the record of the VM belongs to a restored object that may adopt it', async () => {
    const world = await createFleet(1);
    const { fakeProvider, cluster, clock } = world;
    const stray = fakeProvider.add('legacy');
    const identity = JSON.stringify({ id: stray.id, uid: 'of another object', name: 'legacy' });
    hide(world, stray.id, 'both');
    cluster.put('virtualmachines', {
      metadata: { name: 'restored', annotations: { 'vps247.com/machine': identity } },
      spec: { ...cluster.machine('web-0')?.spec, providerName: 'legacy', adoption: { policy: 'IfExists' } },
      status: { observedGeneration: -1 },
    });
    await clock.advance(4 * minute);
    show(world);
    await clock.advance(2 * minute);
    expect([fakeProvider.made.get('legacy'), cluster.machine('restored')?.status?.id]).toEqual([1, stray.id]);
  });
});

describe('a deleted VM', () => {
  it('is recreated once after five minutes, which the object reports, with few reads', async () => {
    const { cluster, fakeProvider, clock, condition } = await createFleet(3);
    const [since, startedAt] = [clock.monotonic(), clock.now()];
    fakeProvider.machines.delete(1);
    await clock.advance(2 * minute);
    const message = condition('web-0', 'Synced')?.message ?? '';
    expect(condition('web-0', 'Synced')).toMatchObject({ status: 'False', reason: 'RecreationDelayed' });
    expect(condition('web-0', 'Ready')?.status).toBe('False');
    // While the status shows a state, the API server refuses another region, package or template.
    expect(cluster.machine('web-0')?.status).not.toHaveProperty('state');
    const notBefore = Date.parse(/not before (\S+)$/.exec(message)?.[1] ?? '');
    expect(notBefore - startedAt).toBeGreaterThanOrEqual(5 * minute);
    while (clock.now() < notBefore) {
      expect(fakeProvider.count('CreateMachine')).toBe(3);
      await clock.advance(second);
    }
    await clock.advance(minute);
    expect([fakeProvider.count('CreateMachine'), fakeProvider.machines.size]).toEqual([4, 3]);
    expect(fakeProvider.count('GetMachine', since)).toBeLessThanOrEqual(8);
    await clock.advance(minute);
    expect(condition('web-0', 'Ready')?.reason).toBe('Available');
  });

  it('is recreated at most once a minute in one account', async () => {
    const { fakeProvider, clock, condition } = await createFleet(10);
    const since = clock.monotonic();
    fakeProvider.machines.clear();
    await clock.advance(5 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(10);
    const counts: number[] = [];
    for (let at = 0; at < 13; at += 1) {
      await clock.advance(minute);
      counts.push(fakeProvider.count('CreateMachine') - 10);
    }
    for (const [index, count] of counts.entries()) expect(count - (counts[index - 1] ?? 0)).toBeLessThanOrEqual(2);
    expect([counts[4] ?? 0, counts.at(-1)]).toEqual([expect.toSatisfy((count: number) => count <= 6), 10]);
    expect(fakeProvider.machines.size).toBe(10);
    expect(condition('web-9', 'Ready')?.status).toBe('True');
    // Neither the five minutes nor the wait for a slot causes polling.
    expect(fakeProvider.count('GetMachine', since)).toBeLessThan(60);
  });

  it('is recreated at most once a minute after a rate-limit pause in which several came due', async () => {
    const { fakeProvider, clock, cluster } = await createFleet(5);
    for (const id of [1, 2, 3, 4]) fakeProvider.machines.delete(id);
    fakeProvider.accidents.set('StopMachine', [
      { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 5 * minute },
    ]);
    const times: number[] = [];
    for (let at = 0; at < 20 * 60 && times.length < 4; at += 1) {
      await clock.advance(second);
      for (let made = fakeProvider.machines.size - 1 - times.length; made > 0; made -= 1) times.push(at);
      if (times.length === 1) cluster.change('web-4', { spec: { powerState: 'Halted' } });
    }
    const [pause, ...gaps] = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(pause).toBeGreaterThanOrEqual(300);
    expect(gaps).toEqual([expect.toSatisfy(isMinute), expect.toSatisfy(isMinute)]);
  });

  it('is recreated at most once a minute although the provider refused the first requests', async () => {
    const { fakeProvider, clock } = await createFleet(5);
    for (const id of [1, 2, 3, 4]) fakeProvider.machines.delete(id);
    fakeProvider.accidents.set('CreateMachine', [
      { class: 'Wait', code: 'RateLimited', status: 429, retryAfter: 90 * second },
      { class: 'Retry', code: 'ServerError', status: 503 },
    ]);
    await clock.advance(30 * minute);
    const times = fakeProvider.calls.filter(({ operation }) => operation === 'CreateMachine').map(({ at }) => at);
    const recreations = times.slice(-6);
    expect(recreations.slice(1).every((at, index) => at - (recreations[index] ?? 0) >= minute)).toBe(true);
    expect(fakeProvider.machines.size).toBe(5);
  });

  it('is recreated at most once a minute although the answers to all requests are lost', async () => {
    const { fakeProvider, clock } = await createFleet(6);
    for (const id of [1, 2, 3, 4, 5]) fakeProvider.machines.delete(id);
    fakeProvider.broken.set('CreateMachine', { class: 'UnknownOutcome', code: 'Timeout' });
    const since = clock.monotonic();
    await clock.advance(60 * minute);
    const calls = fakeProvider.calls.filter(({ operation, at }) => operation === 'CreateMachine' && at >= since);
    const times = calls.map(({ at }) => at);
    expect(times.length).toBeGreaterThan(12);
    expect(Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))).toBeGreaterThanOrEqual(minute);
  });

  it.each([
    { what: 'are deleted', free: ({ cluster }: World, name: string) => cluster.remove('virtualmachines', name) },
    {
      what: 'only report the deletion from now on',
      free: ({ cluster }: World, name: string) => cluster.change(name, { spec: { onExternalDelete: 'Report' } }),
    },
  ])('is recreated earlier when the objects before it $what', async ({ free }) => {
    const world = await createFleet(60);
    const { fakeProvider, clock, condition } = world;
    fakeProvider.machines.clear();
    await clock.advance(9 * minute);
    const waiting = Array.from({ length: 60 }, (_, index) => `web-${index}`).filter(
      (name) => condition(name, 'Ready')?.reason === 'RecreationDelayed',
    );
    expect(waiting.length).toBeGreaterThan(40);
    const dueAt = (name: string): string => /at (\S+)$/.exec(condition(name, 'Ready')?.message ?? '')?.[1] ?? '';
    const last = waiting.toSorted((x, y) => dueAt(x).localeCompare(dueAt(y))).at(-1) ?? '';
    for (const name of waiting) if (name !== last) free(world, name);
    await clock.advance(15 * minute);
    expect(condition(last, 'Ready')?.reason).toBe('Available');
  });

  it('is recreated a minute after the one before, although writes of others came before each intent', async () => {
    const { fakeProvider, clock, cluster } = await createFleet(10);
    fakeProvider.machines.clear();
    for (let index = 0; index < 10; index += 1)
      cluster.failures.push({ write: `patch web-${index}`, reason: 'Conflict' });
    await clock.advance(5 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(10);
    await clock.advance(12 * minute);
    expect(cluster.failures).toEqual([]);
    expect(fakeProvider.machines.size).toBe(10);
  });

  it.each([
    { what: 'are only planned', change: { spec: { managementPolicy: 'Plan' } }, reason: 'PlanOnly' },
    { what: 'are paused', change: { metadata: { annotations: { 'vps247.com/paused': 'true' } } }, reason: 'Paused' },
    {
      what: 'wait for a correction of the spec',
      change: { spec: { region: { id: 2, name: null } } },
      reason: 'ExternallyDeleted',
    },
  ])('is recreated without a delay by other objects that $what', async ({ change, reason }) => {
    const world = await createFleet(5);
    const { fakeProvider, clock, cluster, condition } = world;
    for (let id = 1; id < 6; id += 1) fakeProvider.set(id, { region: { id: 1 } });
    await clock.advance(2 * minute);
    for (const index of [0, 1, 2, 3]) cluster.change(`web-${index}`, change);
    await clock.advance(minute);
    fakeProvider.machines.clear();
    await clock.advance(6.5 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(6);
    expect(condition('web-4', 'Ready')?.reason).toBe('Available');
    for (const index of [0, 1, 2, 3]) expect(condition(`web-${index}`, 'Ready')?.reason).toBe(reason);
  });

  it('is not recreated if a list shows it again, under any name, while the create request waits for its slot', async () => {
    const world = await createWorld({ providerRate: 1, providerBurst: 1 });
    const { apply, clock, condition, fakeProvider } = world;
    apply('web');
    await clock.advance(2 * minute);
    const machine = [...fakeProvider.machines.values()][0] ?? expect.fail('no VM');
    fakeProvider.machines.clear();
    await clock.advance(2 * minute);
    const notBefore = /not before (\S+)$/.exec(condition('web', 'Synced')?.message ?? '')?.[1] ?? '';
    await clock.advance(Date.parse(notBefore) - clock.now() - second);
    // Their requests take more than a minute.
    for (let index = 0; index < 90; index += 1) apply(`other-${index}`);
    await clock.advance(20 * second);
    expect(fakeProvider.made.get(machine.name)).toBe(1);
    fakeProvider.machines.set(machine.id, { ...machine, name: 'renamed' });
    await clock.advance(5 * minute);
    expect([fakeProvider.made.size, fakeProvider.made.get(machine.name)]).toEqual([91, 1]);
  });

  it('is reported with the earliest time of the recreation', async () => {
    const { fakeProvider, clock, condition } = await createFleet(3);
    fakeProvider.machines.clear();
    await clock.advance(6.5 * minute);
    const waiting = ['web-0', 'web-1', 'web-2'].map((name) => condition(name, 'Synced'));
    expect(waiting.filter((one) => one?.reason === 'RecreationDelayed')).not.toEqual([]);
    for (const one of waiting.filter((some) => some?.reason === 'RecreationDelayed'))
      expect(one?.message).toMatch(/recreated one by one, this one at \d{4}-/);
  });

  it('does not hold up the deletion of its object: one list without it releases the finalizer', async () => {
    const { fakeProvider, clock, cluster } = await createFleet(3);
    fakeProvider.machines.delete(1);
    await clock.advance(2 * minute);
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(second);
    expect(cluster.machine('web-0')).toBeUndefined();
    expect(fakeProvider.count('CreateMachine')).toBe(3);
  });

  it('is reported by onExternalDelete: Report with what was observed, and managed again when it reappears', async () => {
    const world = await createWorld();
    const { fakeProvider, clock, condition, apply } = world;
    apply('web', { onExternalDelete: 'Report' });
    fakeProvider.add('other');
    await clock.advance(minute);
    hide(world, Math.max(...fakeProvider.machines.keys()));
    fakeProvider.listed = ({ name }) => name === 'other';
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({
      reason: 'ExternallyDeleted',
      message: expect.stringContaining('not in the list and GET returns 404'),
    });
    show(world);
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});

/** Two VMs that run, and the old one of web-0, which reappeared after its recreation. */
async function createTwins() {
  const world = await createFleet(2);
  const { fakeProvider, clock } = world;
  const old = fakeProvider.machines.get(1);
  fakeProvider.machines.delete(1);
  await clock.advance(8 * minute);
  expect(fakeProvider.machines.size).toBe(2);
  if (old !== undefined) fakeProvider.machines.set(1, old);
  await clock.advance(2 * minute);
  return world;
}

describe('a VM that reappears after it was recreated', () => {
  it('is reported with both ids; the object continues with the new one, and nothing is stopped or deleted', async () => {
    const { fakeProvider, clock, cluster, condition } = await createTwins();
    const id = cluster.machine('web-0')?.status?.id;
    expect(id).toBe(3);
    expect(condition('web-0', 'Synced')).toMatchObject({
      status: 'False',
      reason: 'DuplicateMachine',
      message: expect.stringMatching(/VM 1 .* VM 3/),
    });
    expect(condition('web-0', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    cluster.change('web-0', { spec: { powerState: 'Halted' } });
    await clock.advance(2 * minute);
    expect([fakeProvider.machines.get(3)?.state, fakeProvider.machines.get(1)?.state]).toEqual(['Halted', 'Running']);
    expect(fakeProvider.count('DeleteMachine')).toBe(0);
    fakeProvider.machines.delete(1);
    await clock.advance(2 * minute);
    expect(condition('web-0', 'Synced')?.status).toBe('True');
  });

  it('holds up the deletion of the object, which reports both, until one of them is left', async () => {
    const { fakeProvider, clock, cluster, condition } = await createTwins();
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(5 * minute);
    expect(condition('web-0', 'DeletionBlocked')).toMatchObject({
      status: 'True',
      reason: 'DuplicateMachine',
      message: expect.stringMatching(/VM 3 .*VM 1 .*kubectl -n default patch vps web-0 .*Retain/),
    });
    expect([fakeProvider.count('DeleteMachine'), fakeProvider.count('StopMachine')]).toEqual([0, 0]);
    fakeProvider.machines.delete(1);
    await clock.advance(3 * minute);
    expect([cluster.machine('web-0'), fakeProvider.machines.has(3)]).toEqual([undefined, false]);
  });

  it('stays like the new one when the object is deleted with Retain', async () => {
    const { fakeProvider, clock, cluster } = await createTwins();
    cluster.remove('virtualmachines', 'web-0');
    cluster.change('web-0', { spec: { deletionPolicy: 'Retain' } });
    await clock.advance(minute);
    expect([cluster.machine('web-0'), fakeProvider.machines.has(1), fakeProvider.machines.has(3)]).toEqual([
      undefined,
      true,
      true,
    ]);
  });
});

describe('the status of a VM that the list lacks', () => {
  it.each(['Recreate', 'Report'] as const)(
    'shows neither its last state nor an address, with %s',
    async (onExternalDelete) => {
      const world = await createWorld();
      world.apply('web', { onExternalDelete });
      await world.clock.advance(2 * minute);
      world.fakeProvider.set(1, { addresses: [{ version: 4, address: '192.0.2.1' }] });
      await world.clock.advance(2 * minute);
      expect(world.cluster.machine('web')?.status).toMatchObject({
        state: 'Running',
        addresses: [{ address: '192.0.2.1' }],
      });
      const lists = world.fakeProvider.count('ListMachines');
      hide(world, 1);
      while (world.fakeProvider.count('ListMachines') === lists) await world.clock.advance(second);
      await world.clock.advance(10 * second);
      expect(world.cluster.machine('web')?.status).not.toHaveProperty('state');
      expect(world.cluster.machine('web')?.status).not.toHaveProperty('addresses');
      expect(world.condition('web', 'AsSpecified')).toMatchObject({ status: 'Unknown', reason: 'NotCompared' });
      show(world);
      await world.clock.advance(2 * minute);
      expect(world.cluster.machine('web')?.status).toMatchObject({
        state: 'Running',
        addresses: [{ address: '192.0.2.1' }],
      });
      expect(world.fakeProvider.made.size).toBe(1);
    },
  );
});
