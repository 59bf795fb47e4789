import { describe, expect, test } from 'vitest';
import type { KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import type { FakeCluster } from './fake-cluster.ts';
import { rowsOf, startReflector } from './reflector-fixture.ts';

async function streaming(streams: FakeCluster['streams'], objects: Readonly<Record<string, string>>) {
  const it = await startReflector();
  it.cluster.streams = streams;
  for (const [key, spec] of Object.entries(objects)) it.cluster.put(key, spec);
  it.reflector.start();
  await it.clock.settle();
  return it;
}

describe('the initial list as watch events', () => {
  test('all objects are read, and watched from there', async () => {
    const { cluster, reflector, clock, changes } = await streaming('yes', { 'a/web': '1', 'a/db': '1' });
    expect(reflector.isSynced()).toBe(true);
    expect(changes).toEqual(['a/web: - → 1 (initial)', 'a/db: - → 1 (initial)']);
    cluster.put('a/web', '2');
    await clock.settle();
    expect(changes.at(-1)).toBe('a/web: 1 → 2');
    expect(cluster.calls).toEqual(['stream', 'watch 102']);
    expect(cluster.watches.size).toBe(1);
  });

  test.each<[how: string, reason: KubeErrorReason | undefined]>([
    ['breaks off', 'Network'],
    ['ends in order before its last event, as when an API server restarts', undefined],
  ])('one that %s changes nothing, and is started again', async (_how, reason) => {
    const { cluster, reflector, clock, changes } = await streaming('yes', { 'a/web': '1', 'a/gone': '1' });
    await clock.advance(10_000);
    changes.length = 0;
    cluster.isSilent = true;
    cluster.remove('a/gone');
    cluster.streams = 'ignores';
    cluster.cut('Gone');
    await clock.settle();
    cluster.cut(reason);
    await clock.settle();
    expect(changes).toEqual([]);
    cluster.streams = 'yes';
    await clock.advance(2_000);
    expect(changes).toEqual(['a/gone: 1 → -']);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    expect(cluster.calls.slice(2)).toEqual(['stream', 'stream', 'watch 103']);
  });

  test('it is read in pages after an outage, and as events the time after that', async () => {
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

  test.each([
    { failing: 9, outage: '4.8 seconds', how: 'stream' },
    { failing: 10, outage: '5.4 seconds', how: 'list' },
  ])('after an outage of $outage it is a $how', async ({ failing, how }) => {
    const { cluster, clock } = await streaming('yes', {});
    await clock.advance(10_000);
    cluster.calls.length = 0;
    cluster.failures.push(...Array.from({ length: failing }, () => 'Network' as const), 'Gone');
    cluster.cut('Network');
    await clock.advance(6_000);
    expect(cluster.calls.slice(failing)).toEqual(['watch 100', how, 'watch 100']);
  });

  test('it is read as events when the watch after the pages of an outage breaks at once', async () => {
    const { cluster, clock } = await streaming('yes', {});
    await clock.advance(10_000);
    cluster.failures.push(...Array.from({ length: 10 }, () => 'Network' as const), 'Gone');
    cluster.cut('Network');
    await clock.advance(6_000);
    cluster.calls.length = 0;
    cluster.cut('Gone');
    await clock.advance(2_000);
    expect(cluster.calls).toEqual(['stream', 'watch 100']);
  });

  test('it is read as events after an outage from which the watch has resumed', async () => {
    const { cluster, clock } = await streaming('yes', { 'a/web': '1' });
    await clock.advance(10_000);
    cluster.calls.length = 0;
    const failing = 12;
    cluster.failures.push(...Array.from({ length: failing }, () => 'Network' as const));
    cluster.cut('Network');
    await clock.advance(60_000);
    cluster.cut('Gone');
    await clock.settle();
    expect(cluster.calls.slice(failing)).toEqual(['watch 101', 'list', 'stream', 'watch 101']);
  });

  test('an object that is deleted meanwhile is reported as deleted', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1', 'a/gone': '1' });
    cluster.remove('a/gone');
    cluster.put('a/web', '2');
    const end = { resourceVersion: '104', annotations: { 'k8s.io/initial-events-end': 'true' } };
    for (const watch of cluster.watches) watch.send({ type: 'BOOKMARK', object: { metadata: end } });
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': '2' });
    expect(cluster.calls).toEqual(['stream', 'watch 104']);
  });

  test('a server that does not support it is asked once', async () => {
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

  test('a server that does not answer, such as one that has just started, is asked for pages this time only', async () => {
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

  test('an ERROR event is read as the status it carries', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    const gone = { kind: 'Status', code: 503, reason: 'ServiceUnavailable', message: 'later' };
    for (const watch of cluster.watches) watch.send({ type: 'ERROR', object: gone });
    cluster.streams = 'yes';
    await clock.advance(2_000);
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    expect(cluster.calls.slice(0, 2)).toEqual(['stream', 'stream']);
  });

  test.each([
    { reason: 'Network', retryAfter: 4_999, how: 'stream' },
    { reason: 'Network', retryAfter: 5_000, how: 'list' },
    { reason: 'Unavailable', retryAfter: 6_000, how: 'stream' },
  ] as const)('after $retryAfter ms of $reason it is a $how', async ({ reason, retryAfter, how }) => {
    const { cluster, reflector, clock } = await startReflector();
    cluster.streams = 'yes';
    cluster.failures.push({ reason, retryAfter });
    reflector.start();
    await clock.advance(retryAfter);
    expect(cluster.calls).toEqual(['stream', how, 'watch 100']);
  });

  test('it may take longer than five seconds while objects arrive', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    const object = { metadata: { namespace: 'a', name: 'db', uid: 'uid-9', resourceVersion: '90' }, spec: '1' };
    for (let seconds = 0; seconds < 12; seconds += 4) {
      await clock.advance(4_000);
      for (const watch of cluster.watches) watch.send({ type: 'ADDED', object });
      await clock.settle();
    }
    expect(cluster.calls).toEqual(['stream']);
    const end = { resourceVersion: '101', annotations: { 'k8s.io/initial-events-end': 'true' } };
    for (const watch of cluster.watches) watch.send({ type: 'BOOKMARK', object: { metadata: end } });
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1', 'a/db': '1' });
  });

  test('another bookmark does not end it', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    cluster.bookmark();
    for (const watch of cluster.watches)
      watch.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '101' } } });
    await clock.settle();
    expect([reflector.isSynced(), cluster.calls]).toEqual([false, ['stream']]);
  });

  test('an ERROR event "invalid" is a refusal: all is read in pages at once', async () => {
    const { cluster, reflector, clock } = await streaming('ignores', { 'a/web': '1' });
    const invalid = { kind: 'Status', code: 422, reason: 'Invalid', message: 'sendInitialEvents is forbidden' };
    for (const watch of cluster.watches) watch.send({ type: 'ERROR', object: invalid });
    await clock.settle();
    expect(rowsOf(reflector)).toEqual({ 'a/web': '1' });
    expect(cluster.calls).toEqual(['stream', 'list', 'watch 101']);
  });
});
