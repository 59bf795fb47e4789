import { exponentialDelay } from '../domain/backoff.ts';
import type { VirtualMachineStatus } from '../api/v1alpha1/types.ts';

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

type StartFailure = NonNullable<VirtualMachineStatus['startFailure']>;

const unit = 10_000;
const ceiling = 5 * 60_000;
/** Including the jitter. */
export const longestStartPause = ceiling * 1.5;

/**
 * Counts one more start that didn't last: the next one waits 10 s × n², at most 5 min, ±50 %. The jitter is derived
 * from the object's UID and the count, so that the decision stays a function of the observation and a fleet doesn't
 * start at the same time.
 */
export function startFailureAfter(before: StartFailure | undefined, now: number, uid: string): StartFailure {
  const count = (before?.count ?? 0) + 1;
  const delay = Math.min(unit * count * count, ceiling) * (0.5 + spread(`${uid}/${count}`));
  return { count, lastTime: new Date(now).toISOString(), retryTime: new Date(now + delay).toISOString() };
}

/** FNV-1a of the text, as a number in [0, 1). */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return hash / 2 ** 32;
}
