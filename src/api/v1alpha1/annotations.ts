import { quoted } from '../../domain/text.ts';
import { annotations } from './constants.ts';
import type { VirtualMachine } from './types.ts';

/** Requests by users in annotations. */
export interface Requests {
  readonly isPaused: boolean;
  readonly isPowerOffForced: boolean;
  readonly ignoresOrphanCandidates: boolean;
  /** Until when the schedule doesn't halt the VM, in epoch milliseconds. */
  readonly keepRunningUntil: number | undefined;
  /**
   * A value of reconcile-requested-at that was not handled yet. It fits into the status, because `decode.ts` truncates
   * it.
   */
  readonly reconcile: string | undefined;
}

const switches = [annotations.paused, annotations.forcePowerOff, annotations.ignoreOrphanCandidates] as const;

/** Reads the annotations. An invalid value counts as missing; `invalid` names such annotations. */
export function readRequests({ metadata, status }: VirtualMachine): Requests {
  const on = (name: (typeof switches)[number]): boolean => metadata.annotations?.[name] === 'true';
  const requested = metadata.annotations?.[annotations.reconcileRequestedAt];
  return {
    isPaused: on(annotations.paused),
    isPowerOffForced: on(annotations.forcePowerOff),
    ignoresOrphanCandidates: on(annotations.ignoreOrphanCandidates),
    keepRunningUntil: readTime(metadata.annotations?.[annotations.keepRunningUntil]),
    reconcile: requested === status?.lastHandledReconcileAt ? undefined : requested,
  };
}

/** An RFC 3339 time with its offset: `Date.parse` alone accepts far more, such as a bare number or February 31. */
const time = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

export function readTime(value: string | undefined): number | undefined {
  const [, day] = time.exec(value ?? '') ?? [];
  const milliseconds = value !== undefined && day !== undefined ? Date.parse(value) : Number.NaN;
  return Number.isNaN(milliseconds) || !isDay(day) ? undefined : milliseconds;
}

/** `Date.parse` takes a day that the month doesn't have for one of the next month. */
function isDay(day = ''): boolean {
  const parsed = Date.parse(day);
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().startsWith(day);
}

const isSwitch = (value: string): boolean => value === 'true' || value === 'false';
const isTime = (value: string): boolean => readTime(value) !== undefined;

/** Annotations of the operator whose value it can't read, as `name=value`. */
export function invalidAnnotations({ metadata }: VirtualMachine): readonly string[] {
  const checks = [
    ...switches.map((name) => [name, isSwitch] as const),
    [annotations.keepRunningUntil, isTime] as const,
  ];
  return checks.flatMap(([name, isValid]) => {
    const value = metadata.annotations?.[name];
    return value === undefined || isValid(value) ? [] : [`${name}=${quoted(value)}`];
  });
}
