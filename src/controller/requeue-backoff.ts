import { exponentialDelay, jittered } from '../domain/backoff.ts';

const delays = { first: 5, longest: 5 * 60_000 };

/**
 * Milliseconds to wait after another failure: 5 ms, doubled for each earlier failure in a row up to 5 minutes, minus up to a
 * quarter of jitter.
 */
export function requeueDelay(earlierFailures: number, random: number): number {
  return jittered(exponentialDelay(earlierFailures, delays), random, [1, 0.75]);
}
