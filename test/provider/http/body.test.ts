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

test.each([
  { chunks: [4, 6], isAll: true },
  { chunks: [4, 7], isAll: false },
  { chunks: [11], isAll: false },
])('a body of up to the limit of 10 bytes is complete: $chunks', async ({ chunks, isAll }) => {
  const body = new Body(10, new Semaphore(1));
  const results: boolean[] = [];
  for (const length of chunks) results.push(await body.append(Buffer.alloc(length, 'y'), never));
  expect([results.at(-1), body.text]).toEqual([isAll, 'y'.repeat(10)]);
});
