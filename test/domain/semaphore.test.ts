import { expect, test } from 'vitest';
import { Places } from '../../src/domain/semaphore.ts';

test('a group that asked a thousand times holds up another one for a single turn', async () => {
  const places = new Places(2);
  const turns: string[] = [];
  const ask = (group: string) => void places.take(group).then(() => turns.push(group));
  for (let index = 0; index < 1_000; index += 1) ask('a');
  ask('b');
  await Promise.resolve();
  expect(turns).toEqual(['a', 'a']);
  for (let index = 0; index < 3; index += 1) places.leave();
  await Promise.resolve();
  expect(turns).toEqual(['a', 'a', 'a', 'b', 'a']);
});

test('work waits for a place, and leaves it when it ends or fails', async () => {
  const places = new Places(1);
  const log: string[] = [];
  const first = Promise.withResolvers<void>();
  const work = (name: string, end: Promise<void>) =>
    places.during(async () => {
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

test('a place that nobody asks for is free for whoever asks next', async () => {
  const places = new Places(1);
  await places.take('a');
  places.leave();
  await places.take('b');
  let isTaken = false;
  void places.take('c').then(() => (isTaken = true));
  await Promise.resolve();
  expect(isTaken).toBe(false);
  places.leave();
  await Promise.resolve();
  expect(isTaken).toBe(true);
});
