import { describe, expect, test } from 'vitest';
import { expectDone, life, stepOf, take } from './life.ts';
import { bothFinalizers } from '../reconcile/world/cluster.ts';
import { createFaultyWorld, type FaultyWorld, hour, keys, minute } from './world.ts';

/** One of the unmanaged VMs; the object's own VM is the first that is created. */
const unmanaged = 1_001;

/** From now on this VM is shown with these fields, in lists and by itself. */
function show(world: FaultyWorld, id: number, fields: Readonly<Record<string, unknown>>): { remove(): void } {
  return world.emulator.addFault({
    method: 'GET',
    when: 'after',
    times: 'always',
    action: { kind: 'edit', id, fields },
  });
}

function idOf(world: FaultyWorld): number {
  return world.machineOf('web')?.id ?? expect.unreachable();
}

const creates = (world: FaultyWorld): number =>
  world.writes().filter(({ operation }) => operation === 'CreateMachine').length;

const oddFields: readonly (readonly [what: string, fields: Readonly<Record<string, unknown>>])[] = [
  ['no name', { name: null }],
  ['a name of two lines', { name: 'web\nserver' }],
  ['a name that quotes the API key', { name: `web-${keys.ours}` }],
  ['an endless name', { name: 'x'.repeat(10_000) }],
  ['no state', { state: null }],
];

describe('an unmanaged VM that is listed with', () => {
  test.each(oddFields)('%s: affects no object', async (_what, fields) => {
    const world = await createFaultyWorld();
    show(world, unmanaged, fields);
    for (const step of life) {
      await take(world, step);
      expectDone(world, step);
    }
    world.emulator.clearFaults();
    world.judge();
  });

  test('no name: is reported once, without any of its values', async () => {
    const world = await createFaultyWorld();
    show(world, unmanaged, { name: 'web\u001b[31m' });
    world.apply('web');
    await world.clock.advance(hour);
    expect(world.complaints.filter((line) => line.includes('decode'))).toEqual(['Failed to decode VMs of the list']);
  });

  test('no name: delays no create whose first call was refused without an effect', async () => {
    const world = await createFaultyWorld();
    show(world, unmanaged, { name: null });
    world.emulator.addFault({ operation: 'CreateMachine', when: 'before', action: { kind: 'reset' } });
    world.apply('web');
    await world.clock.advance(minute);
    expect(creates(world)).toBe(1);
    await world.restart();
    await world.clock.advance(10 * minute);
    expect([creates(world), world.condition('web', 'Ready')?.status]).toEqual([2, 'True']);
    world.emulator.clearFaults();
    world.judge();
  });
});

describe('the VM of an object that is listed with', () => {
  test.each(oddFields)('%s: is not acted on and does not count as deleted', async (_what, fields) => {
    const world = await createFaultyWorld();
    await take(world, stepOf('CreateMachine'));
    const { seq } = world;
    const odd = show(world, idOf(world), fields);
    await world.clock.advance(minute);
    world.cluster.change('web', { spec: { powerState: 'Halted' } });
    await world.clock.advance(hour);
    expect(world.writes(seq)).toEqual([]);
    expect(world.condition('web', 'Synced')).toMatchObject({ status: 'False', reason: 'ProtocolError' });
    expect(world.condition('web', 'Synced')?.message).toContain(`the provider lists VM ${idOf(world)}, but its `);
    expect(JSON.stringify(world.cluster.versions)).not.toContain(keys.ours);
    odd.remove();
    await world.clock.advance(2 * minute);
    expectDone(world, stepOf('StopMachine'));
    world.judge();
  });

  test.each(oddFields)('%s: keeps its object while that is being deleted', async (_what, fields) => {
    const world = await createFaultyWorld();
    await take(world, stepOf('CreateMachine'));
    const { seq } = world;
    const odd = show(world, idOf(world), fields);
    await world.clock.advance(minute);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(hour);
    expect([world.writes(seq), world.cluster.machine('web')?.metadata.finalizers]).toEqual([[], bothFinalizers]);
    odd.remove();
    await world.clock.advance(5 * minute);
    expectDone(world, stepOf('DeleteMachine'));
    world.judge();
  });

  test('no name: counts as deleted after it is deleted', async () => {
    const world = await createFaultyWorld();
    await take(world, stepOf('CreateMachine'));
    show(world, idOf(world), { name: null });
    await world.clock.advance(minute);
    expect(world.condition('web', 'Synced')?.reason).toBe('ProtocolError');
    world.emulator.panel.delete(idOf(world));
    await world.clock.advance(10 * minute);
    expect(world.condition('web', 'Synced')?.reason).not.toBe('ProtocolError');
  });

  test.each([false, true])(
    'no name, after a create whose answer was lost: is not created again (restart: %s)',
    async (isRestarted) => {
      const world = await createFaultyWorld();
      world.emulator.addFault({ operation: 'CreateMachine', when: 'after', action: { kind: 'reset' } });
      world.apply('web');
      await world.clock.advance(100);
      const odd = show(world, idOf(world), { name: null });
      if (isRestarted) await world.restart();
      await world.clock.advance(hour);
      expect(creates(world)).toBe(1);
      expect(world.condition('web', 'Synced')?.message).toMatch(/^the provider lists VM \d+, but its name is missing/);
      odd.remove();
      await world.clock.advance(2 * minute);
      expectDone(world, stepOf('CreateMachine'));
      world.judge();
    },
  );
});

describe('an unmanaged VM without a readable name, for an object with a chosen name', () => {
  const spec = { providerName: 'db', adoption: { policy: 'IfExists' } } as const;

  test('delays the create for five minutes', async () => {
    const world = await createFaultyWorld();
    show(world, unmanaged, { name: null });
    world.apply('web', spec);
    const since = world.clock.now();
    await world.clock.advance(4 * minute);
    expect([creates(world), world.condition('web', 'Synced')?.reason]).toEqual([0, 'ProtocolError']);
    const [, until = ''] = /or until (\S+)$/.exec(world.condition('web', 'Synced')?.message ?? '') ?? [];
    expect(world.condition('web', 'Synced')?.message).toContain('the provider lists VM 1001, but its name is missing');
    expect(Date.parse(until) - since).toBeLessThanOrEqual(5 * minute);
    await world.clock.advance(3 * minute);
    expect([creates(world), world.condition('web', 'Ready')?.status]).toEqual([1, 'True']);
  });

  test('delays no create if its name has characters that no created VM has', async () => {
    const world = await createFaultyWorld();
    show(world, unmanaged, { name: 'Web 👩\u200d💻' });
    world.apply('web', spec);
    await world.clock.advance(minute);
    expect([creates(world), world.condition('web', 'Ready')?.status]).toEqual([1, 'True']);
  });

  test("is the object's VM if it has that name when it can be read", async () => {
    const world = await createFaultyWorld();
    const id = world.emulator.panel.create({ name: 'db' });
    const odd = show(world, id, { name: null });
    world.apply('web', spec);
    await world.clock.advance(3 * minute);
    odd.remove();
    await world.clock.advance(2 * minute);
    expect([creates(world), world.cluster.machine('web')?.status?.id]).toEqual([0, id]);
  });

  test('delays nothing if its name was read before', async () => {
    const world = await createFaultyWorld();
    world.apply('other');
    await world.clock.advance(minute);
    show(world, unmanaged, { name: null });
    await world.clock.advance(2 * minute);
    world.apply('web', spec);
    await world.clock.advance(minute);
    expect([creates(world), world.condition('web', 'Ready')?.status]).toEqual([2, 'True']);
  });
});
