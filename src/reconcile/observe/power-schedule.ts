import { Cron } from 'croner';
import type { PowerSchedule } from '../../api/v1alpha1/types.ts';
import { cutToCharacters, printable, quoted } from '../../domain/text.ts';
import type { ScheduleObservation } from '../../plan/observed.ts';

/** Compiled expressions that are kept. One takes 80 KB, and most fleets have a handful. */
const maxCompiled = 100;

/** How far ahead an expression must occur: beyond every February 29, except around the year 2100. */
const horizon = 5 * 366 * 86_400_000;

/** How many windows that follow each other are examined. */
const maxSteps = 20;

/** The times at which windows begin or end, in epoch milliseconds. */
interface Recurrence {
  /** The latest occurrence at or before `at`. */
  readonly lastAt: (at: number) => number | undefined;
  /** The first occurrence after `at`. */
  readonly nextAfter: (at: number) => number | undefined;
}

interface Window {
  readonly from: Recurrence;
  readonly to: Recurrence;
}

/** The last answer for a schedule: it holds from `since` until the answer's `validUntil`. */
interface Known {
  readonly since: number;
  readonly result: ScheduleObservation;
}

const compiled = new Map<string, Recurrence | string>();
/** Equal specs share one object, so this serves the whole fleet. */
const known = new WeakMap<PowerSchedule, Known>();
/** The same for a time to come. */
const knownLater = new WeakMap<PowerSchedule, Known>();

/**
 * What a schedule says at a time, in epoch milliseconds. It depends on nothing else, so every replica and every restart
 * gets the same answer. A window begins at each time of `from` and ends at the next time of `to`; where both are the
 * same time, it ends. A local time that a change to daylight saving time skips counts as the first time after the gap;
 * one that occurs twice counts once, the first time.
 */
export function scheduleAt(schedule: PowerSchedule, at: number, cache = known): ScheduleObservation {
  const before = cache.get(schedule);
  if (before !== undefined && before.since <= at && at < before.result.validUntil) return before.result;
  const result = evaluate(schedule, at);
  cache.set(schedule, { since: at, result });
  return result;
}

/**
 * When the schedule halts a VM that it doesn't halt before `keptUntil`. Undefined: it halts it now, or that isn't known.
 * All times are epoch milliseconds.
 */
export function nextHaltAt(schedule: PowerSchedule, now: number, keptUntil = 0): number | undefined {
  const later = keptUntil > now ? scheduleAt(schedule, keptUntil, knownLater) : scheduleAt(schedule, now);
  if (later.kind === 'Running') return later.haltsAt;
  return later.kind === 'Halted' && keptUntil > now ? keptUntil : undefined;
}

function evaluate({ timeZone, halted }: PowerSchedule, at: number): ScheduleObservation {
  const zone = canonicalZone(timeZone);
  if (zone === undefined) return invalid(`timeZone ${quoted(timeZone)} is not an IANA time zone`);
  const windows: Window[] = [];
  for (const [index, { from, to }] of halted.entries()) {
    const [begins, ends] = [compile(from, zone, at), compile(to, zone, at)];
    if (typeof begins === 'string') return invalid(`halted[${index}].from ${begins}`);
    if (typeof ends === 'string') return invalid(`halted[${index}].to ${ends}`);
    windows.push({ from: begins, to: ends });
  }
  return activeAt(windows, at).length > 0 ? haltedAt(windows, at) : runningAt(windows, at);
}

function invalid(problem: string): ScheduleObservation {
  return { kind: 'Invalid', message: `spec.powerSchedule.${problem}`, validUntil: Infinity };
}

function activeAt(windows: readonly Window[], at: number): readonly Window[] {
  return windows.filter(({ from, to }) => {
    const began = from.lastAt(at);
    return began !== undefined && began > (to.lastAt(at) ?? -Infinity);
  });
}

/** Windows may overlap or follow each other: the halt ends where no window is active. */
function haltedAt(windows: readonly Window[], at: number): ScheduleObservation {
  let until = at;
  for (let step = 0; step < maxSteps; step += 1) {
    const active = activeAt(windows, until);
    if (active.length === 0) return { kind: 'Halted', until, validUntil: until };
    until = Math.max(...active.map(({ to }) => to.nextAfter(until) ?? Infinity));
    if (until === Infinity) break;
  }
  return { kind: 'Halted', until: undefined, validUntil: until };
}

function runningAt(windows: readonly Window[], at: number): ScheduleObservation {
  let until = at;
  for (let step = 0; step < maxSteps; step += 1) {
    until = Math.min(...windows.map(({ from }) => from.nextAfter(until) ?? Infinity));
    if (until === Infinity) break;
    if (activeAt(windows, until).length > 0) return { kind: 'Running', haltsAt: until, validUntil: until };
  }
  return { kind: 'Running', haltsAt: undefined, validUntil: until };
}

/** The zone's name as ICU spells it, because names are case-insensitive; undefined for a zone that it doesn't know. */
function canonicalZone(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** The recurrence, or what is wrong with the expression. */
function compile(expression: string, zone: string, at: number): Recurrence | string {
  const id = `${zone} ${expression}`;
  const result = compiled.get(id) ?? parse(expression, zone, at);
  // The most recently used one is the last.
  compiled.delete(id);
  compiled.set(id, result);
  const [oldest] = compiled.keys();
  if (compiled.size > maxCompiled && oldest !== undefined) compiled.delete(oldest);
  return result;
}

function parse(expression: string, timezone: string, at: number): Recurrence | string {
  const options = { timezone, mode: '5-part', fixedTimeRule: 'no-wildcard', paused: true } as const;
  try {
    // Without an end, the search for a date such as February 31 takes a hundred times as long.
    const bounded = new Cron(expression, { ...options, stopAt: new Date(at + horizon) });
    if (bounded.nextRun(new Date(at)) === null) return `${quoted(expression)} never occurs`;
    const cron = new Cron(expression, options);
    return {
      // The library excludes the time itself, and knows only whole seconds.
      lastAt: (time) => cron.previousRuns(1, new Date(Math.floor(time / 1_000) * 1_000 + 1_000))[0]?.getTime(),
      nextAfter: (time) => cron.nextRun(new Date(time))?.getTime(),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : '';
    return `${quoted(expression)} is not a cron expression of five fields: ${cutToCharacters(printable(why), 120)}`;
  }
}
