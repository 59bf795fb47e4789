import { describe, expect, it } from 'vitest';
import { writeIntent } from '../../src/api/v1alpha1/identity.ts';
import { keyedHash } from '../../src/provider/account/account-registry.ts';
import { Secret } from '../../src/domain/secret.ts';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { parseSelector } from '../../src/domain/label-selector.ts';
import { createWorld, type World } from './world/world.ts';

const minute = 60_000;

const changes: ReadonlySet<string> = new Set([
  'patch',
  'create',
  'CreateMachine',
  'StartMachine',
  'StopMachine',
  'RestartMachine',
  'KillMachine',
  'DeleteMachine',
]);

const isWrite = ({ operation }: { readonly operation: string }): boolean => changes.has(operation);

describe('an operator on standby', () => {
  it('sends no call and writes nothing, however long and whatever happens, and starts at once when it becomes the leader', async () => {
    const { promise: won, resolve: win } = Promise.withResolvers<void>();
    const world = await createWorld({}, { leadership: { won, fence: () => true } });
    const { apply, clock, cluster, condition, fakeProvider, useKeyOf } = world;
    for (const name of ['web', 'gone', 'later']) apply(name);
    await clock.advance(60 * minute);
    cluster.change('web', { spec: { powerState: 'Halted' } });
    cluster.remove('virtualmachines', 'gone');
    useKeyOf(1);
    await clock.advance(60 * minute);
    expect([fakeProvider.calls, cluster.writes]).toEqual([[], []]);
    win();
    await clock.advance(100);
    expect(fakeProvider.count('CreateMachine')).toBe(2);
    await clock.advance(minute);
    expect(condition('later', 'Ready')?.status).toBe('True');
    expect(cluster.machine('gone')).toBeUndefined();
  });
});

/** The whole life of a machine, as far as it gets. */
async function live({ apply, clock, cluster }: World): Promise<void> {
  apply('web');
  await clock.advance(minute);
  cluster.change('web', { spec: { powerState: 'Halted' } });
  await clock.advance(minute);
  cluster.change('web', { spec: { powerState: 'Running', restartRequest: 'now' } });
  await clock.advance(minute);
}

describe('an operator that is no longer certain to be the leader', () => {
  it('sends nothing after that, and the next leader continues with the same VM', async () => {
    let closesAfter = 0;
    for (let isOver = false; !isOver; closesAfter += 1) {
      const because = `closed after call ${closesAfter}`;
      let sent: string[] = [];
      const onCall = (call: string): void => void sent.push(call);
      let limit = closesAfter;
      const world = await createWorld(
        {},
        {
          leadership: { won: Promise.resolve(), fence: () => sent.length < limit, onCall },
        },
      );
      const { clock, condition, fakeProvider } = world;
      fakeProvider.holds = (operation) => void onCall(operation);
      await live(world);
      isOver = sent.length < limit;
      expect(
        sent.slice(limit).filter((call) => changes.has(call)),
        because,
      ).toEqual([]);

      // Its successor, for whom the fence is open.
      sent = [];
      limit = Infinity;
      await world.restart();
      await clock.advance(5 * minute);
      expect(condition('web', 'Ready')?.status, because).toBe('True');
      expect([...fakeProvider.made.values()], because).toEqual([1]);
      await world.stop();
    }
    expect(closesAfter).toBeGreaterThan(30);
  });

  it('continues by itself if no other operator became the leader', async () => {
    let isOpen = true;
    const world = await createWorld({}, { leadership: { won: Promise.resolve(), fence: () => isOpen } });
    const { apply, clock, cluster, condition, fakeProvider } = world;
    apply('web');
    await clock.advance(minute);
    isOpen = false;
    const before = cluster.writes.length;
    cluster.change('web', { spec: { powerState: 'Halted' } });
    apply('new');
    await clock.advance(10 * minute);
    expect(cluster.writes.length).toBe(before);
    expect(fakeProvider.calls.filter(isWrite)).toHaveLength(1);
    isOpen = true;
    await clock.advance(2_000);
    expect(fakeProvider.calls.filter(isWrite)).toHaveLength(3);
    await clock.advance(minute);
    expect(condition('new', 'Ready')?.status).toBe('True');
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
  });
});

function createSelecting(): Promise<World> {
  return createWorld(
    { selector: parseSelector('shard=b') },
    { withoutBystanders: 'the selector leaves them to others, so the operator takes its annotation off them' },
  );
}

describe('an operator with a selector', () => {
  it('leaves unselected objects alone, and knows their names', async () => {
    const world = await createSelecting();
    const { clock, cluster, condition, fakeProvider } = world;
    world.apply('theirs', { providerName: 'wanted' });
    cluster.change('theirs', { metadata: { labels: { shard: 'a' } } });
    await clock.advance(minute);
    expect([fakeProvider.calls, cluster.writes]).toEqual([[], []]);
    world.apply('ours', { providerName: 'wanted' });
    cluster.change('ours', { metadata: { labels: { shard: 'b' } } });
    await clock.advance(minute);
    expect(condition('ours', 'Ready')?.reason).toBe('NameConflict');
    expect(fakeProvider.calls.filter(isWrite)).toEqual([]);
    expect(cluster.machine('theirs')?.status?.conditions).toBeUndefined();
  });

  it('frees a name that an unselected object reserves when its Secret holds a key of another account', async () => {
    const world = await createSelecting();
    const { clock, cluster, condition, fakeProvider } = world;
    const put = (key: string) =>
      cluster.put('secrets', {
        metadata: { name: 'theirs', uid: 'theirs', labels: { watched: 'true' } },
        data: { 'api-key': Buffer.from(key).toString('base64') },
      });
    put('owner-1-theirs');
    world.apply('theirs', { providerName: 'wanted', credentialsSecretRef: { name: 'theirs', key: 'api-key' } });
    world.apply('db', { credentialsSecretRef: { name: 'theirs', key: 'api-key' } });
    for (const [name, shard] of [
      ['theirs', 'a'],
      ['db', 'b'],
    ] as const)
      cluster.change(name, { metadata: { labels: { shard } } });
    await clock.advance(minute);
    world.apply('ours', { providerName: 'wanted' });
    cluster.change('ours', { metadata: { labels: { shard: 'b' } } });
    await clock.advance(minute);
    expect(condition('ours', 'Ready')?.reason).toBe('NameConflict');
    put('owner-2');
    await clock.advance(minute);
    expect(condition('ours', 'Ready')?.status).toBe('True');
    expect([...fakeProvider.machines.values()].filter(({ name }) => name === 'wanted')).toHaveLength(1);
  });

  it('releases an object whose labels change', async () => {
    const world = await createSelecting();
    const { clock, cluster, fakeProvider } = world;
    world.apply('web');
    cluster.change('web', { metadata: { labels: { shard: 'b' } } });
    await clock.advance(minute);
    cluster.change('web', { metadata: { labels: { shard: 'a' } } });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    const lists = fakeProvider.count('ListMachines');
    await clock.advance(10 * minute);
    expect(fakeProvider.calls.filter(isWrite)).toHaveLength(1);
    // The account has no subscribers left.
    expect(fakeProvider.count('ListMachines') - lists).toBeLessThanOrEqual(1);
  });

  it('waits for the deadline of a create intent of the previous leader, whose call may still be in flight', async () => {
    const world = await createSelecting();
    const { clock, cluster, condition, fakeProvider } = world;
    world.apply('other');
    cluster.change('other', { metadata: { labels: { shard: 'b' } } });
    world.apply('web');
    const { metadata } = cluster.machine('web') ?? { metadata: undefined };
    if (metadata === undefined) throw new Error('web is gone');
    const name = `web-${metadata.uid.slice(0, 8)}`;
    const intent = writeIntent(metadata, { at: clock.now(), name }, (text) => keyedHash(new Secret('owner-1'), text));
    cluster.change('web', {
      metadata: { labels: { shard: 'a' }, annotations: { [annotations.createPending]: intent } },
    });
    await clock.advance(10 * minute);
    const before = fakeProvider.count('CreateMachine');
    cluster.change('web', { metadata: { labels: { shard: 'b' } } });
    await clock.advance(34_000);
    // The last moment at which it may take effect.
    fakeProvider.add(name);
    await clock.advance(5 * minute);
    expect(fakeProvider.count('CreateMachine')).toBe(before);
    expect(fakeProvider.made.get(name)).toBe(1);
    expect(condition('web', 'Ready')?.status).toBe('True');
  });
});
