import { exponentialDelay, jittered } from '../domain/backoff.ts';

export const retryDelays = { first: 1_000, longest: 5 * 60_000 };

/** Milliseconds until the next attempt after this many failures. */
export function backoff(failures: number, random: number): number {
  return jittered(exponentialDelay(failures, retryDelays), random, [0.5, 1]);
}
