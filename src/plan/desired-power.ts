import type { PowerState } from '../api/v1alpha1/types.ts';
import { type Decision, keptOperations, type StatusReason, requeue } from './action.ts';
import type { Observed } from './observed.ts';

/** Timers follow the monotonic clock, and a schedule the wall clock, which may be set: milliseconds. */
const longestWait = 60 * 60_000;

/**
 * The power state that the VM is to have now. A schedule can halt a VM that is to run, and never starts one that isn't:
 *
 * | spec.powerState | spec.powerSchedule | keep-running-until | desired |
 * | --------------- | ------------------ | ------------------ | ------- |
 * | Halted          | any                | any                | Halted  |
 * | Running         | in a window        | past or none       | Halted  |
 * | Running         | in a window        | in the future      | Running |
 * | Running         | none or outside    | any                | Running |
 */
export function desiredPowerState(o: Observed): PowerState {
  return isHaltedBySchedule(o) ? 'Halted' : o.object.spec.powerState;
}

export function isHaltedBySchedule(o: Observed): boolean {
  return o.object.spec.powerState === 'Running' && o.schedule?.kind === 'Halted' && !isKeptRunning(o);
}

/** When the schedule ends the halt (epoch milliseconds); undefined if it doesn't halt the VM now, or if that isn't known. */
export function haltedUntil(o: Observed): number | undefined {
  return isHaltedBySchedule(o) && o.schedule?.kind === 'Halted' ? o.schedule.until : undefined;
}

/** Whether a window of the schedule has no effect now, because the user wants the VM to run. */
export function isKeptRunning({ now, requests, schedule }: Observed): boolean {
  return schedule?.kind === 'Halted' && (requests.keepRunningUntil ?? 0) > now;
}

/** What the schedule would have the VM do isn't known, so its power isn't changed and it isn't created. */
export function scheduleInvalid(o: Observed): Decision | undefined {
  if (o.schedule?.kind !== 'Invalid') return undefined;
  return requeue(invalidSchedule(o.schedule.message), keptOperations(o));
}

function invalidSchedule(problem: string): StatusReason {
  const message = `${problem}; the operator doesn't change the power of the VM, and doesn't create one, until that is fixed`;
  return { reason: 'InvalidSchedule', message };
}

/** Requeues the object when its schedule, or the time until which it is kept running, changes the desired power state. */
export function untilScheduleChange(o: Observed, decision: Decision): Decision {
  if (o.schedule === undefined) return decision;
  const changes = [o.schedule.validUntil, ...(isKeptRunning(o) ? [o.requests.keepRunningUntil ?? Infinity] : [])];
  const left = Math.max(0, Math.min(...changes) - o.now);
  return left === Infinity ? decision : { ...decision, after: Math.min(decision.after ?? Infinity, left, longestWait) };
}
