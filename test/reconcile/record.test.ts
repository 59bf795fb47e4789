import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { bothFinalizers } from './world/cluster.ts';
import { createWorld } from './world/world.ts';

const minute = 60_000;

/** Writes to the object, until it is Ready. */
const writesOf = { create: 4, adopt: 3 };

async function begin(kind: keyof typeof writesOf) {
  const world = await createWorld();
  const { id } = world.fakeProvider.add('legacy', { id: 1001 });
  const spec: Partial<VirtualMachineSpec> =
    kind === 'adopt' ? { adoption: { policy: 'MustExist', id } } : { providerName: 'chosen' };
  return { ...world, applyIt: () => world.apply('web', spec) };
}

function expectRecorded(
  { cluster, condition, fakeProvider }: Awaited<ReturnType<typeof begin>>,
  kind: keyof typeof writesOf,
) {
  const { metadata, status } = cluster.machine('web') ?? {};
  expect(condition('web', 'Ready')?.status).toBe('True');
  expect(status).toMatchObject({
    origin: kind === 'adopt' ? 'Adopted' : 'Created',
    internal: { objectUID: metadata?.uid },
  });
  expect(JSON.parse(metadata?.annotations?.[annotations.machine] ?? '{}')).toMatchObject({ id: status?.id });
  expect(metadata?.annotations).not.toHaveProperty([annotations.createPending]);
  expect(metadata?.finalizers).toEqual(bothFinalizers);
  expect([fakeProvider.count('CreateMachine'), fakeProvider.heldTwice.size]).toEqual([kind === 'adopt' ? 0 : 1, 0]);
}

it('reports that a VM to adopt does not exist, and does not offer to recreate it', async () => {
  const { apply, clock, cluster, fakeProvider } = await createWorld();
  fakeProvider.add('other');
  apply('web', { adoption: { policy: 'MustExist', id: 4711 } });
  await clock.advance(10 * minute);
  const reasons = cluster.versions.flatMap(({ status }) => status?.conditions?.map(({ reason }) => reason) ?? []);
  expect(new Set(reasons)).toEqual(new Set(['Observing', 'AdoptionTargetNotFound', 'NotCompared', 'Accepted']));
  expect(fakeProvider.count('CreateMachine')).toBe(0);
});

describe.each(['create', 'adopt'] as const)('%s', (kind) => {
  it(`takes at most ${writesOf[kind]} writes`, async () => {
    const world = await begin(kind);
    world.applyIt();
    await world.clock.advance(2 * minute);
    expectRecorded(world, kind);
    expect(world.cluster.writes.filter((write) => write.endsWith('web')).length).toBeLessThanOrEqual(writesOf[kind]);
  });

  it('shows the policies in effect, and changes them with the one write that the change takes anyway', async () => {
    const world = await begin(kind);
    world.applyIt();
    await world.clock.advance(2 * minute);
    const [deletionPolicy, onExternalDelete] = kind === 'adopt' ? ['Retain', 'Report'] : ['Delete', 'Recreate'];
    expect(world.cluster.machine('web')?.status).toMatchObject({ deletionPolicy, onExternalDelete });
    const before = world.cluster.writes.length;
    const other = kind === 'adopt' ? 'Delete' : 'Retain';
    world.cluster.change('web', { spec: { deletionPolicy: other } });
    await world.clock.advance(2 * minute);
    expect(world.cluster.machine('web')?.status).toMatchObject({ deletionPolicy: other, observedGeneration: 2 });
    expect(world.cluster.writes.slice(before)).toHaveLength(1);
  });

  it.each(Array.from({ length: writesOf[kind] }, (_, index) => index))(
    'is known after a crash before write %i',
    async (last) => {
      const world = await begin(kind);
      let writes = 0;
      world.cluster.holds = () => {
        writes += 1;
        return writes > last ? new Promise(() => {}) : undefined;
      };
      world.applyIt();
      await world.clock.advance(minute);
      world.cluster.holds = () => undefined;
      await world.restart();
      await world.clock.advance(5 * minute);
      expectRecorded(world, kind);
    },
  );

  it.each(['Unavailable', 'Conflict'] as const)(
    'is known after the API server answers a status write with %s',
    async (reason) => {
      for (const isStored of [true, false]) {
        const world = await begin(kind);
        world.cluster.failures.push({ write: 'status web', reason, isStored });
        world.applyIt();
        await world.clock.advance(5 * minute);
        expectRecorded(world, kind);
      }
    },
  );
});

it('the hint of a VM is not written onto a later object of the same name', async () => {
  const { apply, clock, cluster, condition } = await createWorld({ orphanCandidates: 'Report' });
  let patches = 0;
  cluster.holds = (write) => {
    if (write === 'patch web') patches += 1;
    if (write !== 'patch web' || patches !== 2) return undefined;
    cluster.remove('virtualmachines', 'web');
    cluster.change('web', { metadata: { finalizers: [] } });
    apply('web');
    return undefined;
  };
  apply('web');
  await clock.advance(5 * minute);
  const [first, last] = [cluster.versions[0], cluster.versions.at(-1)].map((version) => version?.metadata.uid);
  expect([first === last, condition('web', 'Ready')?.status]).toEqual([false, 'True']);
  const hints = cluster.versions
    .filter(({ metadata }) => metadata.uid === last)
    .flatMap(({ metadata }) => metadata.annotations?.[annotations.machine] ?? []);
  expect(new Set(hints)).toEqual(new Set([expect.stringContaining('"id":2')]));
});

it('the answer of a create is not recorded in a later object of the same name', async () => {
  const { apply, clock, cluster, condition, fakeProvider } = await createWorld({ orphanCandidates: 'Report' });
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  fakeProvider.holds = (operation) =>
    operation === 'CreateMachine' && fakeProvider.count('CreateMachine') === 0 ? answered : undefined;
  apply('web');
  await clock.advance(1_000);
  cluster.remove('virtualmachines', 'web');
  cluster.change('web', { metadata: { finalizers: [] } });
  apply('web');
  await clock.advance(1_000);
  answer();
  await clock.advance(5 * minute);
  const { metadata, status } = cluster.machine('web') ?? {};
  expect([condition('web', 'Ready')?.status, status?.id, status?.internal?.objectUID]).toEqual([
    'True',
    2,
    metadata?.uid,
  ]);
  const recorded = cluster.versions.filter((version) => version.metadata.uid === metadata?.uid);
  expect(new Set(recorded.map((version) => version.status?.id))).toEqual(new Set([undefined, 2]));
});
