import { describe, expect, it, vi } from 'vitest';
import { annotations, apiVersion, kind } from '../../../src/api/v1alpha1/constants.ts';
import { conditionOf, userAt } from './user.ts';
import { readiness } from '../../support/control-plane.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import { apiKey, type OperatorFixture, useFixtures } from './fixture.ts';

const stageFor = useFixtures('adoption');
// Several times as long as it takes, for machines with other things to do.
vi.setConfig({ testTimeout: 180_000 });
const calls = ({ emulator }: OperatorFixture): readonly string[] =>
  emulator.ledger.writes().map(({ operation }) => operation);

describe('an existing VM', () => {
  it('is adopted by its id, powered as in the spec, and left when the object is deleted', async () => {
    const fixture = await stageFor('by-id');
    const id = fixture.emulator.panel.create({ ownerId: 1, name: 'legacy', state: 'halted' });
    await fixture.operator();
    const { metadata } = await fixture.create('web', { adoption: { policy: 'MustExist', id } });
    const object = await fixture.untilReady('web', 'True/Available');
    expect(object.status).toMatchObject({
      id,
      origin: 'Adopted',
      providerName: 'legacy',
      state: 'Running',
      ownerId: 1,
    });
    expect(object.status?.initialPasswordSecret).toBeUndefined();
    expect(JSON.parse(object.metadata.annotations?.[annotations.machine] ?? '')).toEqual({
      id,
      uid: metadata.uid,
      owner: 1,
      name: 'legacy',
    });
    await fixture.cluster.delete(fixture.namespace, 'web');
    await fixture.untilGone('web');
    expect(calls(fixture)).toEqual(['StartMachine']);
    expect(fixture.emulator.machines()).toMatchObject([{ id, state: 'running' }]);

    await fixture.create('again', { adoption: { policy: 'MustExist', id }, deletionPolicy: 'Delete' });
    await fixture.untilReady('again', 'True/Available');
    await fixture.cluster.delete(fixture.namespace, 'again');
    await fixture.untilGone('again');
    expect(calls(fixture)).toEqual(['StartMachine', 'StopMachine', 'DeleteMachine']);
    expect(fixture.emulator.ledger.liveMachines()).toEqual([]);
  });

  it('is adopted by its name, and a VM with a free name is created', async () => {
    const fixture = await stageFor('by-name');
    const id = fixture.emulator.panel.create({ ownerId: 1, name: 'legacy' });
    await fixture.operator();
    await fixture.create('old', { providerName: 'legacy', adoption: { policy: 'IfExists' } });
    await fixture.create('new', { providerName: 'fresh', adoption: { policy: 'IfExists' } });
    expect((await fixture.untilReady('old', 'True/Available')).status).toMatchObject({ id, origin: 'Adopted' });
    expect((await fixture.untilReady('new', 'True/Available')).status).toMatchObject({
      origin: 'Created',
      providerName: 'fresh',
    });
    expect(calls(fixture)).toEqual(['CreateMachine']);
    await Promise.all(['old', 'new'].map((name) => fixture.cluster.delete(fixture.namespace, name)));
    await Promise.all(['old', 'new'].map((name) => fixture.untilGone(name)));
    expect(fixture.emulator.ledger.liveMachines().map(({ name }) => name)).toEqual(['legacy']);
  });

  it('is adopted by one of two objects that request it at once, and by the other after that one is deleted', async () => {
    const fixture = await stageFor('two-at-once');
    const user = userAt(fixture);
    const id = fixture.emulator.panel.create({ ownerId: 1, name: 'legacy' });
    const names = ['one', 'two', 'three', 'four'];
    await Promise.all(names.map((name) => fixture.create(name, { adoption: { policy: 'MustExist', id } })));
    await fixture.operator();
    const decided = names.map((name) =>
      user.until(name, 'has or has not got it', (object) =>
        /\/(Available|HeldByOtherObject)$/.test(conditionOf(object, 'Ready')),
      ),
    );
    const reasons = (await Promise.all(decided)).map((object) => ({
      name: object.metadata.name,
      ready: conditionOf(object, 'Ready'),
    }));
    const [winner, ...more] = reasons.filter(({ ready }) => ready === 'True/Available');
    expect(more).toEqual([]);
    await user.untilListed(2);
    const objects = await fixture.cluster.list(fixture.namespace);
    expect(objects.filter(({ metadata }) => metadata.annotations?.[annotations.machine] !== undefined)).toHaveLength(1);

    const heir = names.find((name) => name !== winner?.name) ?? '';
    await fixture.cluster.delete(fixture.namespace, winner?.name ?? '');
    await fixture.untilGone(winner?.name ?? '');
    // Not to wait the minute after which it would look again by itself.
    await user.annotate(heir, { 'reconcile-requested-at': 'now' });
    expect((await fixture.untilReady(heir, 'True/Available')).status?.id).toBe(id);
    expect(calls(fixture)).toEqual([]);
  });

  it('is not taken from the object that created it, nor from another account', async () => {
    const fixture = await stageFor('not-free');
    await fixture.operator();
    await fixture.create('web');
    const { status } = await fixture.untilReady('web', 'True/Available');
    const theirs = fixture.emulator.panel.create({ ownerId: 2, name: 'theirs' });
    await fixture.create('thief', { adoption: { policy: 'MustExist', id: status?.id } });
    await fixture.create('stranger', { adoption: { policy: 'MustExist', id: theirs } });
    await fixture.untilReady('thief', 'False/HeldByOtherObject');
    await fixture.untilReady('stranger', 'False/AdoptionTargetNotFound');
    expect((await fixture.untilReady('web', 'True/Available')).status?.id).toBe(status?.id);
    await Promise.all(['thief', 'stranger'].map((name) => fixture.cluster.delete(fixture.namespace, name)));
    await Promise.all(['thief', 'stranger'].map((name) => fixture.untilGone(name)));
    expect(calls(fixture)).toEqual(['CreateMachine']);
    expect(fixture.emulator.machines()).toHaveLength(2);
  });
});

describe('a VM that does not exist', () => {
  it('is created only with IfExists', async () => {
    const fixture = await stageFor('missing');
    const user = userAt(fixture);
    await fixture.operator();
    await fixture.create('web', { adoption: { policy: 'MustExist', id: 999 } });
    await fixture.untilReady('web', 'False/AdoptionTargetNotFound');
    expect(calls(fixture)).toEqual([]);
    await user.change('web', { adoption: { policy: 'IfExists', id: null } });
    expect((await fixture.untilReady('web', 'True/Available')).status?.origin).toBe('Created');
    expect(calls(fixture)).toEqual(['CreateMachine']);
  });
});

/** Names that the provider accepts and Kubernetes doesn't. */
const names = ['api_test', 'Web', 'db.example.com', 'Büro', `it's "quoted"`];

/** VMs of every region and package, running and halted, in the order of their ids. */
function plantFleet({ emulator }: OperatorFixture, size: number): void {
  const { regions, packages } = emulator.catalog;
  for (let index = 0; index < size; index += 1) {
    const region = regions[index % regions.length];
    const packageId = region?.packageIds[index % region.packageIds.length];
    const templates = packages.find(({ id }) => id === packageId)?.osTemplateIds ?? [];
    emulator.panel.create({
      name: `${names[index % names.length]} ${index}`,
      state: index % 3 === 0 ? 'halted' : 'running',
      ...(region === undefined ? {} : { regionId: region.id }),
      ...(packageId === undefined ? {} : { packageId }),
      osTemplateId: templates[index % templates.length] ?? 1,
    });
  }
}

/** What the provider's API answers, as far as an object shows it. */
async function answeredBy({ apiUrl }: OperatorFixture): Promise<readonly unknown[]> {
  const response = await fetch(`${apiUrl}/virtual_machines`, { headers: { 'X-Api-Key': apiKey } });
  const machines = (await response.json()) as readonly Readonly<Record<string, unknown>>[];
  return machines.map((machine) => ({
    id: machine['id'],
    name: machine['name'],
    state: String(machine['state']).replace(/^./, (letter) => letter.toUpperCase()),
    region: { id: machine['region_id'], name: machine['region_name'] },
    package: { id: machine['package_id'], name: machine['package_name'] },
    osTemplate: { id: machine['os_template_id'], name: machine['os_template_name'] },
    addresses: (machine['ip_allocations'] as readonly { readonly first: string }[]).map(({ first }) => first),
  }));
}

describe('a fleet of existing VMs', () => {
  it('is adopted and observed as it is, by ids and by names, from files without region, package and template', async () => {
    const fixture = await stageFor('fleet');
    const user = userAt(fixture);
    plantFleet(fixture, 60);
    const before = fixture.emulator.ledger.effects.length;
    await fixture.operator();
    const items = fixture.emulator.machines().map(({ id, name, state }, index) => ({
      apiVersion,
      kind,
      metadata: { name: `vm-${index}`, namespace: fixture.namespace },
      spec: {
        adoption: { policy: 'MustExist', ...(index % 2 === 0 ? { id } : { name }) },
        ...(index % 4 < 2 ? { managementPolicy: 'Observe' } : {}),
        // The operator starts an adopted VM that is to run, which is the default.
        ...(state === 'halted' ? { powerState: 'Halted' } : {}),
      },
    }));
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    expect(await kubectl(['apply', '-f', '-'], { input: list })).toMatchObject({ code: 0, stderr: '' });
    const ready = async (): Promise<readonly string[]> =>
      (await fixture.cluster.list(fixture.namespace)).map((object) => readiness(object)).filter(isReady);
    await fixture.cluster.until('all are Ready', async () => (await ready()).length === items.length);
    await user.untilListed(2);

    expect(await ready()).toHaveLength(items.length);
    const objects = await fixture.cluster.list(fixture.namespace);
    expect(objects.map((object) => conditionOf(object, 'AsSpecified'))).toEqual(items.map(() => 'True/AsSpecified'));
    const shown = objects.map(({ status = { observedGeneration: 0 } }) => ({
      id: status.id,
      name: status.providerName,
      state: status.state,
      region: status.region,
      package: status.package,
      osTemplate: status.osTemplate,
      addresses: status.addresses?.map(({ address }) => address),
    }));
    expect(shown.toSorted(byId)).toEqual(await answeredBy(fixture));
    expect([calls(fixture), fixture.emulator.ledger.effects.slice(before)]).toEqual([[], []]);
    expect(await user.kubectl('get', 'secrets', '-o', 'name')).toBe('secret/vps247-credentials\n');
  });
});

const isReady = (text: string): boolean => text === 'True/Available';

function byId(one: { readonly id: number | undefined }, other: { readonly id: number | undefined }): number {
  return (one.id ?? 0) - (other.id ?? 0);
}
