import { exponentialDelay, jittered } from '../domain/backoff.ts';

const delays = { first: 5, longest: 5 * 60_000 };

/** Exponential backoff for each key. */
export interface Backoff {
  /** Milliseconds to wait after another failure: 5 ms, doubled each time up to 5 minutes, minus up to a quarter of jitter. */
  next(key: string): number;
  /** The key succeeded: its next failure counts as its first. */
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
