import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { createTenantWorld, type Tenant, type TenantWorld } from './world/tenants.ts';
import { assertProperty } from '../support/property.ts';

const minute = 60_000;

/** What the objects of team-a go through, the same in every run. */
const ids = [1001, 1005, 1006, 1, 2, 3];
/** Names of VMs that team-a has, or could have. */
const names = ['legacy', 'site', 'old', 'web-0badc0de', 'fresh'];

type Step =
  | {
      readonly type: 'Apply';
      readonly name: string;
      readonly spec: Partial<VirtualMachineSpec>;
      readonly isFirst: boolean;
      readonly labels: Readonly<Record<string, string>>;
    }
  | { readonly type: 'Annotate'; readonly name: string; readonly annotation: string; readonly text: string | null }
  | {
      readonly type: 'Forge';
      readonly name: string;
      readonly id: number;
      readonly vmName: string;
      readonly isOwn: boolean;
    }
  | { readonly type: 'WriteIntent'; readonly name: string; readonly vmName: string; readonly isOwn: boolean }
  | { readonly type: 'Change'; readonly name: string; readonly spec: Partial<VirtualMachineSpec> }
  | { readonly type: 'Delete'; readonly name: string };

const objectNames = fc.constantFrom('b1', 'b2', 'web', 'legacy');
const specs: fc.Arbitrary<Partial<VirtualMachineSpec>> = fc.record(
  {
    providerName: fc.constantFrom(...names),
    powerState: fc.constantFrom('Running', 'Halted'),
    managementPolicy: fc.constantFrom('Manage', 'Plan', 'Observe'),
    deletionPolicy: fc.constantFrom('Delete', 'Retain'),
    onExternalDelete: fc.constantFrom('Recreate', 'Report'),
    adoption: fc.record({ policy: fc.constantFrom('MustExist', 'IfExists'), id: fc.constantFrom(...ids) }),
  },
  { requiredKeys: [] },
);
const texts = fc.oneof(
  fc.constantFrom('true', 'false', 'null', '{}', '{"id":1001}', 'team-a/vps247', ''),
  fc.string({ maxLength: 40 }),
);
const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('Apply' as const),
    name: objectNames,
    spec: specs,
    isFirst: fc.boolean(),
    labels: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('x', 'y')),
  }),
  fc.record({
    type: fc.constant('Annotate' as const),
    name: objectNames,
    annotation: fc.constantFrom(...Object.values(annotations)),
    text: fc.option(texts, { nil: null }),
  }),
  fc.record({
    type: fc.constant('Forge' as const),
    name: objectNames,
    id: fc.constantFrom(...ids),
    vmName: fc.constantFrom(...names),
    isOwn: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('WriteIntent' as const),
    name: objectNames,
    vmName: fc.constantFrom(...names),
    isOwn: fc.boolean(),
  }),
  fc.record({ type: fc.constant('Change' as const), name: objectNames, spec: specs }),
  fc.record({ type: fc.constant('Delete' as const), name: objectNames }),
);

/** What a tenant does, where the object is there for it. */
function take(b: Tenant, step: Step): void {
  const there = b.object(step.name);
  if (step.type === 'Apply') {
    const metadata = {
      annotations: {},
      labels: step.labels,
      ...(step.isFirst ? { creationTimestamp: '2020-01-01T00:00:00Z' } : {}),
    };
    if (there === undefined) b.apply(step.name, step.spec, metadata);
    return;
  }
  if (there === undefined) return;
  const uid = (isOwn: boolean): string => (isOwn ? there.metadata.uid : '00000009-0000-4000-8000-000000000000');
  switch (step.type) {
    case 'Annotate':
      return b.annotate(step.name, { [step.annotation]: step.text });
    case 'Forge':
      return b.annotate(step.name, {
        [annotations.machine]: JSON.stringify({ id: step.id, uid: uid(step.isOwn), owner: 1, name: step.vmName }),
      });
    case 'WriteIntent':
      return b.annotate(step.name, {
        [annotations.createPending]: JSON.stringify({
          at: '2020-01-01T00:00:00.000Z',
          name: step.vmName,
          uid: uid(step.isOwn),
          owner: 1,
          proof: 'AAAAAAAAAAAAAAAAAAAAAA',
        }),
      });
    case 'Change': {
      const { adoption, ...spec } = step.spec;
      return b.change(step.name, { ...spec, ...(adoption === undefined ? {} : { adoption }) });
    }
    case 'Delete':
      return there.metadata.deletionTimestamp === undefined ? b.delete(step.name) : undefined;
  }
}

/** A status without what two runs may differ in: ids of objects and versions, and when something was. */
function toldOf(object: VirtualMachine | undefined): unknown {
  const { internal, conditions = [], ...status } = object?.status ?? { observedGeneration: 0 };
  return {
    ...status,
    creationTime: undefined,
    internal: { ...internal, objectUID: undefined, apiKeyHash: undefined },
    conditions: conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
  };
}

/** The lives of team-a's objects, as they report them; `during` is what the other tenant does meanwhile. */
async function live(
  world: TenantWorld,
  { mayMeet }: { readonly mayMeet: boolean },
  during: (moment: number) => void,
): Promise<readonly unknown[]> {
  const a = world.tenant('team-a', { ownerId: 1 });
  const seen: unknown[] = [];
  const pass = async (moment: number): Promise<void> => {
    if (moment > 0 || mayMeet) during(moment);
    await world.clock.advance(2 * minute);
    seen.push([...aNames].map((name) => toldOf(a.object(name))));
    for (const name of aNames) {
      const id = a.object(name)?.status?.id;
      if (id !== undefined) machines.add(id);
    }
    seen.push([...machines].map((id) => world.fakeProvider.machines.get(id)));
  };
  /** VMs that its objects ever had. */
  const machines = new Set<number>();
  const aNames = new Set(['legacy', 'site', 'web']);
  world.fakeProvider.add('legacy', { id: 1001, ownerId: 1 });
  if (mayMeet) world.fakeProvider.add('old', { id: 1005, ownerId: 1 });
  // Before B has VMs: the provider gives ids in order.
  a.apply('legacy', { adoption: { policy: 'MustExist', id: 1001 }, deletionPolicy: 'Delete' });
  a.apply('site', { providerName: 'site' });
  if (!mayMeet) a.apply('web');
  await pass(0);
  for (const name of ['legacy', 'site']) a.change(name, { powerState: 'Halted' });
  await pass(1);
  if (mayMeet) {
    world.fakeProvider.add('web-0badc0de', { id: 1006, ownerId: 1 });
    a.apply('old', { adoption: { policy: 'MustExist', id: 1005 } });
    a.apply('web');
    aNames.add('old');
  }
  a.annotate('site', { [annotations.reconcileRequestedAt]: 'now' });
  await pass(2);
  await world.restart();
  await pass(3);
  a.delete('legacy');
  a.delete('site');
  await pass(4);
  await world.clock.advance(5 * minute);
  seen.push([...aNames].map((name) => a.object(name) === undefined));
  seen.push([...machines].map((id) => world.fakeProvider.machines.get(id)));
  return seen;
}

/** Ids that the provider gives are the world's, not the tenant's: two runs differ in them where B has VMs. */
function withoutIds(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === 'id' ? undefined : inner))
      .replaceAll(/\b(?:machine|VM) \d+/g, 'VM')
      .replaceAll(/[0-9a-f]{8}"/g, '"')
      .replaceAll(/\[\d+,/g, '['),
  );
}

/**
 * In one account, the other tenant's key can reach any unmanaged VM. So the other tenant starts after team-a's objects are
 * settled.
 */
describe.each([
  { where: 'in another account', ownerId: 2, mayMeet: true },
  { where: 'in the same account', ownerId: 1, mayMeet: false },
])('all actions of a tenant $where', ({ ownerId, mayMeet }) => {
  it('change nothing for the objects of another namespace', { timeout: 120_000 }, async () => {
    const alone = withoutIds(await live(await createTenantWorld(), { mayMeet }, () => {}));
    await assertProperty(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(4), steps), { minLength: 1, maxLength: 12 }), async (during) => {
        const world = await createTenantWorld();
        const b = world.tenant('team-b', { ownerId, name: 'b' });
        const reported = await live(world, { mayMeet }, (now) => {
          for (const [moment, step] of during) if (moment === now) take(b, step);
        });
        expect(withoutIds(reported)).toEqual(alone);
      }),
      { runs: 80 },
    );
  });
});
