import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/kubernetes/retry-after.ts';

const now = Date.parse('Sun, 01 Mar 2026 12:00:00 GMT');

test.each<[string | undefined, string | undefined, number | undefined, string]>([
  ['1', undefined, 1_000, 'seconds'],
  ['0', undefined, 0, 'at once'],
  ['86400', undefined, 300_000, 'no server may stop us for a day'],
  ['Sun, 01 Mar 2026 12:00:10 GMT', undefined, 10_000, 'a date'],
  ['Sun, 01 Mar 2026 12:00:10 GMT', 'Sun, 01 Mar 2026 12:00:07 GMT', 3_000, "a date by the server's own clock"],
  ['Sun, 01 Mar 2026 11:00:00 GMT', undefined, 0, 'a date that has passed'],
  ['2', 'nonsense', 2_000, 'a bad Date does not matter to seconds'],
  ['soon', undefined, undefined, 'nonsense'],
  ['-1', undefined, undefined, 'nonsense'],
  ['1.5', undefined, undefined, 'not what HTTP allows'],
  [undefined, undefined, undefined, 'nothing said'],
])('%j (sent at %j) is %j: %s', (value, date, milliseconds) => {
  expect(parseRetryAfter(value, date, now)).toBe(milliseconds);
});
