import pRetry from 'p-retry';
import type { Clock } from '../../domain/clock.ts';
import type { FailureCode, Outcome } from '../../domain/failure.ts';

export interface ReadRetries {
  /** Attempts after the first. */
  readonly count: number;
  /** Milliseconds before the second attempt, doubled for each further one. Jitter makes each up to twice as long. */
  readonly minDelay: number;
  readonly maxDelay: number;
}

/** Temporary errors. A refusal or a malformed response would only be repeated. */
const passing: ReadonlySet<FailureCode> = new Set(['ConnectFailed', 'ConnectionLost', 'Timeout', 'ServerError']);

/**
 * Retries a read after a temporary error. Only reads are retried, and only here. `read` gets the milliseconds until
 * `deadline` for this attempt; the outcome is that of the last attempt.
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
      // An attempt without time left isn't worth a request.
      shouldRetry: ({ retryDelay }) => clock.monotonic() + retryDelay < end,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch {
    // The last attempt failed, or the signal was aborted: between two attempts, or before the first, which then reports
    // it.
    return last ?? (await read(1));
  }
}
