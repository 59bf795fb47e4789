import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { bothFinalizers, othersFinalizer } from './world/cluster.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const refusal = { class: 'Terminal', code: 'Unprocessable', status: 422 } as const;
/** Every 4xx to a create: see src/provider/http/classify.ts. */
const answers = [
  { class: 'Terminal', code: 'BadRequest', status: 400 },
  { class: 'Terminal', code: 'PaymentRequired', status: 402 },
  { class: 'Terminal', code: 'NotFound', status: 404 },
  { class: 'Terminal', code: 'Conflict', status: 409 },
  refusal,
  { class: 'Terminal', code: 'UnexpectedStatus', status: 418 },
  { class: 'Credentials', code: 'Unauthorized', status: 401 },
  { class: 'Credentials', code: 'Forbidden', status: 403 },
  { class: 'Wait', code: 'Busy', status: 406 },
  { class: 'Wait', code: 'RateLimited', status: 429 },
] as const;
const names = [
  ['its own', {}],
  ['a chosen', { providerName: 'plain' }],
] as const;

const object = (world: World) => world.cluster.machine('web');
const intent = (world: World) => object(world)?.metadata.annotations?.[annotations.createPending];

describe.each(names)('a create under %s name that took effect', (_, spec) => {
  it.each(answers)('and was answered $status: the VM is recorded, and deleted with its object', async (answer) => {
    const world = await createWorld();
    world.fakeProvider.accidents.set('CreateMachine', [{ ...answer, hasEffect: true }]);
    world.apply('web', spec);
    await world.clock.advance(5 * minute);
    expect(world.fakeProvider.machines.size).toBe(1);
    expect(object(world)?.status).toMatchObject({ id: 1, origin: 'Created' });
    expect(world.condition('web', 'Ready')?.status).toBe('True');
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(2 * minute);
    expect(object(world)).toBeUndefined();
    expect(world.fakeProvider.machines.size).toBe(0);
  });

  it('and was refused, before the object is deleted at once: the VM is deleted with it', async () => {
    const world = await createWorld();
    world.fakeProvider.accidents.set('CreateMachine', [{ ...refusal, hasEffect: true }]);
    world.apply('web', spec);
    for (let steps = 0; world.fakeProvider.count('CreateMachine') === 0 && steps < 1_000; steps += 1)
      await world.clock.advance(10);
    await world.clock.advance(20);
    world.cluster.remove('virtualmachines', 'web');
    await world.clock.advance(5 * minute);
    expect(object(world)).toBeUndefined();
    expect(world.fakeProvider.machines.size).toBe(0);
  });

  it('and whose first answer was lost, before the second one reports that the name is taken', async () => {
    const world = await createWorld();
    let isHidden = true;
    world.fakeProvider.listed = () => !isHidden;
    world.fakeProvider.accidents.set('CreateMachine', [
      { class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true },
      refusal,
    ]);
    world.apply('web', spec);
    for (let steps = 0; world.fakeProvider.count('CreateMachine') < 2 && steps < 1_000; steps += 1)
      await world.clock.advance(1_000);
    isHidden = false;
    await world.clock.advance(5 * minute);
    expect(object(world)?.status).toMatchObject({ id: 1, origin: 'Created' });
    expect(world.fakeProvider.machines.size).toBe(1);
  });
});

describe('a create that was refused', () => {
  it('shows the refusal at once, keeps finalizer and intent until a later list lacks the name, and costs no further write', async () => {
    const world = await createWorld();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    world.fakeProvider.broken.set('CreateMachine', refusal);
    world.fakeProvider.holds = (operation) =>
      operation === 'ListMachines' && world.fakeProvider.count('CreateMachine') > 0 ? held : undefined;
    world.apply('web');
    await world.clock.advance(minute / 2);
    expect(world.condition('web', 'Ready')?.reason).toBe('CreateRefused');
    expect(intent(world)).toBeDefined();
    expect(object(world)?.metadata.finalizers).toEqual(bothFinalizers);
    world.fakeProvider.holds = () => undefined;
    release();
    await world.clock.advance(minute);
    expect(intent(world)).toBeUndefined();
    expect(object(world)?.metadata.finalizers).toEqual([othersFinalizer]);
    expect(world.condition('web', 'Ready')?.reason).toBe('CreateRefused');
    expect(world.cluster.writes.filter((write) => write.endsWith(' web'))).toEqual([
      'patch web',
      'status web',
      'patch web',
    ]);
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
  });

  it('and took effect is not sent again because an older list with another key of the account lacks its VM', async () => {
    const world = await createWorld();
    const data = { 'api-key': Buffer.from('owner-1-second').toString('base64') };
    world.cluster.put('secrets', { metadata: { name: 'second', labels: { watched: 'true' } }, data });
    const second = { credentialsSecretRef: { name: 'second', key: 'api-key' } };
    world.apply('shop', second);
    await world.clock.advance(minute);
    // Known for longer than the newest list of the other key.
    world.fakeProvider.accidents.set('CreateMachine', [refusal]);
    world.apply('web');
    await world.clock.advance(3 * minute);
    world.fakeProvider.accidents.set('CreateMachine', [{ ...refusal, hasEffect: true }]);
    world.cluster.change('web', { spec: { package: { id: 3 } } });
    while (world.fakeProvider.count('CreateMachine') < 3) await world.clock.advance(1);
    await world.clock.advance(15);
    world.cluster.change('web', { spec: second });
    await world.clock.advance(5 * minute);
    expect(world.condition('web', 'Ready')?.status).toBe('True');
    expect([world.fakeProvider.count('CreateMachine'), world.fakeProvider.heldTwice.size]).toEqual([3, 0]);
  });

  it('creates as soon as the spec is corrected', async () => {
    const world = await createWorld();
    world.fakeProvider.accidents.set('CreateMachine', [refusal]);
    world.apply('web');
    await world.clock.advance(100);
    expect(world.condition('web', 'Ready')?.reason).toBe('CreateRefused');
    world.cluster.change('web', { spec: { package: { id: 3 } } });
    await world.clock.advance(5_000);
    expect(world.fakeProvider.count('CreateMachine')).toBe(2);
    await world.clock.advance(minute);
    expect(world.condition('web', 'Ready')?.status).toBe('True');
    expect(world.fakeProvider.machines.size).toBe(1);
  });

  it.each([
    { what: 'of another account', apiKey: 'owner-2' },
    { what: 'of the same account', apiKey: 'owner-1-rotated' },
  ])('creates as soon as another key $what is available', async ({ apiKey }) => {
    const world = await createWorld();
    world.fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'PaymentRequired', status: 402 }]);
    world.apply('web');
    await world.clock.advance(minute);
    expect(world.condition('web', 'Ready')?.reason).toBe('QuotaExceeded');
    world.useKey(apiKey);
    await world.clock.advance(minute);
    expect(world.condition('web', 'Ready')?.status).toBe('True');
    expect(world.fakeProvider.count('CreateMachine')).toBe(2);
  });

  it('and never sent is sent again without a list', async () => {
    const world = await createWorld();
    world.fakeProvider.accidents.set('CreateMachine', [{ class: 'Retry', code: 'ConnectFailed' }]);
    world.apply('web');
    await world.clock.advance(minute);
    expect(world.fakeProvider.count('CreateMachine')).toBe(2);
    expect(world.fakeProvider.machines.size).toBe(1);
  });
});
