import { expect, it } from 'vitest';
import { Secret } from '../../src/domain/secret.ts';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;

/** An object `web` whose VM has a password, while the Secret for it still is that of an earlier object `web`, or of another owner. */
async function createAgain(ownerReference: object): Promise<World> {
  const world = await createWorld();
  const { id } = world.fakeProvider.add('legacy', { initialPassword: new Secret('emulated-password-1') });
  const owner = { apiVersion: 'vps247.com/v1alpha1', kind: 'VirtualMachine', name: 'web', uid: 'earlier' };
  const metadata = { name: 'password', ownerReferences: [{ ...owner, ...ownerReference }] };
  world.cluster.put('secrets', { metadata, data: {} });
  world.apply('web', { adoption: { policy: 'MustExist', id }, initialPasswordSecret: { name: 'password' } });
  return world;
}

const passwords = ({ cluster }: World) =>
  cluster.created.filter(({ plural }) => plural === 'secrets').map(({ body }) => body);
const synced = ({ condition }: World) => condition('web', 'Synced')?.reason;
const warnings = ({ cluster }: World) =>
  cluster.events.filter(({ type }) => type === 'Warning').map(({ reason }) => reason);

it('an object that is created again under its name waits quietly until the garbage collector has deleted the Secret', async () => {
  const world = await createAgain({});
  await world.clock.advance(50 * second);
  expect([world.condition('web', 'Ready')?.status, passwords(world).length]).toEqual(['False', 0]);
  world.cluster.remove('secrets', 'password');
  await world.clock.advance(4 * second);
  expect(world.condition('web', 'Ready')?.status).toBe('True');
  expect(passwords(world)).toMatchObject([{ metadata: { name: 'password' } }]);
  expect([world.cluster.machine('web')?.status?.initialPasswordSecret?.name, warnings(world)]).toEqual([
    'password',
    [],
  ]);
});

it.each([
  { because: 'no garbage collector deletes it', owner: {}, at: 75 },
  { because: 'its owner is another object that is there', owner: { name: 'other', uid: 'there' }, at: 5 },
])('a Secret that stays is reported: $because', async ({ owner, at }) => {
  const world = await createAgain(owner);
  world.cluster.put('virtualmachines', { metadata: { name: 'other', uid: 'there' }, spec: {} });
  await world.clock.advance(at * second);
  expect([world.condition('web', 'Ready')?.status, synced(world)]).toEqual(['True', 'InitialPasswordConflict']);
  expect(warnings(world)).toContain('InitialPasswordConflict');
});
