import { describe, expect, test } from 'vitest';
import type { FakeObject } from './fake-cluster.ts';
import { rowsOf, startReflector } from './reflector-fixture.ts';

describe('a relist', () => {
  test('a list that fails midway changes nothing', async () => {
    const { cluster, reflector, clock, changes } = await startReflector(
      { 'a/1': '1', 'a/2': '1', 'a/3': '1' },
      { pageSize: 1 },
    );
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

  test('a changed object is reported as its page arrives; new and deleted ones when the list is complete', async () => {
    const { cluster, reflector, clock, changes } = await startReflector(
      { 'a/1': '1', 'a/2': '1', 'a/3': '1' },
      { pageSize: 1 },
    );
    await clock.advance(10_000);
    cluster.isSilent = true;
    cluster.put('a/1', '2');
    cluster.remove('a/2');
    cluster.put('a/4', '1');
    cluster.put('a/3', '2');
    const after: string[][] = [];
    cluster.afterPage = () => after.push([...changes]);
    cluster.cut('Gone');
    await clock.settle();
    // Before the first, the second and the third page are applied.
    expect(after).toEqual([[], ['a/1: 1 → 2'], ['a/1: 1 → 2', 'a/3: 1 → 2']]);
    expect(changes).toEqual(['a/1: 1 → 2', 'a/3: 1 → 2', 'a/2: 1 → -', 'a/4: - → 1']);
    expect(rowsOf(reflector)).toEqual({ 'a/1': '2', 'a/3': '2', 'a/4': '1' });
  });

  test('a list that breaks off has applied newer versions only: of a restored server, none', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({ 'a/1': '1', 'a/2': '1' }, { pageSize: 1 });
    await clock.advance(10_000);
    cluster.restore(5, { 'a/1': 'restored', 'a/2': 'restored' });
    cluster.afterPage = () => {
      cluster.failures.push('Protocol');
      cluster.afterPage = undefined;
    };
    cluster.cut('Gone');
    await clock.settle();
    expect([changes, rowsOf(reflector)]).toEqual([[], { 'a/1': '1', 'a/2': '1' }]);
    await clock.advance(2_000);
    expect(rowsOf(reflector)).toEqual({ 'a/1': 'restored', 'a/2': 'restored' });
  });

  test('objects deleted between two watches are reported as deleted', async () => {
    const { cluster, reflector, clock, changes } = await startReflector({
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

  test('a lost event is corrected by the next periodic list', async () => {
    const { cluster, reflector, clock, changes } = await startReflector(
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
    expect(changes).toEqual(['a/web: 1 → 2', 'a/gone: 1 → -']);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '2' });
    expect(cluster.calls.slice(2)).toEqual(['list', 'watch 104']);
    expect(reflector.isSynced()).toBe(true);
  });

  test('a watch that ends before the next list is due resumes without one', async () => {
    const { cluster, clock } = await startReflector({ 'a/web': '1' }, { relistInterval: 60_000 });
    await clock.advance(53_000);
    cluster.cut();
    await clock.settle();
    expect(cluster.calls.slice(2)).toEqual(['watch 101']);
    expect([...cluster.watches][0]?.options.timeoutSeconds).toBe(2);
  });

  test('only changed objects of ten thousand are decoded again', async () => {
    const read: string[] = [];
    const objects = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a/${index}`, '1']));
    const { cluster, reflector, clock, changes } = await startReflector(objects, {
      transform: (object) => {
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
    expect(changes).toEqual(['a/7: 1 → 2', 'a/8: 1 → -']);
    expect(reflector.size).toBe(9_999);
  });
});
