import { describe, expect, it } from 'vitest';
import type { VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { createWorldWithCatalog } from './world/catalog.ts';
import type { World } from './world/world.ts';

const minute = 60_000;
const hour = 60 * minute;

const spec: Partial<VirtualMachineSpec> = {
  region: { name: 'Amsterdam 1' },
  package: { name: 'Budget' },
  osTemplate: { name: 'Debian 13 x64' },
};

/** A type=status/reason of the object. */
function shown({ condition }: World, type: 'Ready' | 'AsSpecified'): string {
  const { status, reason } = condition('web', type) ?? {};
  return `${status}/${reason}`;
}

/** Pastes the command that the condition AsSpecified prints. */
function correctSpec({ cluster, condition }: World): void {
  const { message = '' } = condition('web', 'AsSpecified') ?? {};
  const [, patch] = /kubectl -n default patch vps web --type merge -p '([^']+)'/.exec(message) ?? [];
  if (patch === undefined) throw new Error(`no command in: ${message}`);
  // The operator printed an object.
  cluster.change('web', JSON.parse(patch) as Readonly<Record<string, unknown>>);
}

const differences = (world: World): number =>
  world.events('web').filter((event) => event.startsWith('DiffersFromSpec')).length;

/** An object that adopts a VM of another package than its spec says. */
async function adoptDifferent(more: Partial<VirtualMachineSpec> = {}): Promise<World> {
  const world = await createWorldWithCatalog();
  world.fakeProvider.add('Web 1', {
    region: { id: 1, name: 'Amsterdam 1' },
    package: { id: 3, name: 'Pro' },
    osTemplate: { id: 1, name: 'Debian 13 x64' },
  });
  world.apply('web', { ...spec, adoption: { policy: 'MustExist', name: 'Web 1' }, ...more });
  await world.clock.advance(minute);
  expect(shown(world, 'AsSpecified')).toBe('False/DiffersFromSpec');
  return world;
}

describe('a spec that changes while its create request is in flight', () => {
  const answers: readonly { readonly answer: string; readonly make: (world: World) => void }[] = [
    {
      answer: 'whose answer takes long',
      make: ({ fakeProvider, clock }) => {
        fakeProvider.holds = (operation) =>
          operation === 'CreateMachine' ? new Promise((resolve) => clock.schedule(20_000, resolve)) : undefined;
      },
    },
    {
      answer: 'whose answer is lost',
      make: ({ fakeProvider }) => {
        fakeProvider.accidents.set('CreateMachine', [
          { class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true },
        ]);
      },
    },
  ];
  it.each(answers)(
    '$answer: one VM exists, created from the earlier spec, and AsSpecified reports the difference',
    async ({ make }) => {
      const world = await createWorldWithCatalog();
      const { clock, cluster, fakeProvider } = world;
      make(world);
      world.apply('web', spec);
      for (let steps = 0; fakeProvider.count('CreateMachine') === 0 && steps < 1_000; steps += 1)
        await clock.advance(1);
      cluster.change('web', { spec: { package: { name: 'Pro' }, ipv6: true, sshKeyIds: [7] } });
      await clock.advance(hour);
      expect(fakeProvider.count('CreateMachine')).toBe(1);
      expect([...fakeProvider.machines.values()]).toMatchObject([{ package: { name: 'Budget' } }]);
      expect(cluster.machine('web')?.status).toMatchObject({
        package: { id: 1, name: 'Budget' },
        ipv6: false,
        privateNetworking: false,
        sshKeyIds: [],
      });
      expect([shown(world, 'Ready'), shown(world, 'AsSpecified')]).toEqual(['True/Available', 'False/DiffersFromSpec']);
      expect(world.condition('web', 'AsSpecified')?.message).toContain(
        'package is "Budget" (id 1), the spec says "Pro"',
      );

      correctSpec(world);
      await clock.advance(minute);
      expect(shown(world, 'AsSpecified')).toBe('True/AsSpecified');
      expect(cluster.machine('web')?.spec).toMatchObject({ ipv6: false, sshKeyIds: [] });
      expect(fakeProvider.count('CreateMachine')).toBe(1);
    },
  );
});

describe('a spec with a wrong name', () => {
  it('that is fixed before the create request gets one VM, from the fixed spec', async () => {
    const world = await createWorldWithCatalog();
    const { clock, cluster, fakeProvider } = world;
    world.apply('web', { ...spec, package: { name: 'Budgte' } });
    await clock.advance(minute);
    expect(shown(world, 'Ready')).toBe('False/UnknownCatalogName');
    cluster.change('web', { spec: { package: { name: 'Pro' } } });
    await clock.advance(minute);
    expect([...fakeProvider.machines.values()]).toMatchObject([{ package: { id: 3, name: 'Pro' } }]);
    expect([shown(world, 'Ready'), shown(world, 'AsSpecified')]).toEqual(['True/Available', 'True/AsSpecified']);
    expect(fakeProvider.count('CreateMachine')).toBe(1);
  });
});

describe('a VM whose package the provider reports without its name', () => {
  it('keeps the reported name while the id is the same, and has no name with another id', async () => {
    const world = await createWorldWithCatalog();
    const { clock, cluster, fakeProvider } = world;
    world.apply('web', spec);
    await clock.advance(minute);
    const sizeAndVerdict = (): unknown => [cluster.machine('web')?.status?.package, shown(world, 'AsSpecified')];
    fakeProvider.set(1, { package: { id: 1 }, addresses: [{ version: 4, address: '192.0.2.1' }] });
    await clock.advance(hour);
    expect(sizeAndVerdict()).toEqual([{ id: 1, name: 'Budget' }, 'True/AsSpecified']);
    fakeProvider.set(1, { package: { id: 2 } });
    await clock.advance(hour);
    expect(sizeAndVerdict()).toEqual([{ id: 2 }, 'Unknown/NotCompared']);
  });
});

describe('a VM that matched its spec and was deleted outside the operator', () => {
  it('is replaced by a VM of the current spec', async () => {
    const world = await createWorldWithCatalog();
    const { clock, cluster, fakeProvider } = world;
    world.apply('web', { ...spec, onExternalDelete: 'Report' });
    await clock.advance(minute);
    fakeProvider.machines.clear();
    await clock.advance(hour);
    expect(shown(world, 'Ready')).toBe('False/ExternallyDeleted');
    // What the API server refuses to contradict is not shown any more.
    const { state, region, package: size, osTemplate } = cluster.machine('web')?.status ?? {};
    expect([state, region, size, osTemplate]).toEqual([undefined, undefined, undefined, undefined]);

    cluster.change('web', { spec: { package: { name: 'Pro' }, onExternalDelete: 'Recreate' } });
    await clock.advance(hour);
    expect([...fakeProvider.machines.values()]).toMatchObject([{ package: { name: 'Pro' } }]);
    expect([shown(world, 'Ready'), shown(world, 'AsSpecified')]).toEqual(['True/Available', 'True/AsSpecified']);
  });
});

describe('a VM that differs from its spec', () => {
  it('is not recreated after a deletion outside the operator until the spec is corrected', async () => {
    const world = await adoptDifferent({ onExternalDelete: 'Recreate' });
    const { clock, fakeProvider } = world;
    fakeProvider.machines.clear();
    await clock.advance(2 * hour);
    expect(fakeProvider.count('CreateMachine')).toBe(0);
    const { reason, message } = world.condition('web', 'Ready') ?? {};
    expect([reason, message]).toEqual(['ExternallyDeleted', expect.stringContaining('To correct the spec: kubectl')]);
    // What the spec is compared with is gone.
    expect(shown(world, 'AsSpecified')).toBe('Unknown/NotCompared');

    world.cluster.change('web', { spec: { package: { name: 'Pro' } } });
    await clock.advance(hour);
    expect([...fakeProvider.machines.values()]).toMatchObject([{ package: { name: 'Pro' } }]);
    expect(shown(world, 'AsSpecified')).toBe('True/AsSpecified');
  });

  it('is reported with one event, however often its status is written, and with another event after a new difference', async () => {
    const world = await adoptDifferent();
    const { clock, fakeProvider } = world;
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      fakeProvider.set(1, { addresses: [{ version: 4, address }] });
      await clock.advance(20 * minute);
      expect(world.cluster.machine('web')?.status?.addresses).toEqual([{ version: 4, address }]);
    }
    expect(differences(world)).toBe(1);

    correctSpec(world);
    await clock.advance(minute);
    expect([shown(world, 'AsSpecified'), differences(world)]).toEqual(['True/AsSpecified', 1]);
    fakeProvider.set(1, { package: { id: 2, name: 'Basic' } });
    await clock.advance(hour);
    expect([shown(world, 'AsSpecified'), differences(world)]).toEqual(['False/DiffersFromSpec', 2]);
  });
});
