import { setImmediate as settle } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Semaphore } from '../../../src/domain/semaphore.ts';
import { Body } from '../../../src/provider/http/body.ts';

const large = Buffer.alloc(100_000, 'x');
const never = new Promise<never>(() => {});

test('aborting a large body while it waits takes no slot from others, and frees its own', async () => {
  const semaphore = new Semaphore(1);
  const [first, second, givenUp, last] = [0, 1, 2, 3].map(() => new Body(1_000_000, semaphore));
  const received: string[] = [];
  await first?.append(large, never).then(() => received.push('first'));
  void second?.append(large, never).then(() => received.push('second'));
  await givenUp?.append(large, Promise.resolve());
  givenUp?.release();
  await settle();
  expect(received).toEqual(['first']);
  first?.release();
  await settle();
  expect(received).toEqual(['first', 'second']);
  second?.release();
  void last?.append(large, never).then(() => received.push('last'));
  await settle();
  expect(received).toEqual(['first', 'second', 'last']);
});
