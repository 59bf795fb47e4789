/** A time of the week on the wall clock: hours and minutes, and days from Sunday (0). */
export interface ClockTime {
  readonly minute: number;
  readonly hour: number;
  readonly weekdays: readonly number[];
}

interface Walk {
  readonly timeZone: string;
  /** Epoch milliseconds. */
  readonly start: number;
  readonly end: number;
  readonly windows: readonly (readonly [from: ClockTime, to: ClockTime])[];
}

const minute = 60_000;
/** In minutes. No zone changes its offset within a quarter of an hour, or twice a day. */
const quarter = 15;
const day = 24 * 60;

/**
 * Goes through each minute of a period, and returns when windows begin and end (epoch milliseconds): what a person with
 * the wall clock would do. Minutes that the clock skips are all due when it has skipped them; minutes that it repeats
 * are due the first time only. The first week says nothing, because windows may have opened before.
 */
export function walk({ timeZone, start, end, windows }: Walk): readonly number[] {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  /** The wall clock in minutes, as if it were UTC. */
  const clockAt = (time: number): number => {
    const part: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(time)) part[type] = Number(value);
    const { year = 0, month = 1, day: date = 1, hour = 0, minute: minutes = 0 } = part;
    return Date.UTC(year, month - 1, date, hour, minutes) / minute;
  };
  const due = windows.map(([from, to]) => ({ from: minutesOfWeek(from), to: minutesOfWeek(to), isOpen: false }));
  const changes: number[] = [];
  let isHalted = false;
  let seen = clockAt(start) - 1;
  for (let time = start, length = quarter; time < end; time += length * minute) {
    const clock = clockAt(time);
    // Most days have no change of the offset, and the clock is asked once.
    length = clockAt(time + day * minute) - clock === day ? day : quarter;
    for (let step = 0; step < length; step += 1) {
      const now = clock + step;
      if (now <= seen) continue;
      for (const window of due) {
        // At the same time, the end wins.
        if (isDue(window.from, seen, now)) window.isOpen = true;
        if (isDue(window.to, seen, now)) window.isOpen = false;
      }
      seen = now;
      const isOpen = due.some((window) => window.isOpen);
      if (isOpen !== isHalted) changes.push(time + step * minute);
      isHalted = isOpen;
    }
  }
  return changes.filter((time) => time > start + week * minute && time < end);
}

const week = 7 * day;

/** 1 for each minute of a week, from Sunday, that is meant. */
function minutesOfWeek({ minute: minutes, hour, weekdays }: ClockTime): Uint8Array {
  const due = new Uint8Array(week);
  for (const weekday of weekdays) due[(weekday * 24 + hour) * 60 + minutes] = 1;
  return due;
}

/** 1970 began on a Thursday. */
const firstMinute = 4 * day;

/** Whether a minute is due after `seen`, and not after `now`, in minutes of the wall clock. */
function isDue(due: Uint8Array, seen: number, now: number): boolean {
  for (let clock = seen + 1; clock <= now; clock += 1) if (due[(clock + firstMinute) % week] === 1) return true;
  return false;
}
