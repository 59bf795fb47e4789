import { describe, expect, it } from 'vitest';
import { createManualClock } from '../support/clock.ts';
import type { InMemoryProvider } from './world/fake-provider.ts';
import { refuseTakenNames } from './world/taken-names.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

/** A provider that refuses every create call under a name that a VM has. `inBetween` runs directly before a create call arrives. */
async function createScene(
  inBetween: (fakeProvider: InMemoryProvider, name: string, now: string) => void,
): Promise<World> {
  const clock = createManualClock();
  const world = await createWorld(
    {},
    {
      clock,
      through: (truth, _, fakeProvider) => ({
        ...truth,
        createMachine: (request) => {
          inBetween(fakeProvider, request.name, new Date(clock.now()).toISOString());
          return refuseTakenNames(truth, fakeProvider)(request);
        },
      }),
    },
  );
  world.fakeProvider.add('other', { createdAt: '2025-12-31T23:00:00.000Z' });
  return world;
}

describe('a chosen name that another VM takes just before the create call', () => {
  it('is not adopted without a creation time, and deleting the object waits and leaves the VM', async () => {
    const scene = await createScene((fakeProvider, name) => void fakeProvider.add(name));
    const { clock, cluster, fakeProvider } = scene;
    scene.apply('web', { providerName: 'shop' });
    await clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')).toMatchObject({
      reason: 'IdentityUnproven',
      message: expect.stringContaining('lists VM 2 of that name without the time of its creation'),
    });
    cluster.remove('virtualmachines', 'web');
    await clock.advance(10 * minute);
    expect(scene.condition('web', 'DeletionBlocked')).toMatchObject({
      reason: 'IdentityUnproven',
      message: expect.stringContaining('patch vps web --type merge -p \'{"spec":{"deletionPolicy":"Retain"}}\''),
    });
    cluster.change('web', { spec: { deletionPolicy: 'Retain' } });
    await clock.advance(minute);
    expect(cluster.machine('web')).toBeUndefined();
    expect([...fakeProvider.machines.keys()]).toEqual([1, 2]);
    expect(
      ['StopMachine', 'DeleteMachine'].map(
        (operation) => fakeProvider.calls.filter((call) => call.operation === operation).length,
      ),
    ).toEqual([0, 0]);
  });

  it('is a conflict when the VM is old but was missing from the lists, and the object can be deleted', async () => {
    const scene = await createScene(
      (fakeProvider, name) => void fakeProvider.add(name, { createdAt: '2025-12-31T22:00:00.000Z' }),
    );
    scene.apply('web', { providerName: 'shop' });
    await scene.clock.advance(2 * minute);
    expect(scene.condition('web', 'Ready')?.reason).toBe('NameTaken');
    scene.cluster.remove('virtualmachines', 'web');
    await scene.clock.advance(minute);
    expect(scene.cluster.machine('web')).toBeUndefined();
    expect([...scene.fakeProvider.machines.keys()]).toEqual([1, 2]);
  });

  it('is detected by a list that is at most five seconds old, whatever is created and however often it is retried', async () => {
    const scene = await createScene(() => {});
    const { clock, fakeProvider } = scene;
    const lists = (): number => fakeProvider.calls.findLast(({ operation }) => operation === 'ListMachines')?.at ?? 0;
    await clock.advance(50_000);
    const before = lists();
    scene.apply('web', { providerName: 'shop' });
    await clock.advance(100);
    expect(lists()).toBeGreaterThan(before);
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});

function expectConflict({ condition, fakeProvider }: World, creates: number): void {
  expect(condition('web', 'Ready')?.reason).toBe('NameTaken');
  expect(fakeProvider.count('CreateMachine')).toBe(creates);
}

describe('a chosen name of an existing VM that no list has shown yet', () => {
  it('is a conflict when the VM was created after the last list and before the object: no create request is sent', async () => {
    const world = await createWorld();
    const { clock, fakeProvider } = world;
    world.apply('first');
    await clock.advance(minute);
    const lists = fakeProvider.count('ListMachines');
    for (let steps = 0; fakeProvider.count('ListMachines') === lists && steps < 1_000; steps += 1)
      await clock.advance(100);
    await clock.advance(1_000);
    fakeProvider.add('shop');
    world.apply('web', { providerName: 'shop' });
    await clock.advance(minute / 2);
    expectConflict(world, 1);
  });

  it('is a conflict when the VM was created during the wait after a refusal: no second create request is sent', async () => {
    const world = await createWorld();
    const { clock, fakeProvider } = world;
    fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'PaymentRequired', status: 402 }]);
    world.apply('web', { providerName: 'shop' });
    await clock.advance(100);
    const at = fakeProvider.calls.find(({ operation }) => operation === 'CreateMachine')?.at ?? 0;
    await clock.advance(at + 30 * minute - 20_000 - clock.monotonic());
    const lists = fakeProvider.count('ListMachines');
    fakeProvider.add('shop');
    await clock.advance(15_000);
    // No list has shown it when the next create request is due.
    expect(fakeProvider.count('ListMachines')).toBe(lists);
    await clock.advance(minute);
    expectConflict(world, 1);
  });

  it('is free if a slow list lacks it: the list counts from its answer', async () => {
    const world = await createWorld();
    const { clock, fakeProvider } = world;
    fakeProvider.holds = (operation) =>
      operation === 'ListMachines' ? new Promise((resolve) => clock.schedule(10_000, resolve)) : undefined;
    world.apply('web', { providerName: 'shop' });
    await clock.advance(2 * minute);
    expect(world.condition('web', 'Ready')?.status).toBe('True');
  });
});

describe('the VM of a chosen name whose create request had no answer', () => {
  const lost = { class: 'UnknownOutcome', code: 'ConnectionLost' } as const;

  it('belongs to the object although another VM has a creation time in the future', async () => {
    const { clock, fakeProvider, apply, cluster } = await createWorld();
    fakeProvider.add('other', { createdAt: new Date(clock.now() + 24 * 60 * minute).toISOString() });
    fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
    apply('web', { providerName: 'shop' });
    await clock.advance(2 * minute);
    expect(cluster.machine('web')?.status).toMatchObject({ id: 2, origin: 'Created' });
  });

  it('is unmanaged when it is older than the VMs that the provider listed before the request', async () => {
    const { clock, fakeProvider, apply, cluster, condition } = await createWorld();
    fakeProvider.add('other', { createdAt: new Date(clock.now()).toISOString() });
    fakeProvider.accidents.set('CreateMachine', [lost]);
    apply('web', { providerName: 'shop' });
    for (let steps = 0; fakeProvider.count('CreateMachine') === 0 && steps < 1_000; steps += 1) await clock.advance(10);
    // It was there before, and no list had shown it.
    fakeProvider.add('shop', { createdAt: new Date(clock.now() - 10 * minute).toISOString() });
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')?.reason).toBe('NameTaken');
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 2]);
  });

  it('belongs to the object if a repeated request is refused because of it, whatever was created meanwhile', async () => {
    const { clock, fakeProvider, apply, cluster } = await createWorld({ visibilityWindow: 3 * minute });
    fakeProvider.add('other', { createdAt: new Date(clock.now()).toISOString() });
    let isHidden = true;
    fakeProvider.listed = ({ name }) => !isHidden || name !== 'shop';
    fakeProvider.accidents.set('CreateMachine', [
      { ...lost, hasEffect: true },
      { class: 'Terminal', code: 'Unprocessable', status: 422 },
    ]);
    apply('web', { providerName: 'shop' });
    await clock.advance(2 * minute);
    fakeProvider.add('newer', { createdAt: new Date(clock.now()).toISOString() });
    for (let steps = 0; fakeProvider.count('CreateMachine') < 2 && steps < 1_000; steps += 1)
      await clock.advance(1_000);
    isHidden = false;
    await clock.advance(5 * minute);
    expect(cluster.machine('web')?.status).toMatchObject({ id: 2, origin: 'Created' });
  });

  it('belongs to the object after another key of the same account replaces the key of the request', async () => {
    const { apply, clock, cluster, fakeProvider, useKey } = await createWorld();
    fakeProvider.add('other');
    let isHidden = true;
    fakeProvider.listed = ({ name }) => !isHidden || name !== 'shop';
    fakeProvider.accidents.set('CreateMachine', [{ ...lost, hasEffect: true }]);
    apply('web', { providerName: 'shop' });
    await clock.advance(1_000);
    useKey('owner-1-rotated');
    await clock.advance(2_000);
    isHidden = false;
    await clock.advance(2 * minute);
    expect(cluster.machine('web')?.status).toMatchObject({ id: 2, origin: 'Created' });
  });

  it('is not searched in another account: a VM of that name there stays unmanaged', async () => {
    const { apply, clock, cluster, condition, fakeProvider, useKeyOf } = await createWorld();
    fakeProvider.add('other');
    fakeProvider.accidents.set('CreateMachine', [lost]);
    apply('web', { providerName: 'shop' });
    await clock.advance(1_000);
    fakeProvider.add('shop', { ownerId: 2, createdAt: new Date(clock.now()).toISOString() });
    useKeyOf(2);
    await clock.advance(10 * minute);
    expect(cluster.machine('web')?.status?.origin).toBeUndefined();
    expect(condition('web', 'Synced')?.reason).toBe('NameTaken');
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});
