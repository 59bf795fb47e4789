import fc from 'fast-check';
import { expect, test } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { CatalogSelector, VirtualMachine, VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import type { CatalogRef, Machine } from '../../src/domain/machine.ts';
import { assertProperty } from '../support/property.ts';
import { createWorldWithCatalog, type Detail, type Field, fields, offers } from './world/catalog.ts';
import { usualSpec } from './world/operator.ts';
import type { World } from './world/world.ts';

const hour = 3_600_000;

/** VMs that exist before the object, in the order of their ids. */
const existing = ['Web 1', 'api_test'];

type DesiredState = Pick<
  VirtualMachineSpec,
  Field | 'adoption' | 'managementPolicy' | 'powerState' | 'onExternalDelete'
>;

/** What the user changes, what is changed in the provider's control panel, and a restart of the operator. */
type Change =
  | { readonly type: 'Spec'; readonly desired: DesiredState }
  | { readonly type: 'Panel'; readonly id: number; readonly fields: Partial<Machine> }
  | { readonly type: 'Delete'; readonly id: number }
  | { readonly type: 'Pause' | 'Resume' | 'Restart' };

const selectorOf = (field: Field): fc.Arbitrary<CatalogSelector> =>
  fc.oneof(
    fc.constantFrom(...offers[field]).map(({ id }) => ({ id })),
    fc.constantFrom(...offers[field].map(({ name }) => name), 'No Such Name').map((name) => ({ name })),
  );

/** The provider may rename an entry, so any name comes with any id. */
const refOf = (field: Field): fc.Arbitrary<CatalogRef> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom<CatalogRef>(...offers[field]) },
    { weight: 1, arbitrary: fc.constantFrom(...offers[field]).map(({ id, name }) => ({ id, name: `${name} (new)` })) },
  );

const adoptions: fc.Arbitrary<VirtualMachineSpec['adoption']> = fc.oneof(
  fc.constantFrom({ policy: 'Never' }, { policy: 'IfExists' }, { policy: 'MustExist' }),
  fc.constantFrom(1, 2, 99).map((id) => ({ policy: 'MustExist' as const, id })),
  fc.constantFrom(...existing, 'db.example.com').map((name) => ({ policy: 'MustExist' as const, name })),
);

/** Whatever the CRD admits of a new object: without `adoption` the fields are required. */
const desiredStates: fc.Arbitrary<DesiredState> = fc
  .record({
    adoption: adoptions,
    managementPolicy: fc.constantFrom('Manage', 'Manage', 'Plan', 'Observe'),
    powerState: fc.constantFrom('Running', 'Halted'),
    onExternalDelete: fc.constantFrom('Recreate', 'Report'),
    region: selectorOf('region'),
    package: selectorOf('package'),
    osTemplate: selectorOf('osTemplate'),
    missing: fc.subarray([...fields]),
  })
  .map(({ missing, ...desired }): DesiredState => {
    const mayLack = desired.adoption.policy === 'MustExist' || desired.managementPolicy === 'Observe';
    if (!mayLack) return desired;
    // What is left of a record without some fields is one without them.
    return Object.fromEntries(
      Object.entries(desired).filter(([key]) => !missing.some((field) => field === key)),
    ) as DesiredState;
  });

const vms = fc.record({ region: refOf('region'), package: refOf('package'), osTemplate: refOf('osTemplate') });

const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: desiredStates.map((desired) => ({ type: 'Spec' as const, desired })) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('Panel' as const),
      // 3 is the first VM that the operator creates.
      id: fc.constantFrom(1, 2, 3),
      fields: fc.oneof(
        refOf('region').map((region) => ({ region })),
        refOf('package').map((size) => ({ package: size })),
        refOf('osTemplate').map((osTemplate) => ({ osTemplate })),
        fc.constantFrom('Running' as const, 'Halted' as const).map((state) => ({ state })),
        fc
          .constantFrom('192.0.2.1', '198.51.100.7')
          .map((address) => ({ addresses: [{ version: 4 as const, address }] })),
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('Delete' as const), id: fc.constantFrom(1, 2, 3) }) },
  { weight: 2, arbitrary: fc.constantFrom('Pause', 'Resume', 'Restart').map((type) => ({ type }) as const) },
);

/** Fields that a change leaves out are removed, as `kubectl replace` does. */
function replaceSpec({ cluster }: World, desired: DesiredState): void {
  const absent = Object.fromEntries([...fields, 'onExternalDelete'].map((field) => [field, null]));
  const adoption = { id: null, name: null, ...desired.adoption };
  const given = Object.fromEntries(
    fields.flatMap((field) => {
      const selector = desired[field];
      return selector === undefined ? [] : [[field, { id: null, name: null, ...selector }]];
    }),
  );
  cluster.change('web', { spec: { ...absent, ...desired, ...given, adoption } });
}

async function happen(world: World, change: Change): Promise<void> {
  switch (change.type) {
    case 'Spec':
      return replaceSpec(world, change.desired);
    case 'Panel':
      return world.fakeProvider.set(change.id, change.fields);
    case 'Delete':
      return void world.fakeProvider.machines.delete(change.id);
    case 'Pause':
    case 'Resume':
      return world.cluster.change('web', {
        metadata: { annotations: { [annotations.paused]: change.type === 'Pause' ? 'true' : null } },
      });
    case 'Restart':
      return world.restart();
  }
}

/** What is wrong with what the object shows, given the provider's own records. */
function liesOf({ spec, status }: VirtualMachine, { fakeProvider }: World, detail: Detail): readonly string[] {
  const isTrue = (type: string): boolean => status?.conditions?.find((one) => one.type === type)?.status === 'True';
  if (!isTrue('Ready') && !isTrue('AsSpecified')) return [];
  const vm = fakeProvider.machines.get(status?.id ?? 0);
  if (vm === undefined) return [`the provider has no VM ${status?.id}`];
  const shown = [
    ['state', status?.state, vm.state],
    ['addresses', status?.addresses, vm.addresses],
    ...fields.map((field) => [field, status?.[field], asReported(vm[field], detail)] as const),
  ] as const;
  const lies = shown
    .filter(([, column, truth]) => JSON.stringify(column) !== JSON.stringify(truth))
    .map(([name, column, truth]) => `${name} shows ${JSON.stringify(column)} of ${JSON.stringify(truth)}`);
  const unmet = fields
    .filter((field) => isTrue('AsSpecified') && !isMet(spec[field], vm[field]))
    .map((field) => `AsSpecified, but ${field} is ${JSON.stringify(vm[field])}`);
  return [...lies, ...unmet];
}

function asReported(ref: CatalogRef | undefined, detail: Detail): CatalogRef | undefined {
  if (ref === undefined || detail === 'Nothing') return undefined;
  return detail === 'Ids' ? { id: ref.id } : ref;
}

function isMet(wanted: CatalogSelector | undefined, ref: CatalogRef | undefined): boolean {
  if (wanted === undefined) return true;
  return 'id' in wanted ? wanted.id === ref?.id : wanted.name === ref?.name;
}

test('an object that is Ready or AsSpecified shows its VM correctly after any changes by the user and the provider', async () => {
  await assertProperty(
    fc.asyncProperty(
      fc.constantFrom<Detail>('IdsAndNames', 'IdsAndNames', 'Ids', 'Nothing'),
      fc.tuple(vms, vms),
      desiredStates,
      fc.array(fc.record({ change: changes, wait: fc.constantFrom(0, 5_000, hour) }), { maxLength: 8 }),
      async (detail, refs, desired, happened) => {
        const world = await createWorldWithCatalog(detail);
        existing.forEach((name, index) => world.fakeProvider.add(name, refs[index]));
        world.apply('web', { ...usualSpec, ...withAbsent(desired) });
        await world.clock.advance(hour);
        const judge = (): void => {
          const object = world.cluster.machine('web');
          if (object === undefined) throw new Error('the object is gone');
          expect(liesOf(object, world, detail)).toEqual([]);
        };
        judge();
        for (const { change, wait } of happened) {
          await happen(world, change);
          await world.clock.advance(wait);
          if (wait === hour) judge();
        }
        await world.clock.advance(hour);
        judge();
        // No name was created twice.
        expect(world.fakeProvider.heldTwice).toEqual(new Set());
      },
    ),
    { runs: 60 },
  );
}, 120_000);

/** `apply` merges with a spec that has all fields. */
function withAbsent(desired: DesiredState): Partial<VirtualMachineSpec> {
  const absent = Object.fromEntries(fields.map((field) => [field, undefined]));
  return { ...absent, ...desired };
}
