import { expect, test } from 'vitest';
import { inParallel } from '../../bench/parallel.ts';

test('concurrency is limited, and results keep the order of the items', async () => {
  let underWay = 0;
  let most = 0;
  const results = await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    underWay += 1;
    most = Math.max(most, underWay);
    for (let turn = 0; turn < 8 - item; turn += 1) await Promise.resolve();
    underWay -= 1;
    return item * 10;
  });
  expect(results).toEqual([10, 20, 30, 40, 50, 60, 70]);
  expect(most).toBe(3);
});

test('a failure is reported once all started items have ended', async () => {
  let ended = 0;
  const work = inParallel([1, 2], 2, async (item) => {
    if (item === 1) throw new Error('refused');
    await Promise.resolve();
    ended += 1;
  });
  await expect(work).rejects.toThrow('refused');
  expect(ended).toBe(1);
});
