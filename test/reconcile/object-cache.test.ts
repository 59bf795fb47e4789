import { describe, expect, test } from 'vitest';
import { createVirtualMachineReader } from '../../src/api/v1alpha1/decode.ts';
import type { KubeClient, Resource } from '../../src/kubernetes/client.ts';
import { ObjectCache } from '../../src/reconcile/object-cache.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { annotations, group, plural, version } from '../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import { FakeCluster, type FakeObject } from '../kubernetes/cache/fake-cluster.ts';
import { objectWith } from '../plan/fixtures.ts';
import { createManualClock } from '../support/clock.ts';

const secrets: Resource = { group: '', version: 'v1', plural: 'secrets' };
const ref = { namespace: 'default', name: 'web' };

test.each(['answered', 'refused'])('a write is in flight until it is %s, and a read never is', async (end) => {
  const answers: PromiseWithResolvers<unknown>[] = [];
  const wait = (): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>();
    answers.push(answer);
    return answer.promise;
  };
  const client: Pick<KubeClient, 'get' | 'patch' | 'create'> = { get: wait, patch: wait, create: wait };
  const cache = new ObjectCache({
    // `as`: nothing is listed or watched.
    client: client as KubeClient,
    clock: createManualClock(),
    random: () => 0,
    log: silentLog,
    relistInterval: 30 * 60_000,
    transform: createVirtualMachineReader(),
    isManaged: () => true,
    onChange: () => {},
  });
  const read = cache.client.get(secrets, ref);
  expect(cache.isWriting()).toBe(false);
  for (const write of [
    () => cache.client.patch(secrets, ref, { type: 'merge', body: {} }),
    () => cache.client.create(secrets, 'default', {}),
  ]) {
    const written = write().catch(() => 'refused');
    await new Promise(setImmediate);
    expect(cache.isWriting()).toBe(true);
    if (end === 'answered') answers.at(-1)?.resolve('answered');
    else answers.at(-1)?.reject(new Error('refused'));
    expect(await written).toBe(end);
    expect(cache.isWriting()).toBe(false);
  }
  answers[0]?.resolve('read');
  expect(await read).toBe('read');
});

const machines: Resource = { group, version, plural };

/** What of an object counts here: its finalizer and its create intent. */
function toMachine({ metadata, spec }: FakeObject): VirtualMachine {
  const object = objectWith({ finalizer: spec.includes('finalizer') });
  const notes = spec.includes('intent') ? { [annotations.createPending]: 'x' } : {};
  return { ...object, metadata: { ...object.metadata, ...metadata, annotations: notes } };
}

/** Caches objects of an API server in which they are removed although they have a finalizer. */
async function startCache(objects: Readonly<Record<string, string>> = {}) {
  const [clock, cluster] = [createManualClock(), new FakeCluster()];
  const cache = new ObjectCache({
    // `as`: writes reach only what is kept.
    client: Object.assign(cluster, { get: () => Promise.resolve('stored') }) as unknown as KubeClient,
    clock,
    random: () => 0,
    log: silentLog,
    // `as`: the cluster has nothing else.
    relistInterval: 30 * 60_000,
    transform: (object) => toMachine(object as FakeObject),
    isManaged: () => true,
    onChange: () => {},
  });
  for (const [key, spec] of Object.entries(objects)) cluster.put(key, spec);
  cache.reflector.start();
  await clock.settle();
  return { cache, clock, cluster };
}

describe('an object that was removed with its finalizer', () => {
  test.each([
    { after: 119_999, spec: 'finalizer', isKept: true },
    { after: 120_000, spec: 'finalizer', isKept: false },
    { after: 120_000, spec: 'finalizer intent', isKept: true },
    { after: 0, spec: '', isKept: false },
  ])('is kept ($isKept) $after ms after it was stored with "$spec"', async ({ after, spec, isKept }) => {
    const { cache, clock, cluster } = await startCache();
    cluster.put('default/web', spec);
    await clock.settle();
    await clock.advance(after);
    cluster.remove('default/web');
    await clock.settle();
    expect(cache.get('default/web')?.metadata.deletionTimestamp !== undefined).toBe(isKept);
  });

  test('is not kept if it had the finalizer when the operator started', async () => {
    const { cache, clock, cluster } = await startCache({ 'default/web': 'finalizer' });
    cluster.remove('default/web');
    await clock.settle();
    expect(cache.get('default/web')).toBeUndefined();
  });

  test('answers reads of itself, and of nothing else that has its name', async () => {
    const { cache, clock, cluster } = await startCache();
    cluster.put('default/web', 'finalizer');
    await clock.settle();
    cluster.remove('default/web');
    await clock.settle();
    expect(await cache.client.get(machines, ref)).toBe(cache.get('default/web'));
    expect(await cache.client.get(secrets, ref)).toBe('stored');
  });

  test('is one of at most a thousand, of which those that ended no longer count', async () => {
    const { cache, clock, cluster } = await startCache();
    const removeAll = async (keys: readonly string[]): Promise<number> => {
      for (const key of keys) cluster.put(key, 'finalizer');
      await clock.settle();
      for (const key of keys) cluster.remove(key);
      await clock.settle();
      return [...cache.keys()].length;
    };
    const keys = Array.from({ length: 1_001 }, (_, index) => `default/web-${index}`);
    expect(await removeAll(keys)).toBe(1_000);
    for (const name of ['web-0', 'web-1'])
      await cache.client.patch(
        machines,
        { namespace: 'default', name },
        { type: 'merge', body: { metadata: { finalizers: [] } } },
      );
    expect([...cache.keys()].length).toBe(998);
    expect(await removeAll(['default/a', 'default/b', 'default/c'])).toBe(1_000);
  });
});
