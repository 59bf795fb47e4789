import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PowerSchedule } from '../../../src/api/v1alpha1/types.ts';
import { nextHaltAt, scheduleAt } from '../../../src/reconcile/observe/power-schedule.ts';
import { assertProperty } from '../../support/property.ts';
import { walk } from './walk.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

function scheduleOf(timeZone: string, ...halted: readonly (readonly [from: string, to: string])[]): PowerSchedule {
  return { timeZone, halted: halted.map(([from, to]) => ({ from, to })) };
}

/** As `Halted until 2026-12-01T06:00:00.000Z`. */
function shownAt(schedule: PowerSchedule, time: string): string {
  const shown = scheduleAt(schedule, Date.parse(time));
  if (shown.kind === 'Invalid') return shown.message;
  const until = shown.kind === 'Halted' ? shown.until : shown.validUntil;
  return `${shown.kind} until ${until === undefined || until === Infinity ? 'ever' : new Date(until).toISOString()}`;
}

const nights = scheduleOf('Europe/Amsterdam', ['0 20 * * MON-FRI', '0 7 * * MON-FRI']);

describe('a schedule of nights and weekends', () => {
  it.each([
    ['2026-11-30T18:59:59.999Z', 'Running until 2026-11-30T19:00:00.000Z'],
    ['2026-11-30T19:00:00.000Z', 'Halted until 2026-12-01T06:00:00.000Z'],
    ['2026-12-01T05:59:59.999Z', 'Halted until 2026-12-01T06:00:00.000Z'],
    ['2026-12-01T06:00:00.000Z', 'Running until 2026-12-01T19:00:00.000Z'],
    ['2026-12-05T12:00:00.000Z', 'Halted until 2026-12-07T06:00:00.000Z'],
    // Daylight saving time begins and ends on Sundays.
    ['2027-03-27T12:00:00.000Z', 'Halted until 2027-03-29T05:00:00.000Z'],
    ['2027-10-30T12:00:00.000Z', 'Halted until 2027-11-01T06:00:00.000Z'],
  ])('at %s: %s', (time, shown) => {
    expect(shownAt(nights, time)).toBe(shown);
  });

  it('says the same in whichever order times are asked for', () => {
    const times = Array.from({ length: 200 }, (_, index) => Date.parse('2026-11-30T00:00:00Z') + index * 97 * minute);
    const inOrder = times.map((time) => scheduleAt(nights, time));
    const another = { ...nights };
    const backwards = times.toReversed().map((time) => scheduleAt(another, time));
    expect(backwards.toReversed().map(({ kind }) => kind)).toEqual(inOrder.map(({ kind }) => kind));
  });
});

describe('the next halt', () => {
  const never = scheduleOf('UTC', ['0 8 * * *', '0 8 * * *']);
  it.each([
    ['before a window', nights, '2026-12-01T12:00:00Z', undefined, '2026-12-01T19:00:00.000Z'],
    ['in a window', nights, '2026-12-01T20:00:00Z', undefined, undefined],
    [
      'in a window, kept running for a part of it',
      nights,
      '2026-12-01T20:00:00Z',
      '2026-12-01T21:00:00Z',
      '2026-12-01T21:00:00.000Z',
    ],
    [
      'in a window, kept running beyond it',
      nights,
      '2026-12-01T20:00:00Z',
      '2026-12-02T09:00:00Z',
      '2026-12-02T19:00:00.000Z',
    ],
    [
      'before a window, kept running into it',
      nights,
      '2026-12-01T12:00:00Z',
      '2026-12-01T21:00:00Z',
      '2026-12-01T21:00:00.000Z',
    ],
    [
      'before a window, kept running until then',
      nights,
      '2026-12-01T12:00:00Z',
      '2026-12-01T13:00:00Z',
      '2026-12-01T19:00:00.000Z',
    ],
    ['where windows end when they begin', never, '2026-12-01T12:00:00Z', undefined, undefined],
    [
      'where the schedule is not valid',
      scheduleOf('Mars', ['0 8 * * *', '0 9 * * *']),
      '2026-12-01T12:00:00Z',
      undefined,
      undefined,
    ],
  ])('%s', (_where, schedule, time, kept, expected) => {
    const at = nextHaltAt(schedule, Date.parse(time), kept === undefined ? undefined : Date.parse(kept));
    expect(at === undefined ? undefined : new Date(at).toISOString()).toBe(expected);
  });
});

describe('windows', () => {
  it.each([
    {
      what: 'that overlap end with the last of them',
      schedule: scheduleOf('UTC', ['0 20 * * *', '0 7 * * *'], ['0 0 * * 6', '0 0 * * 1']),
      time: '2026-12-04T21:00:00Z',
      shown: 'Halted until 2026-12-07T07:00:00.000Z',
    },
    {
      what: 'that follow each other without a gap are one',
      schedule: scheduleOf('UTC', ['0 8 * * *', '0 12 * * *'], ['0 12 * * *', '0 13 * * *']),
      time: '2026-12-04T09:00:00Z',
      shown: 'Halted until 2026-12-04T13:00:00.000Z',
    },
    {
      what: 'that never leave a gap have no known end',
      schedule: scheduleOf('UTC', ['0 0 * * *', '0 12 * * *'], ['0 12 * * *', '0 0 * * *']),
      time: '2026-12-04T09:00:00Z',
      shown: 'Halted until ever',
    },
    {
      what: 'that begin and end at the same time halt nothing',
      schedule: scheduleOf('UTC', ['0 5 * * *', '0 5 * * 0-6']),
      time: '2026-12-04T05:00:00Z',
      shown: 'Running until 2026-12-24T05:00:00.000Z',
    },
    {
      what: 'of a few days a year',
      schedule: scheduleOf('America/New_York', ['0 18 24 12 *', '0 8 2 1 *']),
      time: '2026-12-31T00:00:00Z',
      shown: 'Halted until 2027-01-02T13:00:00.000Z',
    },
    {
      what: 'that begin on a leap day',
      schedule: scheduleOf('UTC', ['0 0 29 2 *', '0 0 1 3 *']),
      time: '2026-12-31T00:00:00Z',
      shown: 'Running until 2028-02-29T00:00:00.000Z',
    },
    {
      what: 'none, in a stored object that an earlier schema allowed',
      schedule: scheduleOf('UTC'),
      time: '2026-12-31T00:00:00Z',
      shown: 'Running until ever',
    },
    {
      what: 'in a zone that is written in lower case, under its present name',
      schedule: scheduleOf('asia/kolkata', ['30 0 * * *', '0 1 * * *']),
      time: '2026-12-31T19:10:00Z',
      shown: 'Halted until 2026-12-31T19:30:00.000Z',
    },
  ])('$what', ({ schedule, time, shown }) => {
    expect(shownAt(schedule, time)).toBe(shown);
  });
});

describe('daylight saving time', () => {
  it.each([
    // 02:00 to 03:00 is skipped.
    {
      from: '30 2 * * *',
      to: '0 5 * * *',
      time: '2027-03-28T01:00:00Z',
      shown: 'Halted until 2027-03-28T03:00:00.000Z',
    },
    {
      from: '30 2,3 * * *',
      to: '0 5 * * *',
      time: '2027-03-28T01:00:00Z',
      shown: 'Halted until 2027-03-28T03:00:00.000Z',
    },
    {
      from: '0 0 * * *',
      to: '30 2 * * *',
      time: '2027-03-28T00:59:59Z',
      shown: 'Halted until 2027-03-28T01:00:00.000Z',
    },
    // 02:00 to 03:00 comes twice.
    {
      from: '0 0 * * *',
      to: '30 2 * * *',
      time: '2027-10-31T00:29:59Z',
      shown: 'Halted until 2027-10-31T00:30:00.000Z',
    },
    {
      from: '0 0 * * *',
      to: '30 2 * * *',
      time: '2027-10-31T01:30:00Z',
      shown: 'Running until 2027-10-31T23:00:00.000Z',
    },
  ])('from $from to $to at $time: $shown', ({ from, to, time, shown }) => {
    expect(shownAt(scheduleOf('Europe/Amsterdam', [from, to]), time)).toBe(shown);
  });
});

it.each([
  {
    schedule: scheduleOf('Europe/Amsterdm', ['0 5 * * *', '0 6 * * *']),
    message: 'spec.powerSchedule.timeZone "Europe/Amsterdm" is not an IANA time zone',
  },
  {
    schedule: scheduleOf('UTC', ['0 5 * * *', '0 6 * * *'], ['0 25 * * *', '0 6 * * *']),
    message:
      'spec.powerSchedule.halted[1].from "0 25 * * *" is not a cron expression of five fields: Invalid value for hour: 25',
  },
  {
    schedule: scheduleOf('UTC', ['0 5 * * *', '0 6 31 2 *']),
    message: 'spec.powerSchedule.halted[0].to "0 6 31 2 *" never occurs',
  },
  {
    schedule: scheduleOf('UTC', ['0 5 * * *', '0 6 * * * *']),
    message: expect.stringMatching(/^spec\.powerSchedule\.halted\[0\]\.to "0 6 \* \* \* \*" is not a cron expression/),
  },
  {
    schedule: scheduleOf('UTC', ['\u001b[31m', '0 6 * * *']),
    message: expect.not.stringContaining('\u001b'),
  },
])('what cannot be read is reported with its field: $message', ({ schedule, message }) => {
  expect(scheduleAt(schedule, Date.parse('2026-12-01T00:00:00Z'))).toMatchObject({ kind: 'Invalid', message });
});

it('hundreds of different expressions do not accumulate, and are still answered', () => {
  const at = Date.parse('2026-12-01T12:00:00Z');
  const kinds = Array.from({ length: 300 }, (_, index) => {
    const clock = `${index % 60} ${Math.floor(index / 60)} * * *`;
    return scheduleAt(scheduleOf('UTC', [clock, '0 23 * * *']), at).kind;
  });
  expect(new Set(kinds)).toEqual(new Set(['Halted']));
});

/** With half an hour, a negative one, at midnight, in the south, and none. */
const zones = [
  'Europe/Amsterdam',
  'America/New_York',
  'Australia/Lord_Howe',
  'Australia/Sydney',
  'America/Santiago',
  'Africa/Casablanca',
  'Asia/Kathmandu',
  'UTC',
];

const clockTime = fc.record({
  minute: fc.integer({ min: 0, max: 59 }),
  hour: fc.integer({ min: 0, max: 23 }),
  weekdays: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 7 }),
});

describe('minute by minute over two years', () => {
  it.each(zones)('in %s, the schedule says what a walk along the clock on the wall says', async (timeZone) => {
    await assertProperty(
      fc.property(fc.array(fc.tuple(clockTime, clockTime), { minLength: 1, maxLength: 2 }), (windows) => {
        const expressions = windows.map(([from, to]) => [expressionOf(from), expressionOf(to)] as const);
        const schedule = scheduleOf(timeZone, ...expressions);
        const start = Date.parse('2026-11-01T00:00:00Z');
        const end = start + 730 * day;
        const expected = walk({ timeZone, start, end, windows }).map((time) => new Date(time).toISOString());
        expect(changesOf(schedule, start + 7 * day, end)).toEqual(expected);
      }),
      { runs: 2 },
    );
  });
});

/** When the desired power state changes, after `start` and before `end`. */
function changesOf(schedule: PowerSchedule, start: number, end: number): readonly string[] {
  const changes: string[] = [];
  let shown = scheduleAt(schedule, start);
  while (shown.validUntil < end) {
    const next = scheduleAt(schedule, shown.validUntil);
    if (next.kind !== shown.kind) changes.push(new Date(shown.validUntil).toISOString());
    shown = next;
  }
  return changes;
}

function expressionOf({ minute: m, hour, weekdays }: { minute: number; hour: number; weekdays: readonly number[] }) {
  return `${m} ${hour} * * ${weekdays.join(',')}`;
}
