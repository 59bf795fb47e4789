import { describe, expect, it } from 'vitest';
import { writeIntent } from '../../src/api/v1alpha1/identity.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { OperatorSettings } from '../../src/config/settings.ts';
import { parseSelector } from '../../src/domain/label-selector.ts';
import { Secret } from '../../src/domain/secret.ts';
import { keyedHash } from '../../src/provider/account/account-registry.ts';
import { bothFinalizers } from './world/cluster.ts';
import { type Leadership, usualSpec } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

/** An installation that a cluster got by mistake beside another one, or in its place. */
function install(name: string | null, beside?: World, settings: Partial<OperatorSettings> = {}): Promise<World> {
  return createWorld(settings, {
    leadership: leadershipOf(name),
    beside,
    withoutBystanders: 'an installation of another name reports each of them',
  });
}

function leadershipOf(installation: string | null): Leadership {
  return { won: Promise.resolve(), fence: () => true, installation };
}

const ownerOf = ({ cluster }: World, name: string): string | undefined =>
  cluster.machine(name)?.metadata.annotations?.[annotations.managedBy];

const others = async (world: World): Promise<number> =>
  Number(/^vps247_operator_objects_owned_by_others (\d+)$/m.exec(await world.metricsPage())?.[1]);

const assign = (owner: string | null) => ({ metadata: { annotations: { [annotations.managedBy]: owner } } });

/** Operations that change something at the provider. */
const changes = ({ fakeProvider }: World): readonly string[] =>
  fakeProvider.calls.filter(({ operation }) => !/^(List|Get)/.test(operation)).map(({ operation }) => operation);

describe('two installations that watch the same objects', () => {
  it('the first one manages them; the second one writes nothing, reports it once and stays ready', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, condition, fakeProvider } = first;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    const writes = cluster.writes.length;
    const second = await install('b/second', first);
    await clock.advance(30 * minute);
    expect(cluster.writes.slice(writes)).toEqual(['create events', 'create events']);
    expect(second.events('web')).toContain(
      'OwnedByOtherInstallation: managed by a/first, not by b/second, which leaves it alone; if a/first is gone: ' +
        'kubectl -n default annotate vps web vps247.com/managed-by-; for all its objects, a cluster administrator can set takeOverFrom',
    );
    expect([first.notReady(), second.notReady()]).toEqual([undefined, undefined]);
    expect(second.complaints).toEqual(['Skipped object that another installation manages']);
    expect([await others(first), await others(second)]).toEqual([0, 2]);
    expect(await first.metricsPage()).toContain('vps247_operator_objects{reason="Available"} 2\n');
    expect(await second.metricsPage()).not.toContain('vps247_operator_objects{');

    cluster.change('web', { spec: { powerState: 'Halted' } });
    apply('new');
    cluster.change('db', { metadata: { deletionTimestamp: new Date(clock.now()).toISOString() } });
    await clock.advance(30 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(cluster.machine('db')).toBeUndefined();
    expect([...fakeProvider.made.values()]).toEqual([1, 1, 1]);
    expect(changes(first).toSorted()).toEqual([
      'CreateMachine',
      'CreateMachine',
      'CreateMachine',
      'DeleteMachine',
      'StopMachine',
      'StopMachine',
    ]);
  });

  it('the one whose write comes first manages an object that both see at the same time', async () => {
    const first = await install('a/first');
    const second = await install('b/second', first);
    const { apply, clock, condition, fakeProvider } = first;
    const names = Array.from({ length: 12 }, (_, index) => `vm-${index}`);
    for (const name of names) apply(name);
    await clock.advance(5 * minute);
    for (const name of names) expect(condition(name, 'Ready')?.status, name).toBe('True');
    expect([...fakeProvider.made.values()]).toEqual(names.map(() => 1));
    expect((await others(first)) + (await others(second))).toBe(names.length);
    expect([first.notReady(), second.notReady()]).toEqual([undefined, undefined]);
  });

  it("slow down instead of reacting to each other's writes at once, if both only observe", async () => {
    const first = await install('a/first');
    const second = await install('b/second', first, { maxApiKeysPerNamespace: 0 });
    const { apply, clock, cluster } = first;
    apply('web', { managementPolicy: 'Observe' });
    await clock.advance(minute);
    const writes = cluster.writes.length;
    await clock.advance(60 * minute);
    expect(cluster.writes.length - writes).toBeLessThan(120);
    expect([first.notReady(), second.notReady()]).toEqual([undefined, undefined]);
  });

  it('an operator without a name leaves alone what an installation manages', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster } = first;
    apply('web');
    await clock.advance(minute);
    await first.stop();
    const nameless = await install(null, first);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(10 * minute);
    expect(changes(first)).toEqual(['CreateMachine']);
    expect(await others(nameless)).toBe(1);
  });
});

describe('an installation that replaces another one', () => {
  it('takes over nothing by itself, however long the other one is silent', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster } = first;
    apply('web');
    await clock.advance(minute);
    await first.stop();
    const second = await install('b/second', first);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(24 * 60 * minute);
    expect(ownerOf(second, 'web')).toBe('a/first');
    expect(changes(first)).toEqual(['CreateMachine']);
  });

  it('takes over with the option, with one write for each object and the same VMs', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, fakeProvider } = first;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    await first.stop();
    const writes = cluster.writes.length;
    const second = await install('b/second', first, { takeOverFrom: ['a/first', 'c/third'] });
    await clock.advance(5 * minute);
    expect(cluster.writes.slice(writes).toSorted()).toEqual(['patch db', 'patch web']);
    for (const name of ['web', 'db']) expect(ownerOf(second, name)).toBe('b/second');
    expect(await others(second)).toBe(0);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
    expect([...fakeProvider.made.values()]).toEqual([1, 1]);
  });

  it('takes over an object whose annotation the administrator removes', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, fakeProvider } = first;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    await first.stop();
    const second = await install('b/second', first);
    cluster.change('web', assign(null));
    await clock.advance(minute);
    expect([ownerOf(second, 'web'), ownerOf(second, 'db')]).toEqual(['b/second', 'a/first']);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
    expect([...fakeProvider.made.values()]).toEqual([1, 1]);
  });

  it('two that take over from each other: each does so once, then one of them manages the object', async () => {
    const first = await install('a/first', undefined, { takeOverFrom: ['b/second'] });
    const { apply, clock, cluster, condition, fakeProvider } = first;
    apply('web');
    await clock.advance(minute);
    const second = await install('b/second', first, { takeOverFrom: ['a/first'] });
    await clock.advance(minute);
    const writes = cluster.writes.length;
    await clock.advance(60 * minute);
    expect(cluster.writes.slice(writes)).toEqual([]);
    expect((await others(first)) + (await others(second))).toBe(1);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    apply('new');
    await clock.advance(10 * minute);
    for (const name of ['web', 'new']) expect(condition(name, 'Ready')?.status, name).toBe('True');
    expect(changes(first).filter((operation) => operation === 'StopMachine')).toHaveLength(1);
    expect([...fakeProvider.made.values()]).toEqual([1, 1]);
    expect(cluster.writes.filter((write) => write === 'patch web')).toHaveLength(4);
  });

  it('the replaced one stops at once if it still runs, and its create in flight is waited for', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, condition, fakeProvider } = first;
    fakeProvider.accidents.set('CreateMachine', [{ class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true }]);
    apply('web');
    await clock.advance(1_000);
    expect(cluster.machine('web')?.metadata.annotations).toHaveProperty([annotations.createPending]);
    const second = await install('b/second', first, { takeOverFrom: ['a/first'] });
    await clock.advance(10 * minute);
    expect(ownerOf(second, 'web')).toBe('b/second');
    expect([await others(first), await others(second)]).toEqual([1, 0]);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect([...fakeProvider.made.values()]).toEqual([1]);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    expect(fakeProvider.count('StopMachine')).toBe(1);
  });
});

it('waits for the deadline of a create intent of the other installation after it takes over the object', async () => {
  const { clock, cluster, fakeProvider } = await install('b/second', undefined, { takeOverFrom: ['a/first'] });
  await clock.advance(10 * minute);
  const metadata = { name: 'web', namespace: 'default', uid: '0a1b2c3d-0000-4000-8000-000000000000' };
  const intended = { at: clock.now(), name: 'web-0a1b2c3d' };
  const intent = writeIntent({ ...metadata, resourceVersion: '', generation: 1 }, intended, (text) =>
    keyedHash(new Secret('owner-1'), text),
  );
  cluster.put('virtualmachines', {
    metadata: {
      ...metadata,
      annotations: { [annotations.managedBy]: 'a/first', [annotations.createPending]: intent },
      finalizers: bothFinalizers,
    },
    spec: usualSpec,
    status: { observedGeneration: -1 },
  });
  // Within the deadline of 35 s and the visibility window of 30 s.
  await clock.advance(60_000);
  expect(fakeProvider.count('CreateMachine')).toBe(0);
  await clock.advance(2 * minute);
  expect(fakeProvider.count('CreateMachine')).toBe(1);
});

describe('a tenant who writes the annotation', () => {
  it('affects only that object, and not the readiness of the operator', async () => {
    const world = await install('a/first');
    const { apply, clock, cluster, condition } = world;
    cluster.put('virtualmachines', {
      metadata: {
        name: 'planted',
        annotations: { [annotations.managedBy]: 'absent/installation', [annotations.paused]: 'true' },
      },
      spec: {},
    });
    await world.restart();
    for (const name of ['web', 'db']) apply(name);
    // What kept an installation waiting for an answer before.
    for (let second = 0; second < 120; second += 1) {
      cluster.change('planted', { metadata: { annotations: { 'vps247.com/managed-by-asked': null } } });
      await clock.advance(1_000);
    }
    expect(world.notReady()).toBeUndefined();
    for (const name of ['web', 'db']) expect(condition(name, 'Ready')?.status, name).toBe('True');
    expect(cluster.machine('planted')?.status).toBeUndefined();
    expect(await others(world)).toBe(1);
  });

  it('gets one event for each object and one log line, however often the annotation changes', async () => {
    const world = await install('a/first');
    const { apply, clock, cluster } = world;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    const writes = cluster.writes.length;
    for (let round = 0; round < 50; round += 1) {
      for (const name of ['web', 'db']) cluster.change(name, assign(`x/${'y'.repeat(round)}\u202e\n`));
      await clock.advance(1_000);
      for (const name of ['web', 'db']) cluster.change(name, assign('a/first'));
      await clock.advance(1_000);
    }
    expect(cluster.writes.slice(writes).filter((write) => write === 'create events')).toHaveLength(2);
    expect(world.complaints).toHaveLength(1);
    expect(await others(world)).toBe(0);
  });

  it('leaves the VM running and counted: no power call and no delete until the annotation is removed', async () => {
    const world = await install('a/first', undefined, { maxMachinesPerNamespace: 1 });
    const { apply, clock, cluster, condition } = world;
    apply('web');
    await clock.advance(minute);
    cluster.change('web', assign('absent/installation'));
    cluster.change('web', { metadata: { deletionTimestamp: new Date(clock.now()).toISOString() } });
    apply('db');
    await clock.advance(10 * minute);
    expect(changes(world)).toEqual(['CreateMachine']);
    expect(condition('db', 'Ready')?.reason).toBe('NamespaceLimitReached');
    cluster.change('web', assign(null));
    await clock.advance(10 * minute);
    expect(cluster.machine('web')).toBeUndefined();
    expect(condition('db', 'Ready')?.status).toBe('True');
  });
});

/** What a create writes. */
async function writesWith(name: string | null): Promise<readonly string[]> {
  const world = await install(name);
  world.apply('web');
  await world.clock.advance(minute);
  return world.cluster.writes.filter((write) => write !== 'create events');
}

describe('writes', () => {
  it('a create takes as many writes as without a name', async () => {
    expect(await writesWith('a/first')).toEqual(await writesWith(null));
  });

  it('a policy that removes the annotation leads to no endless loop', async () => {
    const world = await install('a/first');
    const { apply, clock, cluster, condition } = world;
    apply('web');
    await clock.advance(minute);
    const patch = cluster.patch.bind(cluster);
    let patches = 0;
    const events: unknown[] = [];
    cluster.create = (_resource, _namespace, event) => Promise.resolve(events.push(event));
    cluster.patch = (resource, ref, change) => {
      if (resource.plural === 'virtualmachines') patches += 1;
      // Without the annotation nothing is left of the patch, so the API server stores nothing.
      return change.subresource === undefined ? cluster.get(resource, ref) : patch(resource, ref, change);
    };
    cluster.change('web', assign(null));
    await clock.advance(10 * minute);
    expect(patches).toBeGreaterThan(1);
    expect(patches).toBeLessThan(20);
    expect(events).toContainEqual(
      expect.objectContaining({ reason: 'WriteRefused', note: expect.stringContaining(annotations.managedBy) }),
    );
    const synced = condition('web', 'Synced');
    expect(synced).toMatchObject({ status: 'False', reason: 'WriteRefused' });
    expect(synced?.message).toContain('the object is not reconciled');
    expect(condition('web', 'Ready')?.status).toBe('True');
  });

  it('a conflict is left to the change that caused it', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster } = first;
    apply('web');
    await clock.advance(minute);
    await first.stop();
    cluster.failures.push({ write: 'patch web', reason: 'Conflict' });
    const second = await install('b/second', first, { takeOverFrom: ['a/first'] });
    await clock.advance(minute);
    expect(ownerOf(second, 'web')).toBe('a/first');
    cluster.change('web', { metadata: { labels: { changed: 'true' } } });
    await clock.advance(minute);
    expect(ownerOf(second, 'web')).toBe('b/second');
    expect(second.complaints).toEqual([]);
  });
});

describe('an object whose labels move it to another installation', () => {
  it('is released by the previous one and managed by the other at once, with its VM', async () => {
    const first = await install('a/first', undefined, { selector: parseSelector('shard=a') });
    const { apply, clock, cluster, condition, fakeProvider } = first;
    const second = await install('b/second', first, { selector: parseSelector('shard=b') });
    apply('web');
    cluster.change('web', { metadata: { labels: { shard: 'a' } } });
    await clock.advance(minute);
    expect(ownerOf(first, 'web')).toBe('a/first');
    cluster.change('web', { metadata: { labels: { shard: 'b' } } });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(5_000);
    expect(fakeProvider.count('StopMachine')).toBe(1);
    await clock.advance(2 * minute);
    expect(ownerOf(second, 'web')).toBe('b/second');
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect([...fakeProvider.made.values()]).toEqual([1]);
  });
});
