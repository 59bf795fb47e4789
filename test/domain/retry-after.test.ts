import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/domain/retry-after.ts';

const now = Date.UTC(2026, 0, 1, 12, 0, 0);

const rows: readonly [
  reason: string,
  value: string | undefined,
  date: string | undefined,
  milliseconds: number | undefined,
][] = [
  ['not sent', undefined, undefined, undefined],
  ['seconds', '7', undefined, 7_000],
  ['seconds with spaces around', ' 7 ', undefined, 7_000],
  ['zero seconds', '0', undefined, 0],
  ['seconds with an unreadable Date header', '2', 'nonsense', 2_000],
  ['an hour is cut to five minutes', '3600', undefined, 300_000],
  ['more than any number holds is cut too', '9'.repeat(400), undefined, 300_000],
  ['a date, by our clock', 'Thu, 01 Jan 2026 12:00:30 GMT', undefined, 30_000],
  [
    "a date, by the provider's clock, which is an hour ahead",
    'Thu, 01 Jan 2026 13:00:30 GMT',
    'Thu, 01 Jan 2026 13:00:00 GMT',
    30_000,
  ],
  [
    "a date, by the provider's clock, which is an hour behind",
    'Thu, 01 Jan 2026 11:00:30 GMT',
    'Thu, 01 Jan 2026 11:00:00 GMT',
    30_000,
  ],
  ['a date with an unreadable Date header, by our clock', 'Thu, 01 Jan 2026 12:00:30 GMT', 'now', 30_000],
  ['a Date header with spaces around', 'Thu, 01 Jan 2026 13:00:30 GMT', ' Thu, 01 Jan 2026 13:00:00 GMT ', 30_000],
  ['a date with something before it', 'on Thu, 01 Jan 2026 12:00:30 GMT', undefined, undefined],
  ['a date with something after it', 'Thu, 01 Jan 2026 12:00:30 GMT+1', undefined, undefined],
  ['a date that has passed', 'Thu, 01 Jan 2026 11:00:00 GMT', undefined, 0],
  ['a date far away is cut', 'Fri, 01 Jan 2027 12:00:00 GMT', undefined, 300_000],
  ['a negative number', '-5', undefined, undefined],
  ['a fraction', '1.5', undefined, undefined],
  ['an exponent', '1e3', undefined, undefined],
  ['words', 'soon', undefined, undefined],
  ['nothing', '', undefined, undefined],
  ['a date of another form could mean any time zone', '2026-01-01 12:00:30', undefined, undefined],
  ['a day that does not exist', 'Thu, 99 Jan 2026 12:00:30 GMT', undefined, undefined],
];

test.for(rows)('%s', ([, value, date, milliseconds]) => {
  expect(parseRetryAfter(value, date, now)).toBe(milliseconds);
});
