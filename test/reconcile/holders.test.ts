import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/names.ts';
import type { AppSettings } from '../../src/app.ts';
import { parseSelector } from '../../src/model/label-selector.ts';
import type { Leadership } from './world/operator.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;
const answerTime = 65_000;

/** An installation that a cluster got by mistake beside another one, or in its place. */
function install(name: string, beside?: World, settings: Partial<AppSettings> = {}): Promise<World> {
  return createWorld(settings, leadershipOf(name), beside);
}

function leadershipOf(name: string): Leadership {
  return { won: Promise.resolve(), fence: () => true, installation: { name, answerTime } };
}

const marks = ({ cluster }: World, name: string) => {
  const { [annotations.managedBy]: by, [annotations.managedByAsked]: asked } =
    cluster.machine(name)?.metadata.annotations ?? {};
  return { by, asked };
};

const foreign = async (world: World): Promise<number> =>
  Number(/^vps247_operator_foreign_objects (\d+)$/m.exec(await world.metricsPage())?.[1]);

describe('two installations with the same objects', () => {
  it('the first looks after them; the second says so, is not ready, and changes nothing but the question', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, condition, room } = first;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    const [writes, calls] = [cluster.writes.length, room.calls.length];
    const second = await install('b/second', first);
    await clock.advance(1_000);
    expect(cluster.writes.slice(writes)).toEqual([
      expect.stringMatching(/^patch (web|db)$/),
      expect.stringMatching(/^patch (web|db)$/),
    ]);
    expect(second.notReady()).toBe(
      'a/first looks after all 2 objects here already: remove one of the installations, or give them other namespaces (--namespaces) or labels (--selector); without an answer from it b/second takes over',
    );
    expect(first.notReady()).toBeUndefined();
    expect(second.complaints).toEqual(['Another installation looks after objects that this one was given too']);
    expect([await foreign(first), await foreign(second)]).toEqual([0, 2]);

    // Users go on with their work.
    cluster.change('web', { spec: { powerState: 'Halted' } });
    apply('new');
    cluster.change('db', { metadata: { deletionTimestamp: new Date(clock.now()).toISOString() } });
    await clock.advance(30 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(cluster.machine('db')).toBeUndefined();
    expect(marks(first, 'new')).toEqual({ by: 'a/first', asked: undefined });
    expect([...room.made.values()]).toEqual([1, 1, 1]);
    expect(
      room.calls
        .slice(calls)
        .filter(({ operation }) => !/^(List|Get)/.test(operation))
        .map(({ operation }) => operation)
        .toSorted(),
    ).toEqual(['CreateMachine', 'DeleteMachine', 'StopMachine', 'StopMachine']);
    expect(second.notReady()).toMatch(/^a\/first looks after all 2 objects here already/);
    // It asks ever more seldom, and tells it once.
    expect(cluster.writes.filter((write) => write === 'patch web').length).toBeLessThan(2 * 8);
    expect(second.complaints).toHaveLength(1);
  });

  it('once the first is removed the second takes over, with the same machines', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster, room } = first;
    for (const name of ['web', 'db']) apply(name);
    await clock.advance(minute);
    const second = await install('b/second', first);
    await clock.advance(minute);
    await first.stop();
    cluster.change('web', { spec: { powerState: 'Halted' } });
    // It was asked a minute ago, so it is asked again in two.
    await clock.advance(answerTime + 3 * minute);
    for (const name of ['web', 'db']) expect(marks(second, name)).toEqual({ by: 'b/second', asked: undefined });
    expect(second.notReady()).toBeUndefined();
    expect(await foreign(second)).toBe(0);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
    expect([...room.made.values()]).toEqual([1, 1]);
  });

  it('one that was taken for gone and comes back leaves alone what it lost', async () => {
    let isFrozen = false;
    const leadership = { ...leadershipOf('a/first'), fence: () => !isFrozen };
    const first = await createWorld({}, leadership);
    const { apply, clock, cluster, condition, room } = first;
    apply('web');
    await clock.advance(minute);
    isFrozen = true;
    const second = await install('b/second', first);
    await clock.advance(answerTime + 2 * minute);
    expect(marks(first, 'web').by).toBe('b/second');
    isFrozen = false;
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(5 * minute);
    expect(first.notReady()).toMatch(/^b\/second looks after the object here already/);
    expect(second.notReady()).toBeUndefined();
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect(room.count('StopMachine')).toBe(1);
    expect([...room.made.values()]).toEqual([1]);
  });

  it('begun at the same moment, each object has one of them, and both go on with what they have', async () => {
    const first = await install('a/first');
    const second = await install('b/second', first);
    const { apply, clock, condition, room } = first;
    const names = Array.from({ length: 12 }, (_, index) => `vm-${index}`);
    for (const name of names) apply(name);
    await clock.advance(5 * minute);
    for (const name of names) expect(condition(name, 'Ready')?.status, name).toBe('True');
    expect([...room.made.values()]).toEqual(names.map(() => 1));
    expect((await foreign(first)) + (await foreign(second))).toBe(names.length);
  });

  it('a process that is killed after it asked leaves no question that its successor takes for an answer', async () => {
    const first = await install('a/first');
    const { apply, clock } = first;
    apply('web');
    await clock.advance(minute);
    await first.stop();
    const second = await install('b/second', first);
    await clock.advance(answerTime / 2);
    expect(marks(second, 'web')).toEqual({ by: 'a/first', asked: 'b/second' });
    await second.restart();
    await clock.advance(answerTime - 1_000);
    expect(marks(second, 'web')).toEqual({ by: 'a/first', asked: 'b/second' });
    await clock.advance(2_000);
    expect(marks(second, 'web')).toEqual({ by: 'b/second', asked: undefined });
  });

  it('whether it answers is known for each namespace by itself', async () => {
    const first = await install('a/first');
    const { apply, clock, cluster } = first;
    apply('web');
    const { spec } = cluster.machine('web') ?? {};
    const data = { 'api-key': Buffer.from('owner-1').toString('base64') };
    cluster.put('secrets', { metadata: { name: 'vps247-credentials', namespace: 'other' }, data });
    cluster.put('virtualmachines', { metadata: { name: 'db', namespace: 'other' }, spec: spec ?? {} });
    await clock.advance(minute);
    await first.stop();
    await install('a/first', first, { namespaces: ['other'] });
    await install('b/second', first);
    await clock.advance(answerTime + minute);
    expect(marks(first, 'web').by).toBe('b/second');
    const listed = await cluster.list({ group: 'vps247.com', version: 'v1alpha1', plural: 'virtualmachines' });
    const db = listed.items.find((one) => (one as { metadata: { name: string } }).metadata.name === 'db');
    expect(db).toHaveProperty(['metadata', 'annotations', annotations.managedBy], 'a/first');
  });
});

describe('an object whose labels move it to another installation', () => {
  it('is let go by the one that had it and taken by the other at once, with its machine', async () => {
    const first = await install('a/first', undefined, { selector: parseSelector('shard=a') });
    const { apply, clock, cluster, condition, room } = first;
    await install('b/second', first, { selector: parseSelector('shard=b') });
    apply('web');
    cluster.change('web', { metadata: { labels: { shard: 'a' } } });
    await clock.advance(minute);
    expect(marks(first, 'web').by).toBe('a/first');
    cluster.change('web', { metadata: { labels: { shard: 'b' } } });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(5_000);
    expect(room.count('StopMachine')).toBe(1);
    await clock.advance(2 * minute);
    expect(condition('web', 'Ready')?.status).toBe('True');
    expect([...room.made.values()]).toEqual([1]);
  });
});
