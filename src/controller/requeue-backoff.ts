import { exponentialDelay, jittered } from '../domain/backoff.ts';

const delays = { first: 5, longest: 5 * 60_000 };

/** Growing delays for each key by itself. */
export interface Backoff {
  /** Milliseconds to wait after one more failure: 5 ms, doubled each time up to 5 minutes, less up to a quarter by chance. */
  next(key: string): number;
  /** The key succeeded: its next failure is its first. */
  forget(key: string): void;
}

export function createBackoff({ random }: { readonly random: () => number }): Backoff {
  const failures = new Map<string, number>();
  return {
    next(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      return jittered(exponentialDelay(count, delays), random(), [1, 0.75]);
    },
    forget: (key) => void failures.delete(key),
  };
}
