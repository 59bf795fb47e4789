import { describe, expect, it } from 'vitest';
import { failed } from '../../src/model/failure.ts';
import { createManualClock } from '../support/clock.ts';
import { MachineRoom } from './world/room.ts';
import { type OperatorWorld, runOperator } from './world/operator.ts';

const minute = 60_000;

interface Scene extends OperatorWorld {
  readonly room: MachineRoom;
}

/** A provider that refuses every create call under a name that a VM has. `inBetween` runs directly before a create call arrives. */
async function createScene(inBetween: (room: MachineRoom, name: string, now: string) => void): Promise<Scene> {
  const clock = createManualClock();
  const room = new MachineRoom(clock);
  room.add('other', { createdAt: '2025-12-31T23:00:00.000Z' });
  const world = await runOperator(clock, 'owner-1', () => {
    const truth = room.connect(1);
    return {
      ...truth,
      createMachine: (request) => {
        inBetween(room, request.name, new Date(clock.now()).toISOString());
        const isTaken = [...room.machines.values()].some(({ name }) => name === request.name);
        const refusal = {
          operation: 'CreateMachine',
          class: 'Terminal',
          code: 'Unprocessable',
          status: 422,
          text: '',
        } as const;
        return isTaken ? Promise.resolve(failed(refusal)) : truth.createMachine(request);
      },
    };
  });
  return { ...world, room };
}

describe('a chosen name that a stranger takes just before the create call', () => {
  it('without the time of creation is not claimed, and deleting the object waits and leaves the VM', async () => {
    const scene = await createScene((room, name) => void room.add(name));
    const { clock, cluster, room } = scene;
    scene.apply('web', { providerName: 'shop' });
    await clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')).toMatchObject({
      reason: 'NameConflict',
      message: expect.stringContaining('lists VM 2 of that name without the time of its creation'),
    });
    cluster.remove('virtualmachines', 'web');
    await clock.advance(10 * minute);
    expect(scene.condition('web', 'Ready')).toMatchObject({
      reason: 'NameConflict',
      message: expect.stringContaining('annotate vps web vps247.com/abandon=true'),
    });
    cluster.change('web', { metadata: { annotations: { 'vps247.com/abandon': 'true' } } });
    await clock.advance(minute);
    expect(cluster.machine('web')).toBeUndefined();
    expect([...room.machines.keys()]).toEqual([1, 2]);
    expect(
      ['StopMachine', 'DeleteMachine'].map(
        (operation) => room.calls.filter((call) => call.operation === operation).length,
      ),
    ).toEqual([0, 0]);
  });

  it('long before, which no list showed, is a conflict, and the object can be deleted', async () => {
    const scene = await createScene((room, name) => void room.add(name, { createdAt: '2025-12-31T22:00:00.000Z' }));
    scene.apply('web', { providerName: 'shop' });
    await scene.clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')?.reason).toBe('NameConflict');
    scene.cluster.remove('virtualmachines', 'web');
    await scene.clock.advance(minute);
    expect(scene.cluster.machine('web')).toBeUndefined();
    expect([...scene.room.machines.keys()]).toEqual([1, 2]);
  });

  it('is noticed by a list that is at most five seconds old, whatever is created and however often it is retried', async () => {
    const scene = await createScene(() => {});
    const { clock, room } = scene;
    const lists = (): number => room.calls.findLast(({ operation }) => operation === 'ListMachines')?.at ?? 0;
    await clock.advance(50_000);
    const before = lists();
    scene.apply('web', { providerName: 'shop' });
    await clock.advance(100);
    expect(lists()).toBeGreaterThan(before);
    expect(room.count('CreateMachine')).toBe(1);
  });
});
