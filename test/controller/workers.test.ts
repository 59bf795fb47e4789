import { describe, expect, test } from 'vitest';
import type { Clock } from '../../src/domain/clock.ts';
import {
  type ReconcileResult,
  type ReleaseWorker,
  type Reconciliation,
  runWorkers,
  type WorkersOptions,
} from '../../src/controller/workers.ts';
import { WorkQueue } from '../../src/controller/work-queue.ts';
import type { Log } from '../../src/telemetry/log.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { createManualClock } from '../support/clock.ts';

function stage(
  handle: (key: string, clock: Clock, park: ReleaseWorker) => Promise<ReconcileResult>,
  options: Partial<WorkersOptions> = {},
) {
  const clock = createManualClock();
  const queue = new WorkQueue({ clock, random: () => 0 });
  const lines: string[] = [];
  const passes: Reconciliation[] = [];
  const log: Log = { ...silentLog, error: (_message, fields) => void lines.push(String(fields?.['object'])) };
  const workers = runWorkers({
    queue,
    handle: (key, park) => handle(key, clock, park),
    clock,
    log,
    onReconciled: (pass) => passes.push(pass),
    ...options,
  });
  return { clock, queue, workers, lines, passes };
}

test('handles added keys concurrently, up to the limit', async () => {
  const barrier = Promise.withResolvers<void>();
  let busy = 0;
  let most = 0;
  const { clock, queue, passes } = stage(
    async () => {
      most = Math.max(most, (busy += 1));
      await barrier.promise;
      busy -= 1;
      return {};
    },
    { count: 3 },
  );
  for (const key of 'abcdefg') queue.add(key);
  await clock.settle();
  expect([most, queue.depth]).toEqual([3, 4]);
  barrier.resolve();
  await clock.settle();
  expect([most, passes.length]).toEqual([3, 7]);
});

test('requeues a key only when the reconciliation requests it', async () => {
  const handled: string[] = [];
  const { clock, queue } = stage(async (key) => {
    handled.push(key);
    return key === 'once' || handled.length > 2 ? {} : { after: 10_000 };
  });
  queue.add('once');
  queue.add('again');
  await clock.advance(9_999);
  expect(handled).toEqual(['once', 'again']);
  await clock.advance(1);
  expect(handled).toEqual(['once', 'again', 'again']);
  await clock.advance(3_600_000);
  expect(handled).toHaveLength(3);
});

test.each<[string, () => Promise<ReconcileResult>]>([
  ['fails', async () => ({ failed: true })],
  ['asks to be requeued', async () => ({ requeue: true })],
  ['throws', () => Promise.reject(new Error('broken'))],
])('a reconciliation that %s is retried with exponential backoff, which a success resets', async (_what, fail) => {
  const times: number[] = [];
  const { clock, queue } = stage(async () => {
    times.push(clock.monotonic());
    return times.length < 5 || times.length === 6 ? fail() : {};
  });
  queue.add('a');
  await clock.advance(1_000);
  expect(times).toEqual([0, 5, 15, 35, 75]);
  queue.add('a');
  await clock.advance(1_000);
  expect(times.slice(5)).toEqual([1_000, 1_005]);
});

test.each<[string, ReconcileResult, number]>([
  ['says when it comes back', { failed: true, after: 2_000 }, 4_000],
  ['comes back with growing delays', { failed: true }, 15],
])(
  'a reconciliation that fails for an external reason %s, and counts as failed',
  async (_what, handled, milliseconds) => {
    const { clock, queue, passes } = stage(async () => handled);
    queue.add('a');
    await clock.advance(milliseconds);
    expect(passes.map(({ result }) => result)).toEqual(['error', 'error', 'error']);
  },
);

test('a reconciliation that requests a requeue does not count as failed', async () => {
  const { clock, queue, passes } = stage(async (): Promise<ReconcileResult> =>
    passes.length === 0 ? { requeue: true } : {},
  );
  queue.add('a');
  await clock.advance(1_000);
  expect(passes.map(({ result }) => result)).toEqual(['requeue', 'success']);
});

test('a reconciliation that throws is reported once and affects no other', async () => {
  const { clock, queue, lines, passes } = stage(async (key) => {
    if (key === 'bad') throw new Error('broken');
    return {};
  });
  queue.add('bad');
  queue.add('good');
  await clock.advance(1_000);
  expect(passes.find(({ key }) => key === 'good')?.result).toBe('success');
  expect(passes.filter(({ key }) => key === 'bad').length).toBeGreaterThan(5);
  expect(lines).toEqual(['bad']);
});

test('an error that changes, or returns after a success, is reported again', async () => {
  const errors = ['a', 'a', 'b', undefined, 'b'];
  const { clock, queue, lines } = stage(async () => {
    const message = errors.shift();
    if (message !== undefined) throw new Error(message);
    return { after: 1 };
  });
  queue.add('key');
  await clock.advance(1_000);
  expect(lines).toHaveLength(3);
});

test('each reconciliation is reported with its result and times', async () => {
  const { clock, queue, passes } = stage(
    async (key, { schedule }) => {
      await new Promise<void>((resolve) => schedule(20, resolve));
      return key === 'later' ? { after: 60_000 } : {};
    },
    { count: 1 },
  );
  queue.add('later');
  queue.add('done');
  await clock.advance(40);
  expect(passes).toEqual([
    { key: 'later', result: 'requeue_after', milliseconds: 20, workMilliseconds: 20, waitMilliseconds: 0 },
    { key: 'done', result: 'success', milliseconds: 20, workMilliseconds: 20, waitMilliseconds: 20 },
  ]);
});

test('stop waits for the reconciliations in progress and starts no other', async () => {
  const barrier = Promise.withResolvers<void>();
  const begun: string[] = [];
  const { clock, queue, workers } = stage(
    async (key) => {
      begun.push(key);
      await barrier.promise;
      return { after: 1_000 };
    },
    { count: 1 },
  );
  queue.add('a');
  queue.add('b');
  await clock.settle();
  let isStopped = false;
  const stopping = workers.stop().then(() => (isStopped = true));
  await clock.settle();
  expect([begun, isStopped]).toEqual([['a'], false]);
  barrier.resolve();
  await stopping;
  expect([begun, clock.pending]).toEqual([['a'], 0]);
});

/**
 * Keys that begin with `slow` release their worker and wait until `answer`; `log` shows what began, continued and ended, in
 * order.
 */
function slowStage(count: number) {
  const log: string[] = [];
  const answer = Promise.withResolvers<void>();
  const work = Promise.withResolvers<void>();
  const it = stage(
    async (key, _clock, park) => {
      log.push(`${key} begins`);
      if (key.startsWith('slow')) {
        await park(answer.promise);
        log.push(`${key} continues`);
      } else {
        await work.promise;
      }
      log.push(`${key} ends`);
      return {};
    },
    { count },
  );
  return { ...it, log, answer, work };
}

describe('a reconciliation that released its worker', () => {
  test('uses no worker, however many there are', async () => {
    const { clock, queue, log, work } = slowStage(2);
    work.resolve();
    for (let index = 0; index < 200; index += 1) queue.add(`slow-${index}`);
    queue.add('quick');
    await clock.settle();
    expect(log.filter((line) => line.startsWith('slow'))).toHaveLength(200);
    expect(log.slice(-2)).toEqual(['quick begins', 'quick ends']);
  });

  test('gets a worker again before it continues, and before any new key', async () => {
    const { clock, queue, log, answer, work } = slowStage(1);
    for (const key of ['slow', 'busy', 'new']) queue.add(key);
    await clock.settle();
    expect(log).toEqual(['slow begins', 'busy begins']);
    answer.resolve();
    await clock.settle();
    expect(log).toHaveLength(2);
    work.resolve();
    await clock.settle();
    expect(log.slice(2)).toEqual(['busy ends', 'slow continues', 'slow ends', 'new begins', 'new ends']);
  });

  test('gets a worker again round-robin by namespace, however many of another namespace wait', async () => {
    const { clock, queue, log, answer, work } = slowStage(1);
    for (let index = 0; index < 100; index += 1) queue.add(`slow-a/${index}`);
    await clock.settle();
    for (const key of ['slow-b/0', 'busy']) queue.add(key);
    await clock.settle();
    answer.resolve();
    await clock.settle();
    work.resolve();
    await clock.settle();
    const order = log.filter((line) => line.endsWith('continues'));
    expect(order).toHaveLength(101);
    expect(order.slice(0, 2)).toContain('slow-b/0 continues');
  });

  test('continues at once while workers wait for keys', async () => {
    const { clock, queue, log, answer } = slowStage(1);
    queue.add('slow');
    await clock.settle();
    answer.resolve();
    await clock.settle();
    expect(log).toEqual(['slow begins', 'slow continues', 'slow ends']);
  });

  test('keeps its key: no second reconciliation of it begins', async () => {
    const { clock, queue, log, answer } = slowStage(2);
    queue.add('slow');
    await clock.settle();
    queue.add('slow');
    await clock.settle();
    expect(log).toEqual(['slow begins']);
    answer.resolve();
    await clock.settle();
    expect(log.slice(-3)).toEqual(['slow begins', 'slow continues', 'slow ends']);
    expect(log).toHaveLength(6);
  });

  test('gets its worker again if its wait fails', async () => {
    const { clock, queue, passes } = stage((_key, _clock, park) => park(Promise.reject(new Error('refused'))), {
      count: 1,
    });
    queue.add('a');
    queue.add('b');
    await clock.settle();
    expect(passes.map(({ result }) => result)).toEqual(['error', 'error']);
  });

  test('is waited for at shutdown', async () => {
    const { clock, queue, workers, log, answer } = slowStage(1);
    queue.add('slow');
    await clock.settle();
    let isStopped = false;
    const stopping = workers.stop().then(() => (isStopped = true));
    await clock.settle();
    expect(isStopped).toBe(false);
    answer.resolve();
    await stopping;
    expect(log.at(-1)).toBe('slow ends');
  });
});

describe('how long workers are in use', () => {
  test('detects a reconciliation that hangs after its wait, from when it got its worker again', async () => {
    const parked = Promise.withResolvers<void>();
    const { clock, queue, workers } = stage(async (_key, _clock, park) => {
      await park(parked.promise);
      return new Promise(() => {});
    });
    queue.add('a');
    await clock.advance(10_000);
    parked.resolve();
    await clock.settle();
    await clock.advance(7_000);
    expect(workers.longestReconcileMs).toBe(7_000);
  });

  test('is measured for each reconciliation, without the time for which it released its worker', async () => {
    const { clock, queue, passes } = stage(async (_key, { schedule }, park) => {
      const after = (time: number): Promise<void> => new Promise((resolve) => schedule(time, resolve));
      await after(20);
      await park(after(5_000));
      await after(30);
      return {};
    });
    queue.add('a');
    await clock.advance(6_000);
    expect(passes).toMatchObject([{ milliseconds: 5_050, workMilliseconds: 50 }]);
  });

  test('is summed over all reconciliations in progress', async () => {
    const { clock, queue, workers } = stage(() => new Promise(() => {}));
    expect([workers.active, workers.unfinishedMs]).toEqual([0, 0]);
    queue.add('a');
    await clock.advance(2_000);
    queue.add('b');
    await clock.advance(3_000);
    expect([workers.active, workers.unfinishedMs]).toEqual([2, 8_000]);
  });

  test('is reported for the oldest reconciliation, without the time for which it released its worker', async () => {
    const { clock, queue, workers, answer, work } = slowStage(2);
    expect([workers.longestReconcileMs, workers.lastEndAt]).toEqual([0, 0]);
    queue.add('slow');
    await clock.advance(1_000);
    expect(workers.longestReconcileMs).toBe(0);
    queue.add('busy');
    await clock.advance(3_000);
    expect(workers.longestReconcileMs).toBe(3_000);
    answer.resolve();
    await clock.advance(500);
    expect([workers.longestReconcileMs, workers.lastEndAt]).toEqual([3_500, 4_000]);
    work.resolve();
    await clock.settle();
    expect([workers.longestReconcileMs, workers.lastEndAt]).toEqual([0, 4_500]);
  });
});
