import { describe, expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const isWritten = (operation: string): boolean => /^(Start|Stop|Kill|Restart|Delete)/.test(operation);

/** One object that was deleted although it is protected. */
async function deleted(spec: Parameters<World['apply']>[1] = {}): Promise<World> {
  const world = await createWorld();
  world.apply('web', { deletionProtection: true, ...spec });
  await world.clock.advance(2 * minute);
  world.cluster.remove('virtualmachines', 'web');
  await world.clock.advance(minute);
  return world;
}

const calls = ({ fakeProvider }: World) => fakeProvider.calls.map(({ operation }) => operation).filter(isWritten);

const writes = ({ cluster }: World) => cluster.writes.filter((write) => write.endsWith(' web')).length;

describe('a protected object that was deleted', () => {
  it('reports once what holds up the deletion, and how to lift it with which effect', async () => {
    const world = await deleted();
    const lift = `kubectl -n default patch vps web --type merge -p '{"spec":{"deletionProtection":false}}'`;
    const message = `spec.deletionProtection blocks the deletion. This deletes the object and its VM with all data: ${lift}`;
    for (const [type, status] of [
      ['Ready', 'False'],
      ['Synced', 'False'],
      ['DeletionBlocked', 'True'],
    ] as const)
      expect(world.condition('web', type)).toMatchObject({ status, reason: 'DeletionProtected', message });
    const before = writes(world);
    await world.clock.advance(60 * minute);
    expect(writes(world)).toBe(before);
    expect(calls(world)).toEqual([]);
  });

  it('has its power changed as the spec says, with two writes for a change, and is deleted when the protection is lifted', async () => {
    const world = await deleted();
    const before = writes(world);
    world.cluster.change('web', { spec: { powerState: 'Halted' } });
    await world.clock.advance(2 * minute);
    expect(calls(world)).toEqual(['StopMachine']);
    expect(world.cluster.machine('web')?.status).toMatchObject({
      state: 'Halted',
      internal: { lastSyncedPowerState: 'Halted' },
    });
    expect(world.condition('web', 'Ready')).toMatchObject({ status: 'False', reason: 'DeletionProtected' });
    expect(writes(world) - before).toBe(2);
    world.cluster.change('web', { spec: { powerState: 'Running' } });
    await world.clock.advance(2 * minute);
    expect(calls(world)).toEqual(['StopMachine', 'StartMachine']);
    expect(world.cluster.machine('web')?.status).toMatchObject({
      state: 'Running',
      internal: { lastSyncedPowerState: 'Running' },
    });
    world.cluster.change('web', { spec: { deletionProtection: false } });
    await world.clock.advance(5 * minute);
    expect(calls(world)).toEqual(['StopMachine', 'StartMachine', 'StopMachine', 'DeleteMachine']);
    expect([world.cluster.machine('web'), world.fakeProvider.machines.size]).toEqual([undefined, 0]);
  });

  it('is started again after it was halted outside the operator', async () => {
    const world = await deleted();
    world.fakeProvider.set(1, { state: 'Halted' });
    await world.clock.advance(3 * minute);
    expect(calls(world)).toEqual(['StartMachine']);
  });

  it('runs again when it is protected during its deletion', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(2 * minute);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(1_000);
    world.cluster.change('web', { spec: { deletionProtection: true } });
    await world.clock.advance(10 * minute);
    expect(calls(world)).toEqual(['StopMachine', 'StartMachine']);
    expect(world.cluster.machine('web')?.status).toMatchObject({
      state: 'Running',
      internal: { lastSyncedPowerState: 'Running' },
    });
  });

  it('is not powered off without a record, unlike a VM that is being deleted', async () => {
    const world = await deleted({ powerOff: { mode: 'Hard', gracePeriodSeconds: 1 } });
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Forbidden' : object);
    world.cluster.change('web', { spec: { powerState: 'Halted' } });
    await world.clock.advance(10 * minute);
    expect(calls(world)).toEqual([]);
    world.cluster.change('web', { spec: { deletionProtection: false } });
    await world.clock.advance(10 * minute);
    expect(calls(world)).toEqual(['KillMachine', 'DeleteMachine']);
  });

  it('is powered with the key that was accepted last when its Secret is deleted too', async () => {
    const world = await deleted();
    world.cluster.remove('secrets', 'vps247-credentials');
    world.cluster.change('web', { spec: { powerState: 'Halted' } });
    await world.clock.advance(2 * minute);
    expect(calls(world)).toEqual(['StopMachine']);
    expect(world.condition('web', 'DeletionBlocked')).toMatchObject({ reason: 'DeletionProtected' });
  });

  it('is left halting by Retain during its shutdown, which an event reports', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(2 * minute);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(1_000);
    world.cluster.change('web', { spec: { deletionProtection: true } });
    await world.clock.advance(1_000);
    expect(world.condition('web', 'Ready')?.message).toMatch(/is halting/);
    world.cluster.change('web', { spec: { deletionPolicy: 'Retain' } });
    await world.clock.advance(10 * minute);
    expect([world.cluster.machine('web'), calls(world)]).toEqual([undefined, ['StopMachine']]);
    expect(world.events('web').filter((event) => event.includes('VM 1 stays as it is, halting'))).toHaveLength(1);
  });
});
