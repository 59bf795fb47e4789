import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { bothFinalizers } from './world/cluster.ts';
import { createWorld, type World } from './world/world.ts';

const second = 1_000;
const minute = 60 * second;
const answers = [
  { class: 'Terminal', code: 'PaymentRequired', status: 402 },
  { class: 'Terminal', code: 'Unprocessable', status: 422 },
  { class: 'UnknownOutcome', code: 'Timeout' },
] as const;
const names = ['web', 'mail'] as const;

/** The VMs of two objects with chosen names, which the provider hides from lists and by their ids. */
async function hideVms(): Promise<World> {
  const world = await createWorld();
  for (const name of names) {
    world.apply(name, { providerName: `shop-${name}` });
    await world.clock.advance(minute);
  }
  expect(world.fakeProvider.machines.size).toBe(2);
  world.fakeProvider.listed = ({ id }) => id > 2;
  world.fakeProvider.answering = ({ id }) => id > 2;
  return world;
}

function show({ fakeProvider }: World): void {
  fakeProvider.listed = () => true;
  fakeProvider.answering = () => true;
}

/** Until both have been requested, and answered. */
async function awaitCreates({ clock, fakeProvider }: World): Promise<void> {
  for (let steps = 0; fakeProvider.count('CreateMachine') < 4 && steps < 1_000; steps += 1) await clock.advance(second);
  expect(fakeProvider.count('CreateMachine')).toBe(4);
  await clock.advance(second);
}

const idOf = ({ cluster }: World, name: string) => cluster.machine(name)?.status?.id;

/** Both objects manage their VM again, and the deletion of each deletes it. */
async function expectManaged(world: World): Promise<void> {
  const { clock, cluster, condition, fakeProvider } = world;
  await clock.advance(2 * minute);
  for (const [index, name] of names.entries()) {
    expect(condition(name, 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    expect(idOf(world, name)).toBe(index + 1);
    expect(cluster.machine(name)?.metadata.annotations).not.toHaveProperty(annotations.createPending);
    cluster.remove('virtualmachines', name);
  }
  await clock.advance(5 * minute);
  expect(names.map((name) => cluster.machine(name))).toEqual([undefined, undefined]);
  expect([fakeProvider.machines.size, fakeProvider.heldTwice.size]).toEqual([0, 0]);
}

describe.each(answers)('a hidden VM of a chosen name whose recreation is answered $code', (answer) => {
  it('stays on record, and is managed again when it reappears', async () => {
    const world = await hideVms();
    world.fakeProvider.broken.set('CreateMachine', answer);
    await awaitCreates(world);
    await world.clock.advance(3 * minute);
    for (const [index, name] of names.entries()) {
      expect(idOf(world, name)).toBe(index + 1);
      expect(world.cluster.machine(name)?.metadata.finalizers).toEqual(bothFinalizers);
    }
    show(world);
    await expectManaged(world);
  });

  it.each([0, 20, 5 * second, 2 * minute])(
    'stays on record if the operator is killed %i ms after the answers',
    async (after) => {
      const world = await hideVms();
      world.fakeProvider.broken.set('CreateMachine', answer);
      await awaitCreates(world);
      await world.clock.advance(after);
      await world.restart();
      await world.clock.advance(20 * second);
      show(world);
      await expectManaged(world);
    },
  );

  it('is replaced once if the request took effect, whose VM the object manages', async () => {
    const world = await hideVms();
    const { clock, fakeProvider, condition, cluster } = world;
    fakeProvider.machines.clear();
    fakeProvider.accidents.set('CreateMachine', [
      { ...answer, hasEffect: true },
      { ...answer, hasEffect: true },
    ]);
    await awaitCreates(world);
    await clock.advance(3 * minute);
    expect(names.map((name) => idOf(world, name)).toSorted()).toEqual([3, 4]);
    for (const name of names) expect(condition(name, 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
    for (const name of names) cluster.remove('virtualmachines', name);
    await clock.advance(5 * minute);
    expect([fakeProvider.machines.size, fakeProvider.heldTwice.size]).toEqual([0, 0]);
    expect(fakeProvider.count('CreateMachine')).toBe(4);
  });
});

describe('a refused recreation', () => {
  it('is retried by a new process after the same evidence, and at most once a minute in one account', async () => {
    const world = await createWorld();
    const { clock, condition, fakeProvider } = world;
    const fleet = Array.from({ length: 6 }, (_, index) => `web-${index}`);
    for (const name of fleet) world.apply(name);
    await clock.advance(2 * minute);
    for (const id of [1, 2, 3, 4, 5]) fakeProvider.machines.delete(id);
    fakeProvider.broken.set('CreateMachine', { class: 'Terminal', code: 'PaymentRequired', status: 402 });
    await clock.advance(15 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(11);
    expect(condition('web-0', 'Ready')?.reason).toBe('QuotaExceeded');
    await world.restart();
    const since = clock.monotonic();
    await clock.advance(15 * minute);
    const calls = fakeProvider.calls.filter(({ operation, at }) => operation === 'CreateMachine' && at >= since);
    const times = calls.map(({ at }) => at);
    expect(times).toHaveLength(5);
    expect(Math.min(...times) - since).toBeGreaterThanOrEqual(5 * minute);
    expect(Math.min(...times.slice(1).map((at, index) => at - (times[index] ?? 0)))).toBeGreaterThanOrEqual(minute);
  });

  it('leaves a VM of the chosen name without a creation time in doubt: the deletion of the object waits', async () => {
    const world = await createWorld();
    const { clock, cluster, condition, fakeProvider } = world;
    fakeProvider.add('other');
    world.apply('web', { providerName: 'shop' });
    await clock.advance(minute);
    fakeProvider.machines.delete(2);
    fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'Unprocessable', status: 422 }]);
    while (fakeProvider.count('CreateMachine') < 2) await clock.advance(10);
    fakeProvider.add('shop');
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')).toMatchObject({
      reason: 'IdentityUnproven',
      message: expect.stringContaining('lists VM 3 of that name without the time of its creation'),
    });
    expect(idOf(world, 'web')).toBe(2);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(10 * minute);
    expect(condition('web', 'DeletionBlocked')?.reason).toBe('IdentityUnproven');
    expect([fakeProvider.machines.has(3), fakeProvider.count('DeleteMachine')]).toEqual([true, 0]);
  });
});

it('a VM of the chosen name that appears after a refused recreation is reported with what to do', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createWorld();
  fakeProvider.add('other');
  apply('web', { providerName: 'shop' });
  await clock.advance(minute);
  fakeProvider.machines.delete(2);
  fakeProvider.broken.set('CreateMachine', { class: 'Terminal', code: 'Unprocessable', status: 422 });
  await clock.advance(8 * minute);
  fakeProvider.add('shop');
  await clock.advance(2 * minute);
  const message = `the provider doesn't show VM 2 on record, and VM 3 has its name "shop"`;
  const keep = 'kubectl -n default patch vps web --type merge -p \'{"spec":{"deletionPolicy":"Retain"}}\'';
  for (const end of [`${keep} && kubectl -n default delete vps web --ignore-not-found`, keep]) {
    const { reason, message: text = '' } = condition('web', 'Ready') ?? {};
    expect([reason, text.slice(0, message.length)]).toEqual(['AbsenceUnconfirmed', message]);
    expect(text.slice(-end.length)).toBe(end);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(2 * minute);
  }
  expect([cluster.machine('web') === undefined, fakeProvider.machines.has(3)]).toEqual([false, true]);
});

it('an adopted VM whose recreation had no answer is replaced by the VM that later lists show under another name', async () => {
  const { apply, clock, condition, cluster, fakeProvider } = await createWorld();
  fakeProvider.add('other');
  fakeProvider.add('legacy');
  apply('web', { adoption: { policy: 'MustExist', name: 'legacy' }, onExternalDelete: 'Recreate' });
  await clock.advance(minute);
  expect(cluster.machine('web')?.status).toMatchObject({ id: 2, origin: 'Adopted' });
  fakeProvider.machines.delete(2);
  fakeProvider.accidents.set('CreateMachine', [{ class: 'UnknownOutcome', code: 'Timeout', hasEffect: true }]);
  let isHidden = true;
  fakeProvider.listed = ({ id }) => !isHidden || id < 3;
  while (fakeProvider.count('CreateMachine') === 0) await clock.advance(second);
  await clock.advance(40 * second);
  isHidden = false;
  await clock.advance(2 * minute);
  expect(cluster.machine('web')?.status).toMatchObject({ id: 3, origin: 'Created' });
  expect(condition('web', 'Ready')).toMatchObject({ status: 'True', reason: 'Available' });
  expect(fakeProvider.count('CreateMachine')).toBe(1);
});
