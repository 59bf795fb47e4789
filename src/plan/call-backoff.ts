import { exponentialDelay } from '../domain/backoff.ts';

/** The longest pause between calls without effect, because their cause may be fixed meanwhile. */
const longestPause = 30 * 60_000;

/**
 * Milliseconds from the first of `attempts` calls until the next one is due: pauses of 1, 2, 4 … times `base`, at most
 * half an hour. The time of the first call and the count determine it, so no other field is stored.
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
