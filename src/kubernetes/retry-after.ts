const longest = 5 * 60_000;

/**
 * `Retry-After` in milliseconds, at most five minutes; undefined for anything but seconds or a date. A date is measured
 * from the answer's own `Date`, by the same clock, and from `now` (epoch milliseconds) without one.
 */
export function parseRetryAfter(value: string | undefined, date: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1_000, longest);
  const until = parseDate(text);
  return until === undefined ? undefined : Math.min(Math.max(0, until - (parseDate(date) ?? now)), longest);
}

/** Only HTTP's form; Date.parse would make a date of nearly anything. */
function parseDate(value: string | undefined): number | undefined {
  const time = value?.trim().endsWith(' GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
