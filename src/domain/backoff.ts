/** Milliseconds of the first delay, and of the longest. */
export interface DelayRange {
  readonly first: number;
  readonly longest: number;
}

/** Milliseconds to wait after `earlier` earlier delays: `first`, doubled each time up to `longest`. */
export function exponentialDelay(earlier: number, { first, longest }: DelayRange): number {
  return Math.min(first * 2 ** earlier, longest);
}

/** The delay times a random factor from `from` to `to`, so that many callers don't call at the same moment. */
export function jittered(delay: number, random: number, [from, to]: readonly [from: number, to: number]): number {
  return delay * (from + (to - from) * random);
}
