import { describe, expect, test } from 'vitest';
import type { Log } from '../../src/telemetry/log.ts';
import { createReflector, type Reflector, type ReflectorOptions } from '../../src/watch/reflector.ts';
import { createManualClock, type ManualClock } from '../support/clock.ts';
import { FakeCluster, type FakeObject } from './fake-cluster.ts';

interface Stage {
  readonly cluster: FakeCluster;
  readonly reflector: Reflector<string>;
  readonly clock: ManualClock;
  /** `a/web: old → new`, with `(initial)` for what was there at the start. */
  readonly changes: string[];
  readonly lines: string[];
}

/** A reflector that keeps each object's spec, started and synced unless `objects` is left out. */
async function stage(
  objects?: Readonly<Record<string, string>>,
  options: Partial<ReflectorOptions<string>> = {},
): Promise<Stage> {
  const clock = createManualClock();
  const cluster = new FakeCluster();
  const changes: string[] = [];
  const lines: string[] = [];
  const log: Log = {
    debug: () => {},
    info: (message) => void lines.push(message),
    warn: (message) => void lines.push(message),
    error: (message) => void lines.push(message),
    with: () => log,
  };
  const reflector = createReflector<string>({
    client: cluster,
    resource: { group: 'example.com', version: 'v1', plural: 'things' },
    toRow: (object) => (object as FakeObject).spec,
    clock,
    random: () => 0,
    log,
    onChange: ({ key, before = '-', after = '-', initial }) =>
      changes.push(`${key}: ${before} → ${after}${initial ? ' (initial)' : ''}`),
    ...options,
  });
  if (objects !== undefined) {
    for (const [key, spec] of Object.entries(objects)) cluster.put(key, spec);
    reflector.start();
    await reflector.synced;
    await clock.settle();
    changes.length = 0;
  }
  return { cluster, reflector, clock, changes, lines };
}

function rowsOf(reflector: Reflector<string>): Record<string, string | undefined> {
  return Object.fromEntries([...reflector.keys()].map((key) => [key, reflector.get(key)]));
}

test('lists in pages, then watches from there', async () => {
  const { cluster, reflector, clock, changes } = await stage(undefined, { pageSize: 2 });
  for (const name of ['a/1', 'a/2', 'b/3', 'b/4', 'b/5']) cluster.put(name, name);
  expect(reflector.isSynced()).toBe(false);
  reflector.start();
  await reflector.synced;
  expect(reflector.isSynced()).toBe(true);
  expect(reflector.size).toBe(5);
  expect(changes).toHaveLength(5);
  expect(changes[0]).toBe('a/1: - → a/1 (initial)');
  await clock.settle();
  expect(cluster.calls).toEqual(['list', 'list 105+2', 'list 105+4', 'watch 105']);
  const [watch] = cluster.watches;
  expect(watch?.options).toMatchObject({ allowWatchBookmarks: true, timeoutSeconds: 300 });
});

test('a page that is too large is asked for in smaller ones, which grow again: a few large objects slow no list', async () => {
  const { cluster, reflector } = await stage();
  const large = 'x'.repeat(1_500_000);
  for (let index = 0; index < 600; index += 1) cluster.put(`a/${index}`, index < 5 ? large : 'small');
  reflector.start();
  await reflector.synced;
  expect(reflector.size).toBe(600);
  expect(reflector.get('a/4')).toHaveLength(1_500_000);
  expect(cluster.limits).toEqual([500, 125, 32, 8, 2, 4, 1, 2, 4, 8, 16, 32, 64, 128, 256, 500]);
});

test('a single object is taken however large it is', async () => {
  const { cluster, reflector } = await stage();
  cluster.put('a/1', 'x'.repeat(10_000_000));
  reflector.start();
  await reflector.synced;
  expect([reflector.size, cluster.limits]).toEqual([1, [500, 125, 32, 8, 2, 1]]);
});

test('follows what comes, changes and goes', async () => {
  const { cluster, reflector, clock, changes } = await stage({ 'a/web': 'old' });
  cluster.put('a/db', 'new');
  cluster.put('a/web', 'new');
  cluster.remove('a/db');
  await clock.settle();
  expect(changes).toEqual(['a/db: - → new', 'a/web: old → new', 'a/db: new → -']);
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'new' });
});

test('a watch that ends in order goes on from where it was, without a list', async () => {
  const { cluster, clock, changes } = await stage({ 'a/web': 'old' });
  cluster.put('b/x');
  await clock.advance(100_000);
  cluster.bookmark();
  await clock.advance(100_000);
  cluster.cut();
  await clock.settle();
  cluster.put('a/web', 'new');
  await clock.settle();
  expect(cluster.calls.slice(1)).toEqual(['watch 101', 'watch 102']);
  expect(changes).toContain('a/web: old → new');
});

test('a bookmark moves the place where the next watch begins', async () => {
  const { cluster, clock } = await stage({ 'a/web': 'old' });
  cluster.isSilent = true;
  cluster.put('elsewhere/x');
  cluster.bookmark();
  await clock.advance(10_000);
  cluster.cut();
  await clock.settle();
  expect(cluster.calls.at(-1)).toBe('watch 102');
});

test('a connection that breaks after a while is taken up at once and not complained about', async () => {
  const { cluster, clock, changes, lines } = await stage({ 'a/web': 'old' });
  await clock.advance(10_000);
  cluster.cut('Network');
  cluster.put('a/web', 'new');
  await clock.settle();
  expect(changes).toEqual(['a/web: old → new']);
  expect(cluster.calls.filter((call) => call.startsWith('list'))).toHaveLength(1);
  expect(lines).toEqual([]);
});

test('what went while nobody watched is seen to be gone', async () => {
  const { cluster, reflector, clock, changes } = await stage({
    'a/keep': '1',
    'a/gone': '1',
    'a/changed': '1',
    'a/again': '1',
  });
  await clock.advance(10_000);
  cluster.isSilent = true;
  cluster.remove('a/gone');
  cluster.put('a/changed', '2');
  cluster.remove('a/again');
  cluster.put('a/again', '2');
  cluster.put('a/new', '1');
  cluster.compact();
  cluster.isSilent = false;
  cluster.cut('Network');
  await clock.advance(1_000);
  expect(changes.toSorted()).toEqual(['a/again: 1 → 2', 'a/changed: 1 → 2', 'a/gone: 1 → -', 'a/new: - → 1']);
  expect(rowsOf(reflector)).toEqual({ 'a/keep': '1', 'a/changed': '2', 'a/again': '2', 'a/new': '1' });
});

test.each(['Gone', 'Protocol', 'Unexpected', 'Invalid'] as const)(
  'a watch that ends with %s is followed by a list',
  async (reason) => {
    const { cluster, clock } = await stage({});
    await clock.advance(10_000);
    cluster.cut(reason);
    await clock.advance(2_000);
    expect(cluster.calls.slice(2)).toEqual(['list', 'watch 100']);
  },
);

test.each(['Network', 'Timeout', 'Unavailable', 'TooManyRequests', 'Unauthorized', 'Forbidden'] as const)(
  'a watch that ends with %s goes on from where it was',
  async (reason) => {
    const { cluster, clock } = await stage({});
    await clock.advance(10_000);
    cluster.cut(reason);
    await clock.advance(2_000);
    expect(cluster.calls.slice(2)).toEqual(['watch 100']);
  },
);

test('an ERROR event is read as the status it carries', async () => {
  const { cluster, clock } = await stage({});
  await clock.advance(10_000);
  for (const watch of cluster.watches) {
    watch.send({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } });
  }
  await clock.settle();
  expect(cluster.calls.slice(2)).toEqual(['list', 'watch 100']);
});

test('an object without metadata is not the server speaking: listed anew', async () => {
  const { cluster, clock } = await stage({ 'a/web': 'old' });
  for (const watch of cluster.watches) watch.send({ type: 'DELETED', object: { spec: 'x' } });
  await clock.advance(2_000);
  expect(cluster.calls.slice(2)).toEqual(['list', 'watch 101']);
});

test('a list that breaks off changes nothing', async () => {
  const { cluster, reflector, clock, changes } = await stage({ 'a/1': '1', 'a/2': '1', 'a/3': '1' }, { pageSize: 1 });
  await clock.advance(10_000);
  cluster.remove('a/1');
  await clock.settle();
  changes.length = 0;
  cluster.afterPage = () => {
    cluster.failures.push('Gone');
    cluster.afterPage = undefined;
  };
  cluster.cut('Gone');
  await clock.settle();
  expect(rowsOf(reflector)).toEqual({ 'a/2': '1', 'a/3': '1' });
  expect(changes).toEqual([]);
  await clock.advance(2_000);
  expect(cluster.calls.slice(-3)).toEqual(['list', 'list 104+1', 'watch 104']);
});

test('silence ends a watch, and all is listed: the server may have lost its past', async () => {
  const { cluster, reflector, clock } = await stage({ 'a/web': 'old', 'a/gone': '1' });
  cluster.isSilent = true;
  cluster.restore(5, { 'a/web': 'restored' });
  await clock.advance(179_999);
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'old', 'a/gone': '1' });
  await clock.advance(1);
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'restored' });
  expect(cluster.calls.slice(-2)).toEqual(['list', 'watch 6']);
});

test('a watch that hears something now and then lives on', async () => {
  const { cluster, clock } = await stage({});
  for (let minute = 0; minute < 10; minute += 1) {
    await clock.advance(60_000);
    cluster.bookmark();
  }
  expect(cluster.calls).toEqual(['list', 'watch 100']);
});

test('it never gives up, says so once, and says when it works again', async () => {
  const { cluster, reflector, clock, changes, lines } = await stage({ 'a/web': 'old' });
  cluster.failures.push(...Array.from({ length: 200 }, () => 'Unavailable' as const));
  cluster.cut('Unavailable');
  const asked: number[] = [];
  for (let second = 0; second < 120; second += 1) {
    const before = cluster.calls.length;
    await clock.advance(1_000);
    if (cluster.calls.length > before) asked.push(second);
  }
  // 0.8 s, doubled up to 20 s (and half of it more, by chance).
  expect(asked).toEqual([0, 2, 5, 11, 24, 44, 64, 84, 104]);
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'old' });
  expect(lines).toEqual(['Watching failed; trying again until it works']);
  cluster.failures.length = 0;
  cluster.put('a/web', 'new');
  await clock.advance(20_000);
  expect(changes).toEqual(['a/web: old → new']);
  expect(lines.at(-1)).toBe('Watching again');
});

test('a server that was away for a minute is found within a second of its return', async () => {
  const { cluster, clock, changes } = await stage({ 'a/web': 'old' }, { random: () => 0.999 });
  cluster.isSilent = true;
  cluster.failures.push(...Array.from({ length: 200 }, () => 'Network' as const));
  cluster.cut('Network');
  await clock.advance(60_000);
  cluster.put('a/web', 'new');
  cluster.failures.length = 0;
  await clock.advance(1_000);
  expect(changes).toEqual(['a/web: old → new']);
});

test('a server that starts and asks to wait for five seconds is asked again within half a second', async () => {
  const { cluster, clock, changes } = await stage({ 'a/web': 'old' }, { random: () => 0.999 });
  await clock.advance(10_000);
  cluster.isSilent = true;
  const refusal = { reason: 'Unavailable', retryAfter: 5_000 } as const;
  cluster.failures.push(
    ...Array.from({ length: 5 }, () => 'Network' as const),
    refusal,
    refusal,
    refusal,
    'Gone',
    refusal,
  );
  cluster.cut('Network');
  cluster.put('a/web', 'new');
  // 5 tries that reach nobody, and 4 that are refused.
  await clock.advance(900 * 5 + 450 * 4);
  expect(cluster.failures).toEqual([]);
  expect(changes).toEqual(['a/web: old → new']);
});

test.each([
  { because: 'it has fewer changes than were seen', version: 50 },
  { because: 'it has none since', version: 1 },
])('a server that comes back restored from a backup is noticed at once: $because', async ({ version }) => {
  const { cluster, reflector, clock, lines } = await stage({ 'a/web': 'new', 'a/gone': '1' });
  await clock.advance(10_000);
  cluster.failures.push('Network', 'Network');
  cluster.cut('Network');
  cluster.restore(version, { 'a/web': 'restored' });
  await clock.advance(2_500);
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'restored' });
  expect(lines.at(-1)).toMatch(/^The API server is at an earlier resourceVersion/);
  cluster.put('a/web', 'changed');
  await clock.settle();
  expect(rowsOf(reflector)).toEqual({ 'a/web': 'changed' });
});

test('a server that comes back as it was is compared once, and not listed', async () => {
  const { cluster, clock } = await stage({ 'a/web': 'old' });
  await clock.advance(10_000);
  cluster.failures.push('Network', 'Network');
  cluster.cut('Network');
  const before = cluster.calls.length;
  await clock.advance(60_000);
  // The comparison is a list of one object beside the watch.
  expect(cluster.calls.slice(before)).toEqual(['watch 101', 'watch 101', 'watch 101', 'list']);
  expect(cluster.watches.size).toBe(1);
});

test('an event or a bookmark from before the watch is of another history: relist', async () => {
  for (const type of ['BOOKMARK', 'MODIFIED'] as const) {
    const { cluster, clock } = await stage({ 'a/web': 'old' });
    await clock.advance(10_000);
    const metadata = { namespace: 'a', name: 'web', uid: 'uid-1', resourceVersion: '7' };
    for (const watch of cluster.watches) watch.send({ type, object: { metadata, spec: 'x' } });
    await clock.settle();
    expect(cluster.calls.slice(2), type).toEqual(['list', 'watch 101']);
  }
});

test('what keeps it from listing is told until that goes, and is not silence of the network', async () => {
  const { cluster, reflector, clock } = await stage({ 'a/web': 'old' });
  for (const [reason, obstacle] of [
    ['Network', undefined],
    ['Unavailable', undefined],
    ['Forbidden', 'Forbidden'],
    ['Unauthorized', 'Forbidden'],
    [{ reason: 'Unexpected', status: 404 }, 'NotServed'],
  ] as const) {
    await clock.advance(10_000);
    cluster.failures.push(...Array.from({ length: 3 }, () => reason));
    cluster.cut(typeof reason === 'string' ? reason : reason.reason);
    await clock.advance(2_000);
    expect(reflector.obstacle).toBe(obstacle);
    cluster.failures.length = 0;
    await clock.advance(10_000);
    expect(reflector.obstacle).toBeUndefined();
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'old' });
  }
});

test('watches that end as soon as they begin are not a busy loop', async () => {
  const { cluster, clock } = await stage({});
  for (let second = 0; second < 60; second += 1) {
    cluster.cut();
    await clock.advance(1_000);
  }
  expect(cluster.calls.length).toBeLessThan(12);
});

test('the first list is tried until it works', async () => {
  const { cluster, reflector, clock } = await stage();
  cluster.put('a/web', '1');
  cluster.failures.push('Unexpected', 'Network');
  reflector.start();
  await clock.advance(500);
  expect(reflector.isSynced()).toBe(false);
  await clock.advance(5_000);
  await reflector.synced;
  expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
});

test('stop ends everything that is under way', async () => {
  const { reflector, cluster, clock } = await stage({ 'a/web': '1' });
  await reflector.stop();
  expect([cluster.watches.size, clock.pending]).toEqual([0, 0]);
  const failing = await stage();
  failing.cluster.failures.push('Unavailable');
  failing.reflector.start();
  await failing.clock.settle();
  await failing.reflector.stop();
  expect(failing.clock.pending).toBe(0);
  expect(failing.cluster.calls).toEqual(['list']);
});

test('each namespace given is listed and watched by itself, and no other', async () => {
  const { cluster, reflector, clock, changes } = await stage(
    { 'a/web': '1', 'b/web': '1', 'c/web': '1' },
    { namespaces: ['a', 'b'] },
  );
  expect(cluster.calls).toEqual(['list a', 'list b', 'watch a 103', 'watch b 103']);
  cluster.put('b/web', '2');
  cluster.put('c/web', '2');
  await clock.settle();
  expect(changes).toEqual(['b/web: 1 → 2']);
  expect(rowsOf(reflector)).toEqual({ 'a/web': '1', 'b/web': '2' });
  expect(reflector.size).toBe(2);
  reflector.observe(cluster.put('c/web', '3'));
  expect(reflector.get('c/web')).toBeUndefined();
});

function choosy(object: unknown): string {
  const { spec } = object as FakeObject;
  if (spec === 'bad') throw new Error('what is that?');
  return spec;
}

test('an object that cannot be understood harms no other and is told once; it is not gone', async () => {
  const { cluster, reflector, clock, changes, lines } = await stage(
    { 'a/web': '1', 'a/odd': 'bad', 'a/db': '1' },
    { toRow: choosy },
  );
  expect(rowsOf(reflector)).toEqual({ 'a/web': '1', 'a/db': '1' });
  cluster.put('a/odd', 'bad');
  cluster.put('a/web', 'bad');
  cluster.put('a/db', '2');
  await clock.settle();
  expect(rowsOf(reflector)).toEqual({ 'a/web': '1', 'a/db': '2' });
  await clock.advance(10_000);
  cluster.cut('Gone');
  await clock.settle();
  expect(rowsOf(reflector)).toEqual({ 'a/web': '1', 'a/db': '2' });
  cluster.put('a/odd', 'good');
  cluster.put('a/web', '2');
  await clock.settle();
  expect(changes).toEqual(['a/db: 1 → 2', 'a/odd: - → good', 'a/web: 1 → 2']);
  expect(lines).toEqual(Array.from({ length: 2 }, () => 'An object cannot be read and is skipped'));
});

test('a listener that throws does not stop the watch', async () => {
  const seen: string[] = [];
  const { cluster, reflector, clock, lines } = await stage(
    { 'a/web': '1' },
    {
      onChange: ({ key }) => {
        seen.push(key);
        throw new Error('listener');
      },
    },
  );
  cluster.put('a/db', '1');
  await clock.settle();
  expect(seen).toEqual(['a/web', 'a/db']);
  expect(reflector.size).toBe(2);
  expect(lines).toHaveLength(2);
});

test('our own write is seen at once, and its event later is no news', async () => {
  const { cluster, reflector, clock, changes } = await stage({ 'a/web': '1' });
  cluster.isSilent = true;
  const answer = cluster.put('a/web', '2');
  reflector.observe(answer);
  expect(reflector.get('a/web')).toBe('2');
  for (const watch of cluster.watches) watch.send({ type: 'MODIFIED', object: answer });
  await clock.settle();
  expect(changes).toEqual(['a/web: 1 → 2']);
});

test('the answer of a write to an object that is gone does not bring it back', async () => {
  const { cluster, reflector, clock } = await stage({ 'a/web': '1' });
  const answer = cluster.put('a/web', '2');
  cluster.remove('a/web');
  await clock.settle();
  reflector.observe(answer);
  expect(rowsOf(reflector)).toEqual({});
});

test('every watch but the first is counted', async () => {
  let restarts = 0;
  const { cluster, clock } = await stage({}, { onRestart: () => (restarts += 1) });
  expect(restarts).toBe(0);
  await clock.advance(10_000);
  cluster.cut();
  await clock.settle();
  expect(restarts).toBe(1);
});

test('an event that got lost is made good by the next list, which comes by itself', async () => {
  const { cluster, reflector, clock, changes } = await stage(
    { 'a/web': '1', 'a/gone': '1' },
    { relistInterval: 60_000 },
  );
  const [watch] = cluster.watches;
  // No watch is asked to last longer than to the next list: a tenth early, as chance has it here.
  expect(watch?.options.timeoutSeconds).toBe(54);
  cluster.isSilent = true;
  cluster.put('a/web', '2');
  cluster.remove('a/gone');
  cluster.bookmark();
  cluster.isSilent = false;
  await clock.advance(54_000);
  expect(changes).toEqual([]);
  cluster.cut();
  await clock.settle();
  expect(changes).toEqual(['a/gone: 1 → -', 'a/web: 1 → 2']);
  expect(rowsOf(reflector)).toEqual({ 'a/web': '2' });
  expect(cluster.calls.slice(2)).toEqual(['list', 'watch 104']);
});

test('a watch that ends before the next list is due goes on without one', async () => {
  const { cluster, clock } = await stage({ 'a/web': '1' }, { relistInterval: 60_000 });
  await clock.advance(53_000);
  cluster.cut();
  await clock.settle();
  expect(cluster.calls.slice(2)).toEqual(['watch 101']);
  expect([...cluster.watches][0]?.options.timeoutSeconds).toBe(2);
});

test('listed anew, ten thousand objects are read once more only if they changed', async () => {
  const read: string[] = [];
  const objects = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a/${index}`, '1']));
  const { cluster, reflector, clock, changes } = await stage(objects, {
    toRow: (object) => {
      const { metadata, spec } = object as FakeObject;
      read.push(metadata.name);
      return spec;
    },
  });
  expect([read.length, cluster.calls.length]).toEqual([10_000, 21]);
  read.length = 0;
  await clock.advance(10_000);
  cluster.isSilent = true;
  cluster.put('a/7', '2');
  cluster.remove('a/8');
  cluster.isSilent = false;
  cluster.cut('Gone');
  await clock.settle();
  expect(read).toEqual(['7']);
  expect(changes).toEqual(['a/8: 1 → -', 'a/7: 1 → 2']);
  expect(reflector.size).toBe(9_999);
});

test('our own write that comes while an object is listed in its old version stays', async () => {
  const { cluster, reflector, clock } = await stage({ 'a/web': '1', 'a/db': '1' }, { pageSize: 1 });
  await clock.advance(10_000);
  cluster.isSilent = true;
  cluster.afterPage = () => {
    cluster.afterPage = undefined;
    reflector.observe(cluster.put('a/web', '2'));
  };
  cluster.cut('Gone');
  await clock.settle();
  expect(rowsOf(reflector)).toEqual({ 'a/web': '2', 'a/db': '1' });
});

test('a place that is gone when the server is back is no reason to wait with the list', async () => {
  const { cluster, clock } = await stage({});
  await clock.settle();
  cluster.failures.push('Network', 'Gone');
  cluster.cut('Network');
  const before = cluster.calls.length;
  // Tries after 0.2 and 0.4 s; the second is answered.
  await clock.advance(900);
  expect(cluster.calls.slice(before)).toEqual(['watch 100', 'watch 100', 'list', 'watch 100']);
});

test('an answer that the place is gone is waited after when it comes again', async () => {
  const { cluster, clock } = await stage({});
  cluster.failures.push('Gone', 'Gone', 'Gone');
  cluster.cut('Gone');
  const before = cluster.calls.length;
  await clock.settle();
  expect(cluster.calls.slice(before)).toEqual(['list']);
});

test('a server that asks to wait is not asked again before', async () => {
  const { cluster, clock } = await stage({});
  await clock.advance(10_000);
  cluster.failures.push({ reason: 'TooManyRequests', retryAfter: 45_000 });
  cluster.cut('Unavailable');
  await clock.advance(1_000);
  const before = cluster.calls.length;
  await clock.advance(44_000);
  expect(cluster.calls).toHaveLength(before);
  await clock.advance(1_000);
  expect(cluster.calls).toHaveLength(before + 1);
});

async function streaming(streams: FakeCluster['streams'], objects: Readonly<Record<string, string>>) {
  const it = await stage();
  it.cluster.streams = streams;
  for (const [key, spec] of Object.entries(objects)) it.cluster.put(key, spec);
  it.reflector.start();
  await it.clock.settle();
  return it;
}

describe('from a server that sends everything as events', () => {
  test('all is read that way, and watched from there', async () => {
    const { cluster, reflector, clock, changes } = await streaming('yes', { 'a/web': '1', 'a/db': '1' });
    expect(reflector.isSynced()).toBe(true);
    expect(changes).toEqual(['a/web: - → 1 (initial)', 'a/db: - → 1 (initial)']);
    cluster.put('a/web', '2');
    await clock.settle();
    expect(changes.at(-1)).toBe('a/web: 1 → 2');
    expect(cluster.calls).toEqual(['stream', 'watch 102']);
    expect(cluster.watches.size).toBe(1);
  });

  test('one that breaks off changes nothing, and is begun anew', async () => {
    const { cluster, reflector, clock, changes } = await streaming('yes', { 'a/web': '1', 'a/gone': '1' });
    await clock.advance(10_000);
    changes.length = 0;
    cluster.isSilent = true;
    cluster.remove('a/gone');
    cluster.streams = 'ignores';
    cluster.cut('Gone');
    await clock.settle();
    cluster.cut('Network');
    await clock.settle();
    expect(changes).toEqual([]);
    cluster.streams = 'yes';
    await clock.advance(2_000);
    expect(changes).toEqual(['a/gone: 1 → -']);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    expect(cluster.calls.slice(2)).toEqual(['stream', 'stream', 'watch 103']);
  });

  test('it is read in pages after an absence, and as events the time after that', async () => {
    const { cluster, reflector, clock } = await streaming('yes', { 'a/web': '1' });
    await clock.advance(10_000);
    cluster.calls.length = 0;
    // So many take more than five seconds.
    const failing = 12;
    cluster.failures.push(...Array.from({ length: failing }, () => 'Network' as const), 'Gone');
    cluster.cut('Network');
    await clock.settle();
    cluster.put('a/web', '2');
    await clock.advance(30_000);
    expect(cluster.calls.slice(failing)).toEqual(['watch 101', 'list', 'watch 102']);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '2' });
    cluster.compact();
    cluster.cut('Gone');
    await clock.settle();
    expect(cluster.calls.slice(failing + 3)).toEqual(['stream', 'watch 102']);
  });

  test('what goes while it is told is gone', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1', 'a/gone': '1' });
    cluster.remove('a/gone');
    cluster.put('a/web', '2');
    const end = { resourceVersion: '104', annotations: { 'k8s.io/initial-events-end': 'true' } };
    for (const watch of cluster.watches) watch.send({ type: 'BOOKMARK', object: { metadata: end } });
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': '2' });
    expect(cluster.calls).toEqual(['stream', 'watch 104']);
  });

  test('one that does not know this way is asked once', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    await clock.advance(4_999);
    expect(reflector.isSynced()).toBe(false);
    await clock.advance(1);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    await clock.advance(10_000);
    cluster.cut('Gone');
    await clock.settle();
    expect(cluster.calls).toEqual(['stream', 'list', 'watch 101', 'list', 'watch 101']);
  });

  test('one that forgets to answer, as one that has just begun to serve, is asked for pages this time only', async () => {
    const { cluster, clock } = await streaming('yes', { 'a/web': '1' });
    await clock.advance(10_000);
    cluster.streams = 'ignores';
    cluster.cut('Gone');
    await clock.advance(5_000);
    expect(cluster.calls.slice(2)).toEqual(['stream', 'list', 'watch 101']);
    cluster.streams = 'yes';
    await clock.advance(10_000);
    cluster.cut('Gone');
    await clock.settle();
    expect(cluster.calls.slice(5)).toEqual(['stream', 'watch 101']);
  });

  test('an ERROR in it is read as the status it carries', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    const gone = { kind: 'Status', code: 503, reason: 'ServiceUnavailable', message: 'later' };
    for (const watch of cluster.watches) watch.send({ type: 'ERROR', object: gone });
    cluster.streams = 'yes';
    await clock.advance(2_000);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    expect(cluster.calls.slice(0, 2)).toEqual(['stream', 'stream']);
  });
});
