import { describe, expect, it } from 'vitest';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import type { InMemoryCluster } from './world/cluster.ts';
import type { Stored } from './world/stored.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const patches = ({ cluster }: World) => cluster.writes.filter((write) => write === 'patch web');
const ready = (world: World) => world.condition('web', 'Ready');
const synced = (world: World) => world.condition('web', 'Synced');

function withoutFinalizers(object: Stored): Stored {
  return { ...object, metadata: { ...object.metadata, finalizers: [] } };
}

function withoutAnnotation(object: Stored, name: string): Stored {
  // `as`: annotations are text by name.
  const { [name]: _, ...left } = (object.metadata['annotations'] ?? {}) as Readonly<Record<string, string>>;
  return { ...object, metadata: { ...object.metadata, annotations: left } };
}

/** A policy that calls a status with this field invalid. */
const refusing =
  (field: string): InMemoryCluster['admission'] =>
  (write, object) =>
    write === 'status web' && field in (object['status'] as object) ? 'Invalid' : object;

describe('an admission policy that alters what the operator stores', () => {
  it('removes finalizers: no VM is created, the object reports it, and the write is retried with exponential backoff', async () => {
    const world = await createWorld();
    world.cluster.admission = (_, object) => withoutFinalizers(object);
    world.apply('web');
    await world.clock.advance(60 * minute);
    expect(world.fakeProvider.count('CreateMachine')).toBe(0);
    expect(ready(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    expect(ready(world)?.message).toContain(finalizer);
    expect(world.condition('web', 'Stalled')?.status).toBe('True');
    // 1, 2, 4 … seconds, then every five minutes or a little less.
    expect(patches(world).length).toBeLessThan(30);
    expect(world.fakeProvider.count('ListMachines')).toBeLessThan(100);

    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(minute);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect(world.fakeProvider.machines.size).toBe(0);
  });

  it('refuses the ownership annotation of a managed object: nothing is called until a retry stores it', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'patch web' ? 'Invalid' : object);
    const spec = { powerState: 'Halted' } as const;
    world.cluster.change('web', { metadata: { annotations: { [annotations.managedBy]: null } }, spec });
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.count('StopMachine')).toBe(0);
    expect(synced(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(6 * minute);
    expect(world.fakeProvider.count('StopMachine')).toBe(1);
  });

  it.each([annotations.createPending, annotations.managedBy])(
    'removes the annotation %s: no VM is created, and none is left',
    async (name) => {
      const world = await createWorld();
      world.cluster.admission = (_, object) => withoutAnnotation(object, name);
      world.apply('web');
      await world.clock.advance(10 * minute);
      expect(world.fakeProvider.count('CreateMachine')).toBe(0);
      expect(ready(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
      expect(ready(world)?.message).toContain(name);
      world.cluster.remove('virtualmachines', 'web');
      await world.clock.advance(minute);
      expect(world.cluster.machine('web')).toBeUndefined();
    },
  );

  it.each([
    ['its own', {}],
    ['a chosen', { providerName: 'plain' }],
  ])('removes the record of a VM with %s name: deleting the object deletes the VM', async (_name, spec) => {
    const world = await createWorld();
    world.cluster.admission = (_, object) => withoutAnnotation(object, annotations.machine);
    world.apply('web', spec);
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
    expect(synced(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    expect(synced(world)?.message).toContain(annotations.machine);
    expect(patches(world).length).toBeLessThan(15);
    await world.restart();
    await world.clock.advance(10 * minute);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(5 * minute);
    expect(world.fakeProvider.machines.size).toBe(0);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
  });

  it('refuses the record of an adoption: no other object adopts the VM', async () => {
    const world = await createWorld();
    const { id } = world.fakeProvider.add('legacy');
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Forbidden' : object);
    world.apply('web', { adoption: { policy: 'MustExist', id } });
    await world.clock.advance(minute);
    world.apply('thief', { adoption: { policy: 'MustExist', id } });
    await world.clock.advance(10 * minute);
    expect(world.condition('thief', 'Ready')?.status).toBe('False');
    expect(world.cluster.machine('thief')?.status?.origin).toBeUndefined();
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(10 * minute);
    expect(world.cluster.machine('web')?.status).toMatchObject({ id, origin: 'Adopted' });
    expect(world.condition('thief', 'Ready')?.reason).toBe('HeldByOtherObject');
  });

  it('changes the hint of an adoption: the VM is not adopted, and the object can be deleted without it', async () => {
    const world = await createWorld();
    const { id } = world.fakeProvider.add('Legacy');
    world.cluster.admission = (_, object) => {
      // `as`: annotations are text by name.
      const values = (object.metadata['annotations'] ?? {}) as Readonly<Record<string, string>>;
      const entries = Object.entries(values).map(([name, value]) => [name, value.toLowerCase()]);
      return { ...object, metadata: { ...object.metadata, annotations: Object.fromEntries(entries) } };
    };
    world.apply('web', { adoption: { policy: 'MustExist', id } });
    await world.clock.advance(10 * minute);
    expect(ready(world)?.reason).toBe('WriteRefused');
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(5 * minute);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect([...world.fakeProvider.machines.values()].map(({ name }) => name)).toEqual(['Legacy']);
  });

  it.each([
    { what: 'intent', name: annotations.createPending, creates: 0 },
    { what: 'hint', name: annotations.machine, creates: 1 },
  ])('pauses the object with the $what: that is noticed at once', async ({ name, creates }) => {
    const world = await createWorld();
    world.cluster.admission = (write, object) => {
      // `as`: annotations are text by name.
      const values = (object.metadata['annotations'] ?? {}) as Readonly<Record<string, string>>;
      if (write !== 'patch web' || values[name] === undefined) return object;
      return { ...object, metadata: { ...object.metadata, annotations: { ...values, [annotations.paused]: 'true' } } };
    };
    world.apply('web');
    await world.clock.advance(2_000);
    expect(ready(world)?.reason).toBe('Paused');
    expect(world.fakeProvider.count('CreateMachine')).toBe(creates);
  });

  it('is corrected: the VM is created within five minutes, or at once when you change the object', async () => {
    const world = await createWorld();
    world.cluster.admission = (_, object) => withoutFinalizers(object);
    world.apply('web');
    await world.clock.advance(60 * minute);
    world.cluster.admission = (_, object) => object;
    world.cluster.change('web', { metadata: { labels: { 'cost-center': '7' } } });
    await world.clock.advance(10_000);
    expect(ready(world)?.reason).toBe('Available');
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
  });
});

describe('an admission policy that refuses what the operator stores', () => {
  it.each(['Forbidden', 'Invalid'] as const)(
    '%s: no VM is created, and the object quotes the policy',
    async (reason) => {
      const world = await createWorld();
      world.cluster.admission = (write, object) => (write === 'patch web' ? reason : object);
      world.apply('web');
      await world.clock.advance(60 * minute);
      expect(world.fakeProvider.count('CreateMachine')).toBe(0);
      expect(ready(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
      expect(ready(world)?.message).toContain('the policy "test" denied the request');
      expect(patches(world).length).toBeLessThan(30);
      world.cluster.remove('virtualmachines', 'web');
      await world.clock.advance(minute);
      expect(world.cluster.machine('web')).toBeUndefined();
    },
  );

  it('without a record, the operator neither cuts power nor restarts a VM, unless its object is deleted', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Forbidden' : object);
    world.cluster.change('web', { spec: { restartRequest: 'once' } });
    await world.clock.advance(10 * minute);
    world.cluster.change('web', { spec: { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } } });
    await world.clock.advance(10 * minute);
    expect([world.fakeProvider.restarts, world.fakeProvider.count('KillMachine')]).toEqual([0, 0]);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expect([world.fakeProvider.count('KillMachine'), world.fakeProvider.machines.size]).toEqual([1, 0]);
  });

  it('before a restart, the part of the status that could not be stored before is recorded too', async () => {
    const world = await createWorld();
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Forbidden' : object);
    world.apply('web');
    await world.clock.advance(5 * minute);
    expect(world.cluster.machine('web')?.status?.id).toBeUndefined();
    world.cluster.admission = (_, object) => object;
    world.cluster.change('web', { spec: { restartRequest: 'once' } });
    let recorded: unknown;
    world.fakeProvider.holds = (operation) => {
      if (operation === 'RestartMachine') recorded = world.cluster.machine('web')?.status;
      return undefined;
    };
    await world.clock.advance(minute);
    expect(recorded).toMatchObject({ id: 1, origin: 'Created', operation: { type: 'Restart' } });
  });

  it('a deleted object whose VM is deleted reports that only the finalizer is left', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'patch web' ? 'Forbidden' : object);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.machines.size).toBe(0);
    expect(world.condition('web', 'DeletionBlocked')).toMatchObject({ status: 'True', reason: 'WriteRefused' });
    expect(ready(world)?.message).toContain('the VM is gone, but the finalizer cannot be removed');
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(5 * minute);
    expect(world.cluster.machine('web')).toBeUndefined();
  });
});

describe('a status that the API server does not store', () => {
  it('an invalid value is left out: conditions and record are stored, and Synced quotes it', async () => {
    const world = await createWorld();
    world.cluster.admission = refusing('addresses');
    world.apply('web');
    await world.clock.advance(60 * minute);
    const { status } = world.cluster.machine('web') ?? {};
    expect(status).toMatchObject({ id: 1, origin: 'Created', internal: { lastSyncedPowerState: 'Running' } });
    expect(ready(world)?.status).toBe('True');
    expect(synced(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    expect(synced(world)?.message).toContain('the policy "test" denied the request');
    const writes = world.cluster.writes.filter((write) => write === 'status web').length;
    expect(writes).toBeLessThan(60);
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(5 * minute);
    expect(world.cluster.machine('web')?.status).toHaveProperty('addresses');
    expect(synced(world)?.status).toBe('True');
  });

  it.each([
    ['removes it', () => undefined],
    ['stores another one each time', (version: unknown) => [{ address: `v${String(version)}` }]],
  ])(
    'a value that a policy changes (%s): the rest is stored, Synced reports it, and the operator does not loop',
    async (_, value) => {
      const world = await createWorld();
      world.cluster.admission = (write, object) => {
        if (write !== 'status web') return object;
        // `as`: what the operator wrote.
        const status = object['status'] as Readonly<Record<string, unknown>>;
        const changed = { ...status, addresses: value(object.metadata.resourceVersion) };
        return 'addresses' in status ? { ...object, status: changed } : object;
      };
      world.apply('web');
      await world.clock.advance(minute);
      expect(ready(world)?.reason).toBe('Available');
      expect(synced(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
      expect(synced(world)?.message).toContain('status.addresses');
      const { length } = world.cluster.writes;
      await world.clock.advance(60 * minute);
      expect(world.cluster.writes.length - length).toBeLessThan(60);
      world.cluster.admission = (_write, object) => object;
      await world.clock.advance(10 * minute);
      expect(synced(world)).toMatchObject({ status: 'True', reason: 'Available' });
    },
  );

  it('a status that another writer replaces is written again at once, and then with exponential backoff', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    const writes = () => world.cluster.writes.filter((write) => write === 'status web').length;
    const [before, stored] = [writes(), world.cluster.machine('web')?.status?.addresses];
    world.cluster.change('web', { status: { addresses: [{ address: '192.0.2.9' }] } });
    await world.clock.advance(100);
    expect(writes()).toBe(before + 1);
    for (let second = 0; second < 600; second += 1) {
      world.cluster.change('web', { status: { addresses: [{ address: `192.0.2.${second % 2}` }] } });
      await world.clock.advance(1_000);
    }
    expect(writes() - before).toBeLessThan(15);
    await world.clock.advance(10 * minute);
    expect(world.cluster.machine('web')?.status?.addresses).toEqual(stored);
  });

  it('an invalid record is left out too, and the conditions are stored', async () => {
    const world = await createWorld();
    world.cluster.admission = refusing('ownerId');
    world.apply('web');
    await world.clock.advance(10 * minute);
    expect(world.cluster.machine('web')?.status).not.toHaveProperty('ownerId');
    expect(ready(world)?.status).toBe('True');
    expect(synced(world)).toMatchObject({ status: 'False', reason: 'WriteRefused' });
  });

  it.each<[string, InMemoryCluster['admission']]>([
    ['refused', (write, object) => (write === 'status web' ? 'Forbidden' : object)],
    ['not served', (write, object) => (write === 'status web' ? 'NotFound' : object)],
    ['called invalid', (write, object) => (write === 'status web' ? 'Invalid' : object)],
    [
      'altered',
      (write, object) => (write === 'status web' ? { ...object, status: { observedGeneration: 1 } } : object),
    ],
  ])(
    '%s as a whole: an event reports it, and the object is created, powered and deleted all the same',
    async (_, policy) => {
      const world = await createWorld();
      world.cluster.admission = policy;
      world.apply('web');
      await world.clock.advance(10 * minute);
      expect(world.fakeProvider.machines.get(1)?.state).toBe('Running');
      expect(world.events('web')).toContainEqual(expect.stringMatching(/^WriteRefused: the status cannot be stored: /));
      world.cluster.change('web', { spec: { powerState: 'Halted' } });
      await world.clock.advance(10 * minute);
      expect(world.fakeProvider.machines.get(1)?.state).toBe('Halted');
      world.cluster.change('web', { spec: { powerState: 'Running' } });
      await world.clock.advance(10 * minute);
      expect(world.fakeProvider.count('StopMachine')).toBe(1);
      expect(world.fakeProvider.count('StartMachine')).toBe(1);
      expect(world.cluster.writes.filter((write) => write.startsWith('status')).length).toBeLessThan(60);
      world.cluster.remove('virtualmachines', 'web');
      await world.clock.advance(2 * minute);
      expect(world.fakeProvider.machines.size).toBe(0);
      expect(world.cluster.machine('web')).toBeUndefined();
    },
  );

  it('refused while the object is deleted: its power is cut as the spec says, and the VM is deleted', async () => {
    const world = await createWorld();
    world.apply('web', { powerOff: { mode: 'Hard', gracePeriodSeconds: 60 } });
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Forbidden' : object);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.count('KillMachine')).toBe(1);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect(world.fakeProvider.machines.size).toBe(0);
  });

  it.each(['Forbidden', 'Invalid'] as const)('%s: a restart that cannot be recorded is not sent', async (reason) => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'status web' ? reason : object);
    world.cluster.change('web', { spec: { restartRequest: 'now' } });
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.restarts).toBe(0);
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.restarts).toBe(1);
  });

  it('a conflict or an API server that does not answer still holds a delete back', async () => {
    const world = await createWorld();
    world.apply('web');
    await world.clock.advance(minute);
    world.cluster.admission = (write, object) => (write === 'status web' ? 'Unavailable' : object);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.count('DeleteMachine')).toBe(0);
    world.cluster.admission = (_, object) => object;
    await world.clock.advance(2 * minute);
    expect(world.fakeProvider.machines.size).toBe(0);
  });
});
