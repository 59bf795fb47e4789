import { describe, expect, it } from 'vitest';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);

/** A Secret with the same key as that of all others. */
function putSecondSecret({ cluster }: Pick<World, 'cluster'>): void {
  const data = { 'api-key': Buffer.from('owner-1').toString('base64') };
  cluster.put('secrets', { metadata: { name: 'second' }, data });
}

/**
 * Ten running VMs, half of them with a separate Secret, whose VMs disappear from the provider after `hide`, in lists and by id,
 * until `show`.
 */
async function createFleet() {
  const world = await createWorld();
  putSecondSecret(world);
  const second = { credentialsSecretRef: { name: 'second', key: 'api-key' } };
  for (const [index, name] of names.entries()) world.apply(name, index < 5 ? second : {});
  await world.clock.advance(2 * minute);
  const { machines } = world.fakeProvider;
  const hidden = [...machines].slice(0, 5);
  return {
    ...world,
    hide: () => {
      for (const [id] of hidden) machines.delete(id);
    },
    show: () => {
      for (const [id, machine] of hidden) machines.set(id, machine);
    },
  };
}

describe('half the machines vanish at once', () => {
  it('is reported, does not count as a deletion for five minutes, and is forgotten when the VMs are back', async () => {
    const { clock, cluster, condition, hide, show, fakeProvider } = await createFleet();
    hide();
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(5 * minute);
    expect(condition('web-1', 'Synced')).toMatchObject({
      reason: 'AbsenceUnconfirmed',
      message: expect.stringContaining("5 of the account's 11 VMs disappeared"),
    });
    expect(cluster.machine('web-0')).toBeDefined();
    show();
    await clock.advance(2 * minute);
    expect(names.slice(1).map((name) => condition(name, 'Ready')?.status)).toEqual(Array(9).fill('True'));
    expect([cluster.machine('web-0'), fakeProvider.machines.size]).toEqual([undefined, 9]);
  });

  it('counts as a deletion when lists have agreed for five minutes: then the VMs are recreated one by one, each once', async () => {
    const { clock, cluster, condition, hide, fakeProvider } = await createFleet();
    hide();
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(5 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(10);
    await clock.advance(5 * minute);
    expect(condition('web-1', 'Ready')?.status).toBe('True');
    expect(fakeProvider.count('CreateMachine')).toBe(14);
    expect(cluster.machine('web-0')).toBeUndefined();
  });

  it('does not count as a deletion for a new process either', async () => {
    const { clock, cluster, condition, hide, restart, fakeProvider, show } = await createFleet();
    hide();
    await restart();
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(5 * minute);
    expect(condition('web-1', 'Synced')?.reason).toBe('AbsenceUnconfirmed');
    expect(cluster.machine('web-0')).toBeDefined();
    show();
    await clock.advance(2 * minute);
    expect(condition('web-1', 'Ready')?.status).toBe('True');
    expect(fakeProvider.machines.size).toBe(9);
  });

  it('is expected when the previous process was deleting exactly these VMs', async () => {
    const { clock, cluster, names: all, restart, fakeProvider } = { ...(await createFleet()), names };
    for (const name of all.slice(0, 6)) cluster.remove('virtualmachines', name);
    // Until all are deleted at the provider, and no object knows yet that they are gone.
    while (fakeProvider.count('DeleteMachine') < 6) await clock.advance(10);
    expect(all.slice(0, 6).filter((name) => cluster.machine(name) !== undefined)).toHaveLength(6);
    await restart();
    await clock.advance(20_000);
    expect(all.map((name) => cluster.machine(name)).filter((object) => object !== undefined)).toHaveLength(4);
  });

  it('does not confirm deletions of the operator when other VMs vanish at the same time', async () => {
    const { clock, cluster, hide, restart, fakeProvider } = await createFleet();
    cluster.remove('virtualmachines', 'web-9');
    while (fakeProvider.count('DeleteMachine') < 1) await clock.advance(10);
    hide();
    await restart();
    await clock.advance(minute);
    expect(cluster.machine('web-9')).toBeDefined();
  });

  it('is not confirmed early for VMs that a new process begins to observe later than others', async () => {
    const { clock, cluster, condition, hide, restart } = await createFleet();
    hide();
    cluster.remove('secrets', 'second');
    await restart();
    cluster.remove('virtualmachines', 'web-0');
    await clock.advance(20_000);
    expect([condition('web-0', 'Synced')?.reason, condition('web-9', 'Ready')?.status]).toEqual([
      'CredentialsMissing',
      'True',
    ]);
    putSecondSecret({ cluster });
    // It is looked for every 15 s.
    await clock.advance(20_000);
    expect(cluster.machine('web-0')).toBeDefined();
    expect(condition('web-0', 'Synced')?.reason).toBe('AbsenceUnconfirmed');
  });

  it('creates no second VM for an object whose records were lost meanwhile', async () => {
    const { clock, cluster, hide, fakeProvider, show } = await createFleet();
    hide();
    await clock.advance(2 * minute);
    cluster.change('web-0', { metadata: { annotations: { 'vps247.com/machine': null } }, status: null });
    await clock.advance(2 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(10);
    show();
    await clock.advance(2 * minute);
    expect([...fakeProvider.made.values()]).toEqual(Array(10).fill(1));
    expect(cluster.machine('web-0')?.status?.state).toBe('Running');
  });

  it('costs no more reads than a quiet account while it lasts', async () => {
    const { clock, hide, fakeProvider } = await createFleet();
    hide();
    await clock.advance(2 * minute);
    const since = clock.monotonic();
    await clock.advance(3 * minute);
    expect(fakeProvider.count('ListMachines', since)).toBeLessThanOrEqual(4);
    expect(fakeProvider.count('GetMachine', since)).toBe(0);
  });
});

it('deletes a whole fleet of deleted objects without a delay', async () => {
  const { clock, cluster, fakeProvider } = await createFleet();
  for (const name of names) cluster.remove('virtualmachines', name);
  await clock.advance(minute);
  expect([names.map((name) => cluster.machine(name)), fakeProvider.machines.size]).toEqual([
    Array(10).fill(undefined),
    0,
  ]);
});
