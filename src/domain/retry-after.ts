const longest = 5 * 60_000;
/** Only the format of HTTP, because `Date.parse` accepts nearly any text. */
const httpDate =
  /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * `Retry-After` in milliseconds, at most five minutes; undefined if it is neither seconds nor a date. A date is
 * compared with the response's `Date` header, because the server's clock may be wrong; without one, with `now` (epoch
 * milliseconds).
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
