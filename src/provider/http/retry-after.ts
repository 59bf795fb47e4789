const longest = 5 * 60 * 1000;
const httpDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * `Retry-After` in milliseconds, at most five minutes; nonsense is undefined. A date is measured from the answer's own
 * `Date` header, so that a provider whose clock is off is still understood, and from `now` (epoch milliseconds) without one.
 */
export function parseRetryAfter(value: string | undefined, date: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longest);
  const until = parseHttpDate(text);
  if (until === undefined) return undefined;
  return Math.min(Math.max(0, until - (parseHttpDate(date) ?? now)), longest);
}

function parseHttpDate(value: string | undefined): number | undefined {
  const text = value?.trim() ?? '';
  if (!httpDate.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
