import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { Semaphore } from '../../src/domain/semaphore.ts';

test('a group with a thousand requests delays another one by a single slot', async () => {
  const semaphore = new Semaphore(2);
  const turns: string[] = [];
  const ask = (group: string) => void semaphore.acquire(group).then(() => turns.push(group));
  for (let index = 0; index < 1_000; index += 1) ask('a');
  ask('b');
  await Promise.resolve();
  expect(turns).toEqual(['a', 'a']);
  for (let index = 0; index < 3; index += 1) semaphore.release();
  await Promise.resolve();
  expect(turns).toEqual(['a', 'a', 'a', 'b', 'a']);
});

test('work waits for a slot, and releases it when it ends or fails', async () => {
  const semaphore = new Semaphore(1);
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const work = (name: string, end: Promise<void>) =>
    semaphore.run(async () => {
      log.push(name);
      await end;
    });
  const failing = work('1', first.promise);
  const next = work('2', Promise.resolve());
  const last = work('3', Promise.resolve());
  await Promise.resolve();
  expect(log).toEqual(['1']);
  first.reject(new Error('refused'));
  await expect(failing).rejects.toThrow('refused');
  await Promise.all([next, last]);
  expect(log).toEqual(['1', '2', '3']);
});

test('a free slot is available to the next request of any group', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire('a');
  semaphore.release();
  await semaphore.acquire('b');
  let isTaken = false;
  void semaphore.acquire('c').then(() => (isTaken = true));
  await Promise.resolve();
  expect(isTaken).toBe(false);
  semaphore.release();
  await Promise.resolve();
  expect(isTaken).toBe(true);
});

test('a request that ends its wait leaves its slot to the next one', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const impatient = new AbortController();
  const left = semaphore.acquireUnless(impatient.signal, 'a');
  const stays = semaphore.acquireUnless(new AbortController().signal, 'a');
  impatient.abort();
  expect(await left).toBe(false);
  semaphore.release();
  expect(await stays).toBe(true);
});

test('the last request of a group that ends its wait leaves no group behind to get a slot', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const impatient = new AbortController();
  const left = semaphore.acquireUnless(impatient.signal, 'a');
  const other = semaphore.acquireUnless(new AbortController().signal, 'b');
  impatient.abort();
  expect(await left).toBe(false);
  semaphore.release();
  expect(await other).toBe(true);
});

test('a request whose wait has ended leaves no listener on its signal', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const { signal } = new AbortController();
  const acquired = semaphore.acquireUnless(signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  semaphore.release();
  await acquired;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('work that releases its slot during a wait resumes once it has one again', async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  let hasResumed = false;
  const resumed = semaphore.runReleased(semaphore.acquire('other')).then(() => (hasResumed = true));
  await new Promise(setImmediate);
  expect(hasResumed).toBe(false);
  semaphore.release();
  await resumed;
});

test('a free slot is acquired even if the wait has ended', async () => {
  const semaphore = new Semaphore(1);
  expect(await semaphore.acquireUnless(AbortSignal.abort())).toBe(true);
  expect(await semaphore.acquireUnless(AbortSignal.abort())).toBe(false);
  semaphore.release();
  expect(await semaphore.acquireUnless(AbortSignal.abort())).toBe(true);
});
