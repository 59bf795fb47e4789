import pRetry from 'p-retry';
import type { Clock } from '../../domain/clock.ts';
import type { FailureCode, Outcome } from '../../domain/failure.ts';

export interface ReadRetries {
  /** Attempts after the first. */
  readonly count: number;
  /** Milliseconds before the first further attempt, doubled for each; jitter makes each up to twice as long. */
  readonly minDelay: number;
  readonly maxDelay: number;
}

/** Errors that are likely to pass. A refusal or a malformed response would only be repeated. */
const passing: ReadonlySet<FailureCode> = new Set(['ConnectFailed', 'ConnectionLost', 'Timeout', 'ServerError']);

/**
 * Retries a read after a passing error. Only reads are retried, and only here.
 * `read` gets the milliseconds that are left of `deadline` for this attempt; the outcome is the last attempt's.
 */
export async function retryRead<T>(
  read: (remaining: number) => Promise<Outcome<T>>,
  options: {
    readonly deadline: number;
    readonly retries: ReadRetries;
    readonly clock: Clock;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Outcome<T>> {
  const { retries, clock, signal } = options;
  const end = clock.monotonic() + options.deadline;
  let last: Outcome<T> | undefined;
  const attempt = async (): Promise<Outcome<T>> => {
    const outcome = await read(Math.max(1, Math.ceil(end - clock.monotonic())));
    last = outcome;
    if (!outcome.ok && outcome.failure.class === 'Retry' && passing.has(outcome.failure.code)) {
      throw new Error(outcome.failure.code);
    }
    return outcome;
  };
  try {
    return await pRetry(attempt, {
      retries: retries.count,
      minTimeout: retries.minDelay,
      maxTimeout: retries.maxDelay,
      factor: 2,
      randomize: true,
      // An attempt that its deadline would meet at once is not worth a request.
      shouldRetry: ({ retryDelay }) => clock.monotonic() + retryDelay < end,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch {
    // The last attempt failed, or the signal was aborted: between two attempts, or before the first, which then reports it itself.
    return last ?? (await read(1));
  }
}
