import { describe, expect, it } from 'vitest';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import type { Operation } from '../../src/domain/failure.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } } as const;
const paused = { metadata: { annotations: { [annotations.paused]: 'true' } } };
const unpaused = { metadata: { annotations: { [annotations.paused]: null } } };

/**
 * Changes the object once, directly before the API server handles this write, so that the operator's cache can't have the
 * change.
 */
function changeBefore({ cluster }: World, write: string, body: Readonly<Record<string, unknown>>): void {
  let isChanged = false;
  cluster.holds = (sent) => {
    if (sent === write && !isChanged) {
      isChanged = true;
      cluster.change('web', body);
    }
    return undefined;
  };
}

interface Row {
  readonly operation: Operation;
  /** The write that records the intent. */
  readonly write: string;
  readonly begin: (world: World) => void;
  /** Whether the intent is recorded. */
  readonly recorded: (object: VirtualMachine) => boolean;
}

const applied = (world: World): void => world.apply('web');
const operationOf = ({ status }: VirtualMachine): boolean => status?.operation !== undefined;
const isSaidToGo = ({ status }: VirtualMachine): boolean =>
  status?.conditions?.some(({ reason }) => reason === 'Deleting') === true;

const rows: readonly Row[] = [
  {
    operation: 'CreateMachine',
    write: 'patch web',
    begin: applied,
    recorded: ({ metadata }) => metadata.annotations?.[annotations.createPending] !== undefined,
  },
  {
    operation: 'RestartMachine',
    write: 'status web',
    begin: ({ cluster }) => cluster.change('web', { spec: { restartRequest: 'now' } }),
    recorded: operationOf,
  },
  {
    operation: 'KillMachine',
    write: 'status web',
    begin: ({ cluster }) => cluster.change('web', { spec: hard }),
    recorded: operationOf,
  },
  {
    operation: 'DeleteMachine',
    write: 'status web',
    begin: ({ cluster, fakeProvider }) => {
      fakeProvider.set(1, { state: 'Halted' });
      cluster.remove('virtualmachines', 'web');
    },
    recorded: isSaidToGo,
  },
];

describe.each(rows)(
  'an object that changes before $operation is on record',
  ({ operation, write, begin, recorded }) => {
    it('is neither recorded nor sent while the change forbids it, and is both once the change is reverted', async () => {
      const world = await createWorld();
      const { clock, cluster, fakeProvider } = world;
      if (begin !== applied) {
        // A DELETE is sent at once to a VM that a list shows halted.
        world.apply('web', operation === 'DeleteMachine' ? { powerState: 'Halted' } : {});
        await clock.advance(minute);
      }
      const { length } = cluster.versions;
      changeBefore(world, write, paused);
      begin(world);
      await clock.advance(minute);
      expect(world.condition('web', 'Synced')?.reason).toBe('Paused');
      expect(fakeProvider.count(operation)).toBe(0);
      expect(cluster.versions.slice(length).some(recorded)).toBe(false);
      cluster.change('web', unpaused);
      await clock.advance(5 * minute);
      expect(fakeProvider.count(operation)).toBe(1);
    });
  },
);

it('an adoption that the user withdraws before it is stored is not recorded, and the VM stays unmanaged', async () => {
  const world = await createWorld();
  const { clock, cluster, fakeProvider } = world;
  const adoption: VirtualMachineSpec['adoption'] = { policy: 'MustExist', id: fakeProvider.add('legacy').id };
  changeBefore(world, 'patch web', { spec: { adoption: { policy: 'Never', id: null } } });
  world.apply('web', { adoption, providerName: 'legacy' });
  await clock.advance(minute);
  expect(cluster.machine('web')?.status?.origin).toBeUndefined();
  expect(cluster.machine('web')?.metadata.annotations?.[annotations.machine]).toBeUndefined();
  world.apply('other', { adoption });
  await clock.advance(minute);
  expect(cluster.machine('other')?.status).toMatchObject({ id: 1, origin: 'Adopted' });
});

it('a record that an administrator stores during the first reconciliation stays', async () => {
  const world = await createWorld();
  const { apply, clock, cluster, condition, fakeProvider } = world;
  const { id } = fakeProvider.add('legacy');
  let isStored = false;
  cluster.holds = (sent) => {
    const uid = cluster.machine('web')?.metadata.uid;
    if (sent !== 'status web' || isStored || uid === undefined) return undefined;
    isStored = true;
    const internal = { objectUID: uid };
    cluster.change('web', { status: { id, providerName: 'legacy', origin: 'Adopted', ownerId: 1, internal } });
    return undefined;
  };
  apply('web', { managementPolicy: 'Plan' });
  await clock.advance(minute);
  expect([isStored, cluster.machine('web')?.status?.providerName]).toEqual([true, 'legacy']);
  cluster.change('web', { spec: { managementPolicy: 'Manage' } });
  await clock.advance(minute);
  expect([condition('web', 'Ready')?.reason, cluster.machine('web')?.status?.id]).toEqual(['Available', id]);
  expect(fakeProvider.count('CreateMachine')).toBe(0);
});

it.each([
  { because: 'the power state', body: { spec: { powerState: 'Running' } } },
  { because: 'a pause', body: paused },
])('a stop that waits for its slot is not sent once the object changed: $because', async ({ body }) => {
  const { apply, clock, cluster, fakeProvider } = await createWorld({ maxInFlight: 1 });
  for (const name of ['first', 'web']) apply(name);
  await clock.advance(minute);
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  fakeProvider.holds = (operation) => (operation === 'StopMachine' ? answered : undefined);
  cluster.change('first', { spec: { powerState: 'Halted' } });
  await clock.advance(10);
  cluster.change('web', { spec: { powerState: 'Halted' } });
  await clock.advance(1_000);
  cluster.change('web', body);
  await clock.advance(10);
  resolve();
  await clock.advance(minute);
  expect(fakeProvider.count('StopMachine')).toBe(1);
});

function finalizersOf({ cluster }: World): readonly string[] | undefined {
  return cluster.machine('web')?.metadata.finalizers;
}

describe('finalizers of others', () => {
  const others = ['foregroundDeletion', 'backup.example.com/hold'];

  it('stay through create, refusal and deletion, and keep the object when only they are left', async () => {
    const world = await createWorld();
    const { clock, cluster, fakeProvider } = world;
    fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'Unprocessable', status: 422 }]);
    world.apply('web');
    cluster.change('web', { metadata: { finalizers: others } });
    await clock.advance(minute);
    // The refused create is withdrawn, and our finalizer with it.
    expect(finalizersOf(world)).toEqual(others);
    cluster.change('web', { spec: { package: { id: 3 } } });
    await clock.advance(minute);
    expect(world.condition('web', 'Ready')?.status).toBe('True');
    expect(finalizersOf(world)).toEqual([...others, finalizer]);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect(fakeProvider.machines.size).toBe(0);
    expect(finalizersOf(world)).toEqual(others);
  });

  it('stay when a VM is adopted', async () => {
    const world = await createWorld();
    const { id } = world.fakeProvider.add('legacy');
    world.apply('web', { adoption: { policy: 'MustExist', id }, providerName: 'legacy' });
    world.cluster.change('web', { metadata: { finalizers: others } });
    await world.clock.advance(minute);
    expect(world.cluster.machine('web')?.status?.origin).toBe('Adopted');
    expect(finalizersOf(world)).toEqual([...others, finalizer]);
  });
});
