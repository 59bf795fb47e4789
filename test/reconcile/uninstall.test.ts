import { describe, expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const secret = 'vps247-credentials';
const labels = [
  ['with the label', true],
  ['without the label', false],
] as const;

async function running(isLabeled = true): Promise<World> {
  const world = await createWorld();
  world.cluster.remove('secrets', secret);
  world.useKey('owner-1', { isLabeled });
  world.apply('web');
  await world.clock.advance(2 * minute);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  return world;
}

function expectNothingLeft(world: World): void {
  expect(world.cluster.machine('web')).toBeUndefined();
  expect(world.fakeProvider.machines.size).toBe(0);
}

function expectBlocked(world: World, reason: string): void {
  expect(world.condition('web', 'DeletionBlocked')).toMatchObject({ status: 'True', reason });
  expect(world.fakeProvider.count('DeleteMachine')).toBe(0);
}

describe.each(labels)('a Secret %s that is deleted together with its objects', (_, isLabeled) => {
  it.each([0, 1, 20, 15 * minute])(
    '%s ms before them: the VM is deleted with the key that was accepted last',
    async (ms) => {
      const world = await running(isLabeled);
      world.cluster.remove('secrets', secret);
      await world.clock.advance(ms);
      world.cluster.remove('virtualmachines', 'web');
      await world.clock.advance(6 * minute);
      expectNothingLeft(world);
    },
  );

  it('after them: the VM is deleted', async () => {
    const world = await running(isLabeled);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(1);
    world.cluster.remove('secrets', secret);
    await world.clock.advance(6 * minute);
    expectNothingLeft(world);
  });
});

describe('a Secret that is deleted', () => {
  it('stops every call for an object that stays', async () => {
    const world = await running();
    world.cluster.remove('secrets', secret);
    await world.clock.advance(1_000);
    expect(world.condition('web', 'Ready')?.reason).toBe('CredentialsMissing');
    const before = world.fakeProvider.calls.length;
    world.cluster.change('web', { spec: { powerState: 'Halted' } });
    await world.clock.advance(30 * minute);
    expect(world.fakeProvider.calls.length).toBe(before);
  });

  it('while its key is rejected: the deletion waits', async () => {
    const world = await running();
    for (const operation of ['ListMachines', 'GetMachine', 'StopMachine'] as const)
      world.fakeProvider.broken.set(operation, { class: 'Credentials', code: 'Unauthorized', status: 401 });
    await world.clock.advance(2 * minute);
    world.cluster.remove('secrets', secret);
    await world.clock.advance(minute);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expectBlocked(world, 'CredentialsRejected');
  });

  it('and created again with a key of another account: the new key is used', async () => {
    const world = await running();
    world.fakeProvider.add('theirs', { ownerId: 2 });
    world.cluster.remove('secrets', secret);
    await world.clock.advance(minute);
    world.useKeyOf(2);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expectBlocked(world, 'AccountMismatch');
  });

  it('does not remove the key that was accepted before the one that it held last', async () => {
    const world = await running();
    world.fakeProvider.holds = (_, ownerId) => (ownerId === 3 ? new Promise(() => {}) : undefined);
    world.useKeyOf(3);
    await world.clock.advance(1_000);
    world.cluster.remove('secrets', secret);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expectNothingLeft(world);
  });

  it('does not count as another one that the spec names instead', async () => {
    const world = await running();
    world.cluster.change('web', { spec: { credentialsSecretRef: { name: 'other' } } });
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(10 * minute);
    expectBlocked(world, 'CredentialsMissing');
  });

  it('while no operator ran: the deletion reports the remedy, and finishes once the key is back', async () => {
    const world = await running();
    world.cluster.remove('secrets', secret);
    world.cluster.remove('virtualmachines', 'web');
    await world.restart();
    await world.clock.advance(10 * minute);
    expectBlocked(world, 'CredentialsMissing');
    expect(world.condition('web', 'DeletionBlocked')?.message).toContain(
      'kubectl -n default patch vps web --type merge -p \'{"spec":{"deletionPolicy":"Retain"}}\'',
    );
    world.useKeyOf(1);
    await world.clock.advance(5 * minute);
    expectNothingLeft(world);
  });

  it('and retained, after a restart while the provider does not answer: the object is removed at once', async () => {
    const world = await running();
    world.cluster.change('web', { spec: { deletionProtection: true } });
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(minute);
    expectBlocked(world, 'DeletionProtected');
    world.fakeProvider.holds = () => new Promise(() => {});
    await world.restart();
    await world.clock.advance(1_000);
    world.cluster.change('web', { spec: { deletionPolicy: 'Retain' } });
    await world.clock.advance(1_000);
    expect(world.cluster.machine('web')).toBeUndefined();
    expect(world.fakeProvider.machines.size).toBe(1);
  });
});
