import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/domain/clock.ts';
import { failed, type FailureClass, type FailureCode, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import { type ReadRetries, retryRead } from '../../../src/provider/http/retry.ts';

const reset = fail('Retry', 'ConnectionLost');

function fail(treatment: FailureClass, code: FailureCode): Outcome<never> {
  return failed({ operation: 'ListMachines', class: treatment, code, text: '' });
}

// p-retry waits by the timers of the process.
beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const advance = (milliseconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

/** Reads with the given outcomes, and then only the last of them; records when each attempt came and what it was left. */
function reading(
  outcomes: readonly Outcome<string>[],
  {
    takes = 0,
    random = 0,
    deadline = 60_000,
    signal,
  }: { takes?: number; random?: number; deadline?: number; signal?: AbortSignal } = {},
) {
  vi.spyOn(Math, 'random').mockReturnValue(random);
  const startedAt = systemClock.monotonic();
  const retries: ReadRetries = { count: 3, minDelay: 100, maxDelay: 300 };
  const attempts: { readonly at: number; readonly remaining: number }[] = [];
  const read = async (remaining: number): Promise<Outcome<string>> => {
    const outcome = outcomes[Math.min(attempts.length, outcomes.length - 1)] ?? reset;
    attempts.push({ at: systemClock.monotonic() - startedAt, remaining });
    if (takes > 0) await new Promise<void>((resolve) => systemClock.schedule(takes, resolve));
    return outcome;
  };
  const outcome = retryRead(read, { deadline, retries, clock: systemClock, signal });
  return { attempts, outcome };
}

test.for([
  { random: 0, moments: [0, 100, 300, 600], because: 'the delay doubles up to the longest' },
  { random: 0.5, moments: [0, 150, 450, 750], because: 'chance makes it longer, the longest stays' },
])('a connection error is retried with exponential backoff: $because', async ({ random, moments }) => {
  const { attempts, outcome } = reading([reset], { random });
  await advance(60_000);
  expect(attempts.map(({ at }) => at)).toEqual(moments);
  expect(attempts.map(({ remaining }) => remaining)).toEqual(moments.map((at) => 60_000 - at));
  expect(await outcome).toBe(reset);
});

test('the first answer ends the retries, a success or a refusal', async () => {
  // The second one is a 503 with Retry-After.
  const refusals = [fail('Wait', 'RateLimited'), fail('Wait', 'ServerError'), fail('Retry', 'ProtocolError')];
  for (const answer of [succeeded('all'), ...refusals]) {
    const { attempts, outcome } = reading([reset, answer, reset]);
    await advance(60_000);
    expect(attempts).toHaveLength(2);
    expect(await outcome).toBe(answer);
  }
});

test('no attempt begins shortly before the deadline', async () => {
  const { attempts, outcome } = reading([reset], { takes: 250, deadline: 800 });
  await advance(550);
  expect(attempts.map(({ at, remaining }) => [at, remaining])).toEqual([
    [0, 800],
    [350, 450],
  ]);
  await advance(250);
  expect(attempts).toHaveLength(2);
  expect(await outcome).toBe(reset);
});

test.for<[what: string, outcomes: readonly Outcome<string>[]]>([
  ['failed', [reset]],
  ['succeeded after retries', [reset, reset, succeeded('all')]],
  ['succeeded at once', [succeeded('all')]],
])('a read that %s leaves no listener on the signal of its account', async ([, outcomes]) => {
  const { signal } = new AbortController();
  const { outcome } = reading(outcomes, { signal });
  await advance(60_000);
  await outcome;
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('aborting during a delay returns the last outcome at once, and leaves no timer', async () => {
  const controller = new AbortController();
  const { attempts, outcome } = reading([reset], { signal: controller.signal });
  await advance(50);
  controller.abort();
  expect(await outcome).toBe(reset);
  expect([attempts.length, vi.getTimerCount()]).toEqual([1, 0]);
});
