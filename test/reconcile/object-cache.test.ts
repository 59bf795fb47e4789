import { expect, test } from 'vitest';
import { createVirtualMachineReader } from '../../src/api/v1alpha1/decode.ts';
import type { KubeClient, Resource } from '../../src/kubernetes/client.ts';
import { ObjectCache } from '../../src/reconcile/object-cache.ts';
import { silentLog } from '../../src/telemetry/log.ts';
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
