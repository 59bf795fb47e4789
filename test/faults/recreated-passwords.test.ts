import { expect, test } from 'vitest';
import { apiVersion, kind, machineIdAnnotation } from '../../src/api/v1alpha1/constants.ts';
import { stepOf, take } from './life.ts';
import { createFaultyWorld, type FaultyWorld, hour, minute } from './world.ts';

const second = 1_000;

/** A VM that was deleted outside the operator and recreated: the Secret holds the password of the earlier one. */
async function createRecreated(): Promise<FaultyWorld> {
  const world = await createFaultyWorld();
  await take(world, stepOf('CreateMachine'));
  const { id = 0 } = world.machineOf('web') ?? {};
  const owner = { apiVersion, kind, name: 'web', uid: world.cluster.machine('web')?.metadata.uid };
  const metadata = { annotations: { [machineIdAnnotation]: String(id) }, ownerReferences: [owner] };
  // The API server in memory keeps no Secret that is created.
  world.cluster.put('secrets', { metadata: { name: 'web-initial-password', ...metadata }, data: {} });
  world.emulator.panel.delete(id);
  await world.clock.advance(hour);
  return world;
}

const ready = ({ condition }: FaultyWorld) => condition('web', 'Ready');
const synced = ({ condition }: FaultyWorld) => condition('web', 'Synced');
const passwords = ({ cluster }: FaultyWorld) =>
  cluster.created
    .filter(({ plural }) => plural === 'secrets')
    // What the operator writes.
    .map(({ body }) => body as { readonly metadata: { readonly name: string }; readonly stringData: unknown });
const passwordOf = (world: FaultyWorld) => ({ password: world.emulator.passwordOf(world.machineOf('web')?.id ?? 0) });

test('while a Secret holds the password of an earlier VM, Ready reports it, and Synced how to replace it', async () => {
  const world = await createRecreated();
  expect([ready(world)?.status, ready(world)?.message]).toEqual([
    'True',
    expect.stringMatching(
      /is running; matches the spec; Secret "web-initial-password" holds the password of an earlier VM$/,
    ),
  ]);
  expect(synced(world)).toMatchObject({
    reason: 'InitialPasswordConflict',
    message: expect.stringContaining(
      'kubectl -n default delete secret web-initial-password && kubectl -n default annotate vps web --overwrite vps247.com/reconcile-requested-at="$(date)"',
    ),
  });
  const { length } = world.cluster.writes;
  await world.clock.advance(hour);
  expect(world.cluster.writes.slice(length).filter((write) => write !== 'create secrets')).toEqual([]);
});

test.each([
  {
    remedy: 'the command in the message',
    name: 'web-initial-password',
    act: ({ cluster }: FaultyWorld) => {
      cluster.remove('secrets', 'web-initial-password');
      cluster.change('web', { metadata: { annotations: { 'vps247.com/reconcile-requested-at': 'now' } } });
    },
  },
  {
    remedy: 'another name in the spec',
    name: 'web-second-password',
    act: ({ cluster }: FaultyWorld) =>
      cluster.change('web', { spec: { initialPasswordSecret: { name: 'web-second-password' } } }),
  },
])('within seconds the Secret contains the password of the present VM: $remedy', async ({ act, name }) => {
  const world = await createRecreated();
  // Not at the moment at which it would try again by itself.
  await world.clock.advance(minute);
  act(world);
  await world.clock.advance(2 * second);
  expect(passwords(world).at(-1)).toMatchObject({ metadata: { name }, stringData: passwordOf(world) });
  expect([synced(world)?.reason, ready(world)?.message]).toEqual([
    'Available',
    expect.stringMatching(/is running; matches the spec$/),
  ]);
  expect(world.cluster.machine('web')?.status?.initialPasswordSecret).toEqual({ name });
});

test('without a Secret in the spec, within seconds none is reported', async () => {
  const world = await createRecreated();
  world.cluster.change('web', { spec: { initialPasswordSecret: { policy: 'None' } } });
  await world.clock.advance(2 * second);
  expect([synced(world)?.reason, ready(world)?.message]).toEqual([
    'Available',
    expect.stringMatching(/is running; matches the spec$/),
  ]);
});
