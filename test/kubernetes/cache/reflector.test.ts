import { describe, expect, test, vi } from 'vitest';
import type { FakeObject } from './fake-cluster.ts';
import { rowsOf, startReflector } from './reflector-fixture.ts';

describe('a reflector', () => {
  test('lists in pages, then watches from there', async () => {
    const { cluster, reflector, clock, changes } = await startReflector(undefined, { pageSize: 2 });
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

  test('requests smaller pages after a page that is too large, and grows them again: a few large objects slow no list', async () => {
    const { cluster, reflector } = await startReflector();
    const large = 'x'.repeat(1_500_000);
    for (let index = 0; index < 600; index += 1) cluster.put(`a/${index}`, index < 5 ? large : 'small');
    reflector.start();
    await reflector.synced;
    expect(reflector.size).toBe(600);
    expect(reflector.get('a/4')).toHaveLength(1_500_000);
    expect(cluster.limits).toEqual([500, 125, 32, 8, 2, 4, 1, 2, 4, 8, 16, 32, 64, 128, 256, 500]);
  });

  test('accepts a single object of any size', async () => {
    const { cluster, reflector } = await startReflector();
    cluster.put('a/1', 'x'.repeat(10_000_000));
    reflector.start();
    await reflector.synced;
    expect([reflector.size, cluster.limits]).toEqual([1, [500, 125, 32, 8, 2, 1]]);
  });

  test('reports added, changed and deleted objects', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({ 'a/web': 'old' });
    cluster.put('a/db', 'new');
    cluster.put('a/web', 'new');
    cluster.remove('a/db');
    await clock.settle();
    expect(changes).toEqual(['a/db: - → new', 'a/web: old → new', 'a/db: new → -']);
    expect(rowsOf(reflector)).toEqual({ 'a/web': 'new' });
  });

  test('retries the first list until it works', async () => {
    const { cluster, reflector, clock } = await startReflector();
    cluster.put('a/web', '1');
    cluster.failures.push('Unexpected', 'Network');
    reflector.start();
    await clock.advance(500);
    expect(reflector.isSynced()).toBe(false);
    await clock.advance(5_000);
    await reflector.synced;
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
  });

  test('stop ends all requests and timers', async () => {
    const { reflector, cluster, clock } = await startReflector({ 'a/web': '1' });
    // The timer for silence was moved since.
    await clock.advance(100_000);
    cluster.put('a/web', '2');
    await clock.advance(100_000);
    await reflector.stop();
    expect([cluster.watches.size, clock.pending]).toEqual([0, 0]);
    const failing = await startReflector();
    failing.cluster.failures.push('Unavailable');
    failing.reflector.start();
    await failing.clock.settle();
    await failing.reflector.stop();
    expect(failing.clock.pending).toBe(0);
    expect(failing.cluster.calls).toEqual(['list']);
  });

  test('a list that is answered after stop changes nothing', async () => {
    const { reflector, cluster, clock, changes } = await startReflector();
    cluster.put('a/web', '1');
    let stopped: Promise<void> | undefined;
    cluster.afterPage = () => {
      stopped = reflector.stop();
    };
    reflector.start();
    await clock.settle();
    await stopped;
    expect([stopped !== undefined, changes, reflector.isSynced()]).toEqual([true, [], false]);
  });

  test('each namespace given is listed and watched by itself, and no other', async () => {
    const { cluster, reflector, clock, changes } = await startReflector(
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
    reflector.assume(cluster.put('c/web', '3'));
    expect(reflector.get('c/web')).toBeUndefined();
  });
});

test('is synced when the last of its namespaces is listed, not the first', async () => {
  const { cluster, reflector, clock } = await startReflector(undefined, { namespaces: ['a', 'b'] });
  const synced = vi.fn();
  void reflector.synced.then(synced);
  cluster.failures.push('Network');
  reflector.start();
  await clock.settle();
  expect([cluster.calls, synced.mock.calls.length]).toEqual([['list a', 'list b', 'watch b 100'], 0]);
  await clock.advance(10_000);
  expect([reflector.isSynced(), synced.mock.calls.length]).toEqual([true, 1]);
});

test('reports the namespace that may not be listed although another one is listed', async () => {
  const { cluster, reflector, clock } = await startReflector(undefined, { namespaces: ['a', 'b'] });
  cluster.failures.push('Forbidden');
  reflector.start();
  await clock.settle();
  expect([cluster.calls.includes('watch b 100'), reflector.blocker]).toEqual([true, 'Forbidden']);
  await clock.advance(10_000);
  expect([reflector.isSynced(), reflector.blocker]).toEqual([true, undefined]);
});

function choosy(object: unknown): string {
  const { spec } = object as FakeObject;
  if (spec === 'bad') throw new Error('what is that?');
  return spec;
}

describe('objects and listeners that fail', () => {
  test('an object that cannot be read affects no other, is logged once until it can be read again, and does not count as deleted', async () => {
    const { cluster, reflector, clock, changes, lines } = await startReflector(
      { 'a/web': '1', 'a/odd': 'bad', 'a/db': '1' },
      { transform: choosy },
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
    expect(lines).toEqual(Array.from({ length: 2 }, () => 'Failed to decode object, skipped it'));
    cluster.put('a/odd', 'bad');
    await clock.settle();
    expect(lines).toHaveLength(3);
  });

  test('a listener that throws does not stop the watch', async () => {
    const seen: string[] = [];
    const { cluster, reflector, clock, lines } = await startReflector(
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
});

describe('the answers of writes by the operator', () => {
  test('a write of the operator is visible at once, and its event later is not reported again', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({ 'a/web': '1' });
    cluster.isSilent = true;
    const answer = cluster.put('a/web', '2');
    reflector.assume(answer);
    expect(reflector.get('a/web')).toBe('2');
    for (const watch of cluster.watches) watch.send({ type: 'MODIFIED', object: answer });
    await clock.settle();
    expect(changes).toEqual(['a/web: 1 → 2']);
  });

  test('the answer of a write to a deleted object does not restore it', async () => {
    const { cluster, reflector, clock } = await startReflector({ 'a/web': '1' });
    const answer = cluster.put('a/web', '2');
    cluster.remove('a/web');
    await clock.settle();
    reflector.assume(answer);
    expect(rowsOf(reflector)).toEqual({});
  });

  test('a write during a list that shows the older version stays', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({ 'a/web': '1', 'a/db': '1' }, { pageSize: 1 });
    await clock.advance(10_000);
    cluster.isSilent = true;
    cluster.afterPage = () => {
      cluster.afterPage = undefined;
      reflector.assume(cluster.put('a/web', '2'));
    };
    cluster.cut('Gone');
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': '2', 'a/db': '1' });
    // Also not for a moment: the watch that follows the list would bring it back.
    expect(changes).toEqual(['a/web: 1 → 2']);
  });
});
