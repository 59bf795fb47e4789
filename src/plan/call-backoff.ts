import { exponentialDelay } from '../domain/backoff.ts';

/** However often a call had no effect, it is sent again after this long: what was in its way may be fixed. */
const longestPause = 30 * 60_000;

/**
 * Milliseconds from the first of `attempts` calls until the next one is due: pauses of 1, 2, 4 … times `base`, half an
 * hour at most. With the time of the first call and the count, no other field is needed to know when.
 */
export function patienceAfter(attempts: number, base: number): number {
  let total = 0;
  for (let attempt = 0; attempt < attempts; attempt += 1) total += pauseAfter(attempt + 1, base);
  return total;
}

/** Milliseconds to wait after the n-th call (from 1) before the next. */
export function pauseAfter(attempt: number, base: number): number {
  return exponentialDelay(attempt - 1, { first: base, longest: Math.max(base, longestPause) });
}
