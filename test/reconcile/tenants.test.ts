import { describe, expect, it } from 'vitest';
import { annotations, finalizer } from '../../src/api/v1alpha1/constants.ts';
import { Secret } from '../../src/domain/secret.ts';
import { createTenantWorld, type Tenant, type TenantWorld } from './world/tenants.ts';

const minute = 60_000;
const paused = { [annotations.paused]: 'true' };
const adopt = (id: number) => ({ adoption: { policy: 'MustExist', id } }) as const;
/** Before every other object, so that it goes first where age decides. */
const first = { creationTimestamp: '2020-01-01T00:00:00Z' };

/** Calls that change a VM. */
const changesIn = ({ fakeProvider }: TenantWorld) =>
  fakeProvider.calls.filter(({ operation }) => !/^List|^Get/.test(operation));

/** VM 1001 "legacy", adopted by team-a, and "site", created for it under a name that it chose. */
async function settleTeamA(world: TenantWorld): Promise<{ readonly a: Tenant; readonly siteId: number }> {
  const a = world.tenant('team-a', { ownerId: 1 });
  world.fakeProvider.add('legacy', {
    id: 1001,
    ownerId: 1,
    initialPassword: new Secret('emulated-password-of-legacy'),
  });
  a.apply('legacy', { ...adopt(1001), deletionPolicy: 'Delete' });
  a.apply('site', { providerName: 'site' });
  await world.clock.advance(2 * minute);
  expect([a.condition('legacy')?.status, a.condition('site')?.status]).toEqual(['True', 'True']);
  return { a, siteId: a.object('site')?.status?.id ?? 0 };
}

describe.each([
  { where: 'in another account', key: { ownerId: 2 } },
  { where: 'in the same account, with its own key', key: { ownerId: 1, name: 'own' } },
  { where: 'with a key that the provider does not accept', key: { ownerId: 9 } },
  { where: 'without a key', key: undefined },
])('annotations that a tenant writes, $where', ({ key }) => {
  it('neither freeze VMs of others nor keep them from being deleted', async () => {
    const world = await createTenantWorld();
    const b = world.tenant('team-b', key);
    if (key?.ownerId === 9) world.fakeProvider.refused.add(9);
    for (const name of ['one', 'two']) b.apply(name, { providerName: 'site' }, { ...first, annotations: paused });
    b.claim('one', 1001, 'legacy');
    const { a, siteId } = await settleTeamA(world);
    b.claim('two', siteId, 'site');
    await world.clock.advance(2 * minute);

    for (const name of ['legacy', 'site']) a.change(name, { powerState: 'Halted' });
    await world.clock.advance(2 * minute);
    expect(['legacy', 'site'].map((name) => a.condition(name)?.status)).toEqual(['True', 'True']);
    for (const name of ['legacy', 'site']) a.delete(name);
    await world.clock.advance(5 * minute);
    expect([a.object('legacy'), a.object('site'), world.fakeProvider.machines.size]).toEqual([undefined, undefined, 0]);
  });

  it('do not keep a VM from being adopted', async () => {
    const world = await createTenantWorld();
    const [a, b] = [world.tenant('team-a', { ownerId: 1 }), world.tenant('team-b', key)];
    world.fakeProvider.add('old', { id: 1005, ownerId: 1 });
    b.apply('thief', {}, { ...first, annotations: paused });
    b.claim('thief', 1005, 'old');
    await world.clock.advance(minute);
    a.apply('old', adopt(1005));
    await world.clock.advance(minute);
    expect(a.object('old')?.status).toMatchObject({ id: 1005, origin: 'Adopted' });
  });

  it('do not disable the hold for orphan candidates', async () => {
    const world = await createTenantWorld();
    const [a, b] = [world.tenant('team-a', { ownerId: 1 }), world.tenant('team-b', key)];
    world.fakeProvider.add('web-0badc0de', { id: 1006, ownerId: 1 });
    b.apply('thief', { providerName: 'web-0badc0de' }, { ...first, annotations: paused });
    b.claim('thief', 1006, 'web-0badc0de');
    await world.clock.advance(minute);
    a.apply('web');
    await world.clock.advance(5 * minute);
    expect(a.condition('web', 'Synced')?.reason).toBe('OrphanCandidateFound');
    expect(changesIn(world)).toEqual([]);
  });
});

describe('in one account', () => {
  it('an annotation does not enable a refused adoption: no record, no password, no delete', async () => {
    const world = await createTenantWorld();
    const { a } = await settleTeamA(world);
    const passwords = a.secrets;
    const before = changesIn(world).length;
    const b = world.tenant('team-b', { ownerId: 1 });
    b.apply('thief', { ...adopt(1001), deletionPolicy: 'Delete', initialPasswordSecret: { name: 'stolen' } });
    b.claim('thief', 1001, 'legacy');
    await world.clock.advance(2 * minute);
    expect(b.condition('thief')?.reason).toBe('HeldByOtherObject');
    expect(b.object('thief')?.status).not.toHaveProperty('id');
    expect(b.object('thief')?.status).not.toHaveProperty('state');
    b.annotate('thief', { [annotations.createPending]: '{}' });
    b.change('thief', { powerState: 'Halted' });
    await world.clock.advance(2 * minute);
    b.delete('thief');
    await world.clock.advance(2 * minute);
    expect([b.object('thief'), b.secrets, a.secrets]).toEqual([undefined, [], passwords]);
    expect(changesIn(world)).toHaveLength(before);
    expect(a.condition('legacy')?.status).toBe('True');
  });

  it('a create intent that a tenant wrote claims no VM of the name', async () => {
    const world = await createTenantWorld();
    world.fakeProvider.add('legacy', { id: 1001, ownerId: 1 });
    const b = world.tenant('team-b', { ownerId: 1 });
    b.apply('thief', { providerName: 'legacy' });
    const { uid } = b.object('thief')?.metadata ?? {};
    b.annotate('thief', {
      [annotations.createPending]: JSON.stringify({ at: '2020-01-01T00:00:00Z', name: 'legacy', uid, owner: 1 }),
    });
    await world.clock.advance(2 * minute);
    expect(b.condition('thief')?.reason).toBe('NameTaken');
    b.delete('thief');
    await world.clock.advance(2 * minute);
    expect([b.object('thief'), changesIn(world)]).toEqual([undefined, []]);
  });

  it.each([
    { because: 'a list shows that its VM is gone', wait: minute, calls: [] },
    // The request is for the VM on record.
    { because: 'no list shows yet that its VM is gone', wait: 0, calls: ['StopMachine'] },
  ])(
    'a create intent that a tenant restores after its VM is recorded claims no VM: $because',
    async ({ wait, calls }) => {
      const world = await createTenantWorld();
      const b = world.tenant('team-b', { ownerId: 1 });
      b.apply('web', { providerName: 'chosen', onExternalDelete: 'Report' });
      await world.clock.advance(minute);
      const written = world.cluster.versions.flatMap(
        ({ metadata }) => metadata.annotations?.[annotations.createPending] ?? [],
      );
      const { id = 0 } = b.object('web')?.status ?? {};
      world.fakeProvider.machines.delete(id);
      const { id: other } = world.fakeProvider.add('chosen', { ownerId: 1 });
      await world.clock.advance(wait);
      b.annotate('web', { [annotations.createPending]: written.at(-1) ?? '' });
      const before = changesIn(world).length;
      b.delete('web');
      await world.clock.advance(10 * minute);
      const operations = changesIn(world).map(({ operation }) => operation);
      expect(operations.slice(before)).toEqual(calls);
      expect(world.fakeProvider.machines.get(other)?.state).toBe('Running');
    },
  );

  it('a paused object keeps the VM on its record', async () => {
    const world = await createTenantWorld();
    const { a } = await settleTeamA(world);
    a.annotate('legacy', paused);
    const b = world.tenant('team-b', { ownerId: 1 });
    b.apply('thief', adopt(1001), first);
    await world.clock.advance(2 * minute);
    expect(b.condition('thief')?.message).toContain('VM 1001 belongs to the object team-a/legacy;');
  });

  it('a paused object keeps its VM also right after a start, before it is reconciled', async () => {
    const world = await createTenantWorld();
    const { a } = await settleTeamA(world);
    a.annotate('legacy', paused);
    await world.clock.advance(minute);
    const b = world.tenant('team-b', { ownerId: 1 });
    // No owner on record: the provider reported none.
    world.cluster.change('legacy', { status: { ownerId: null } }, 'team-a');
    b.apply('thief', adopt(1001), first);
    await world.restart();
    await world.clock.advance(2 * minute);
    expect(b.condition('thief')?.reason).toBe('HeldByOtherObject');
  });

  it('an object that is deleted while another one records its VM waits, and reports the other object and the remedy', async () => {
    const world = await createTenantWorld();
    const { a, siteId } = await settleTeamA(world);
    a.apply('twin', { ...adopt(1001), providerName: 'legacy' });
    await world.clock.advance(minute);
    const { uid } = a.object('twin')?.metadata ?? {};
    // Only a cluster administrator can do that.
    const record = { id: siteId, origin: 'Adopted', providerName: 'site', ownerId: 1, internal: { objectUID: uid } };
    world.cluster.change(
      'twin',
      { metadata: { finalizers: [finalizer] }, spec: { providerName: null, deletionPolicy: 'Delete' }, status: record },
      'team-a',
    );
    a.delete('twin');
    await world.clock.advance(2 * minute);
    expect(a.condition('twin', 'DeletionBlocked')?.message).toBe(
      `VM ${siteId} belongs to the object team-a/site, which records it too; to delete this object and leave the VM to that one: kubectl -n team-a patch vps twin --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`,
    );
    expect(world.fakeProvider.machines.get(siteId)?.state).toBe('Running');
    world.cluster.change('twin', { spec: { deletionPolicy: 'Retain' } }, 'team-a');
    await world.clock.advance(minute);
    expect([a.object('twin'), world.fakeProvider.machines.get(siteId)?.state]).toEqual([undefined, 'Running']);
  });
});

describe('in one account, an object that only requests a VM', () => {
  it('does not hold up the deletion of another one that has no VM', async () => {
    const world = await createTenantWorld();
    const [a, b] = [world.tenant('team-a', { ownerId: 1 }), world.tenant('team-b', { ownerId: 1 })];
    world.fakeProvider.add('other', { ownerId: 1 });
    b.apply('thief', { providerName: 'site', region: { name: 'nowhere' } }, { ...first, annotations: paused });
    await world.clock.advance(minute);
    world.fakeProvider.accidents.set('CreateMachine', [{ class: 'UnknownOutcome', code: 'ConnectionLost' }]);
    a.apply('site', { providerName: 'site' });
    await world.clock.advance(2_000);
    b.annotate('thief', { [annotations.paused]: null });
    a.delete('site');
    await world.clock.advance(5 * minute);
    expect([a.object('site'), changesIn(world)]).toEqual([undefined, [expect.anything()]]);
  });

  it('blocks no adoption of a VM that it cannot adopt any longer: Kubernetes was unavailable, then the spec changed', async () => {
    const world = await createTenantWorld();
    const [a, b] = [world.tenant('team-a', { ownerId: 1 }), world.tenant('team-b', { ownerId: 1 })];
    world.fakeProvider.add('old', { id: 1005, ownerId: 1 });
    for (let times = 0; times < 2; times += 1)
      world.cluster.failures.push({ write: 'patch thief', reason: 'Unavailable' });
    b.apply('thief', adopt(1005));
    await world.clock.advance(100);
    b.change('thief', { adoption: { policy: 'Never', id: null } });
    await world.clock.advance(minute);
    a.apply('old', adopt(1005));
    await world.clock.advance(minute);
    expect(a.object('old')?.status?.id).toBe(1005);
  });

  it('blocks no adoption after it is deleted: a policy had refused its status', async () => {
    const world = await createTenantWorld();
    const [a, b] = [world.tenant('team-a', { ownerId: 1 }), world.tenant('team-b', { ownerId: 1 })];
    world.fakeProvider.add('old', { id: 1005, ownerId: 1 });
    world.cluster.admission = (write, object) => (write === 'status thief' ? 'Forbidden' : object);
    b.apply('thief', adopt(1005));
    await world.clock.advance(minute);
    b.delete('thief');
    await world.clock.advance(minute);
    expect(b.object('thief')).toBeUndefined();
    a.apply('old', adopt(1005));
    await world.clock.advance(minute);
    expect(a.object('old')?.status?.id).toBe(1005);
  });
});

it('an annotation that contradicts the record is reported once, and corrected', async () => {
  const world = await createTenantWorld();
  const a = world.tenant('team-a', { ownerId: 1 });
  a.apply('web');
  await world.clock.advance(minute);
  const hint = (): unknown => JSON.parse(a.object('web')?.metadata.annotations?.[annotations.machine] ?? '');
  const { id } = a.object('web')?.status ?? {};
  for (const other of [1001, 1005]) {
    a.claim('web', other, 'legacy');
    await world.clock.advance(minute);
    expect(hint()).toMatchObject({ id });
  }
  const events = world.cluster.created.filter(({ body }) =>
    JSON.stringify(body).includes('MachineAnnotationCorrected'),
  );
  expect(events).toHaveLength(1);
  expect(a.condition('web')?.status).toBe('True');
});

describe("with the operator's own key", () => {
  const settings = {
    defaultCredentialsSecret: { namespace: 'ops', name: 'vps247-credentials', key: undefined },
    defaultCredentialsNamespaces: ['team-a', 'team-b'],
  };
  const createSharedWorld = async () => {
    const world = await createTenantWorld(settings);
    world.tenant('ops', { ownerId: 1 });
    return { world, a: world.tenant('team-a', undefined), b: world.tenant('team-b', undefined) };
  };

  it.each([
    { by: 'id', there: { id: 1001 }, nowhere: { id: 4711 }, managementPolicy: 'Manage' },
    { by: 'id', there: { id: 1001 }, nowhere: { id: 4711 }, managementPolicy: 'Observe' },
    { by: 'name', there: { name: 'legacy' }, nowhere: { name: 'other' }, managementPolicy: 'Manage' },
    { by: 'name', there: { name: 'legacy' }, nowhere: { name: 'other' }, managementPolicy: 'Observe' },
  ] as const)(
    'adoption by $by reports the same whether such a VM exists or not, and shows nothing of it: $managementPolicy',
    async ({ there, nowhere, managementPolicy }) => {
      const { world, b } = await createSharedWorld();
      world.fakeProvider.add('legacy', { id: 1001, ownerId: 1, hostname: 'legacy.example' });
      b.apply('there', { adoption: { policy: 'MustExist', ...there }, managementPolicy });
      b.apply('nowhere', { adoption: { policy: 'MustExist', ...nowhere }, managementPolicy });
      await world.clock.advance(10 * minute);
      const reported = (name: string) => {
        const { conditions, internal, ...status } = b.object(name)?.status ?? {};
        const texts = conditions?.map(({ type, status: value, reason, message }) => [type, value, reason, message]);
        return JSON.parse(
          JSON.stringify([
            texts,
            { ...status, providerName: '', internal: { ...internal, objectUID: '', apiKeyHash: '' } },
          ]).replaceAll(name, ''),
        );
      };
      expect(reported('there')).toEqual(reported('nowhere'));
      expect(b.condition('there')?.reason).toBe('AdoptionNotPermitted');
      expect(changesIn(world)).toEqual([]);
    },
  );

  it('an annotation with the id of a VM shows nothing of it either', async () => {
    const { world, b } = await createSharedWorld();
    world.fakeProvider.add('legacy', { id: 1001, ownerId: 1, hostname: 'legacy.example' });
    b.apply('web', { managementPolicy: 'Observe', adoption: { policy: 'IfExists' } });
    for (const uid of [b.object('web')?.metadata.uid, 'other']) {
      b.annotate('web', { [annotations.machine]: JSON.stringify({ id: 1001, uid, name: 'legacy' }) });
      await world.clock.advance(2 * minute);
      expect(JSON.stringify(b.object('web')?.status)).not.toMatch(/legacy|"state"|Running/);
    }
  });

  it('a VM that may be an orphan neither holds up another namespace nor is reported there', async () => {
    const { world, b } = await createSharedWorld();
    world.fakeProvider.add('web-0badc0de', { ownerId: 1 });
    b.apply('web');
    await world.clock.advance(minute);
    expect(b.condition('web')?.status).toBe('True');
    expect(JSON.stringify(b.object('web'))).not.toContain('0badc0de');
  });

  it('a record of a VM from another account is not acted on after an annotation changed the key', async () => {
    const { world } = await createSharedWorld();
    const b = world.tenant('team-b', { ownerId: 2 });
    world.fakeProvider.add('legacy', { id: 1005, ownerId: 2 });
    b.apply('web', { ...adopt(1005), deletionPolicy: 'Delete' });
    await world.clock.advance(minute);
    world.fakeProvider.set(1005, { ownerId: 1 });
    b.annotate('web', { [annotations.defaultCredentials]: 'true' });
    b.delete('web');
    await world.clock.advance(10 * minute);
    expect(world.fakeProvider.machines.get(1005)?.state).toBe('Running');
  });
});

/** Brings back the record of an earlier VM, by its annotation and by the status. */
function restore(world: TenantWorld, a: Tenant): void {
  const { uid } = a.object('web')?.metadata ?? {};
  const annotation = { [annotations.machine]: JSON.stringify({ id: 4711, uid }) };
  const status = { id: 4711, origin: 'Created', ownerId: 1, internal: { objectUID: uid } };
  world.cluster.change('web', { metadata: { annotations: annotation }, status }, 'team-a');
}

describe('an object restored from a backup of an earlier object', () => {
  it('uses the VM whose name carries the UID', async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    a.apply('web');
    await world.clock.advance(minute);
    const { id } = a.object('web')?.status ?? {};
    restore(world, a);
    await world.restart();
    await world.clock.advance(10 * minute);
    expect([a.object('web')?.status?.id, a.condition('web')?.status]).toEqual([id, 'True']);
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
  });

  it('uses it also if a VM with the recorded id exists and has another name', async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    world.fakeProvider.add('theirs', { id: 4711, ownerId: 1 });
    a.apply('web');
    await world.clock.advance(minute);
    const { id, providerName } = a.object('web')?.status ?? {};
    restore(world, a);
    world.cluster.change('web', { status: { origin: 'Adopted', providerName: 'theirs' } }, 'team-a');
    await world.restart();
    a.change('web', { powerState: 'Halted' });
    await world.clock.advance(10 * minute);
    expect(a.object('web')?.status).toMatchObject({ id, providerName, origin: 'Created', state: 'Halted' });
    expect(world.fakeProvider.machines.get(4711)?.state).toBe('Running');
  });

  it('can be deleted, together with its VM', async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    a.apply('web');
    await world.clock.advance(minute);
    restore(world, a);
    a.delete('web');
    await world.restart();
    await world.clock.advance(10 * minute);
    expect([a.object('web'), world.fakeProvider.machines.size]).toEqual([undefined, 0]);
  });
});

describe('keys are compared by value, not by Secret', () => {
  const refused = { class: 'Retry', code: 'ConnectFailed' } as const;

  it('a create intent in an account without any VM is settled after the Secret got another version', async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    world.fakeProvider.accidents.set('CreateMachine', [refused]);
    a.apply('web');
    await world.clock.advance(500);
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
    world.tenant('team-a', { ownerId: 1 });
    await world.restart();
    await world.clock.advance(5 * minute);
    expect(a.condition('web')?.status).toBe('True');
  });

  it('a create without an answer is settled with another key of the recorded owner', async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    world.fakeProvider.add('other', { ownerId: 1 });
    world.fakeProvider.accidents.set('CreateMachine', [{ class: 'UnknownOutcome', code: 'ConnectionLost' }]);
    a.apply('web');
    await world.clock.advance(500);
    expect(world.fakeProvider.count('CreateMachine')).toBe(1);
    world.tenant('team-a', { ownerId: 1, name: 'rotated' });
    await world.restart();
    await world.clock.advance(5 * minute);
    expect([a.condition('web')?.status, world.fakeProvider.count('CreateMachine')]).toEqual(['True', 2]);
  });

  it("a change of a Secret's metadata costs no write", async () => {
    const world = await createTenantWorld();
    const a = world.tenant('team-a', { ownerId: 1 });
    a.apply('web');
    await world.clock.advance(2 * minute);
    const writes = world.cluster.writes.length;
    world.tenant('team-a', { ownerId: 1 });
    await world.restart();
    await world.clock.advance(5 * minute);
    expect(world.cluster.writes.slice(writes)).toEqual([]);
  });
});
