import pRetry from 'p-retry';
import type { Clock } from '../../model/clock.ts';
import type { FailureCode, Outcome } from '../../model/failure.ts';

export interface ReadRetries {
  /** Attempts after the first. */
  readonly count: number;
  /** Milliseconds before the first further attempt, doubled for each; jitter makes it up to twice as long. */
  readonly minDelay: number;
  readonly maxDelay: number;
}

/** Accidents that are likely over a moment later. A refusal or a malformed answer would only be repeated. */
const passing: ReadonlySet<FailureCode> = new Set(['ConnectFailed', 'ConnectionLost', 'Timeout', 'ServerError']);

class Attempt<T> extends Error {
  readonly outcome: Outcome<T>;
  constructor(outcome: Outcome<T>) {
    super('the attempt failed');
    this.outcome = outcome;
  }
}

/**
 * Makes a read again after an accident: the only place where calls are repeated, and writes never come here.
 * `read` gets the milliseconds that are left of `deadline` for this attempt; the outcome is the last attempt's.
 */
export async function retryRead<T>(
  read: (remaining: number) => Promise<Outcome<T>>,
  options: {
    readonly deadline: number;
    readonly retries: ReadRetries;
    readonly clock: Clock;
    /** 0 (inclusive) to 1 (exclusive). */
    readonly random: () => number;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Outcome<T>> {
  const { retries, clock, random, signal } = options;
  const end = clock.monotonic() + options.deadline;
  let last: Outcome<T> | undefined;
  const attempt = async (): Promise<Outcome<T>> => {
    last = await read(Math.max(1, Math.ceil(end - clock.monotonic())));
    const again = !last.ok && last.failure.class === 'Retry' && passing.has(last.failure.code);
    if (again) throw new Attempt(last);
    return last;
  };
  try {
    return await pRetry(attempt, {
      retries: retries.count,
      // Its own timers would run by the machine's clock: it counts, and the waiting is done here.
      minTimeout: 0,
      shouldRetry: async ({ retriesConsumed }) => {
        const delay = Math.min(retries.minDelay * 2 ** retriesConsumed * (1 + random()), retries.maxDelay);
        if (clock.monotonic() + delay >= end) return false;
        await pause(delay, clock, signal);
        return true;
      },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof Attempt) return error.outcome;
    // Aborted between two attempts, or before the first one, which then tells so itself.
    return last ?? (await read(1));
  }
}

/** Ends early when the signal is aborted. */
function pause(milliseconds: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(milliseconds, end);
    signal?.addEventListener('abort', end);
  });
}
