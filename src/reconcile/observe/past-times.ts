import type { Condition, OperationStatus, VirtualMachine, VirtualMachineStatus } from '../../api/v1alpha1/types.ts';
import { longestStartPause } from '../../plan/call-backoff.ts';

/**
 * The object with the times of its status clamped to `now` (epoch milliseconds). Clocks can be set back, and the
 * previous process had another one: a wait that begins in the future would be too long. The next status write stores
 * the clamped times, so the wait begins once.
 */
export function withPastTimes(object: VirtualMachine, now: number): VirtualMachine {
  const { status } = object;
  if (status === undefined) return object;
  const clamped = clamp(status, now);
  return clamped === status ? object : { ...object, status: clamped };
}

function clamp(status: VirtualMachineStatus, now: number): VirtualMachineStatus {
  const { operation, startFailure, conditions } = status;
  const isWrong =
    (operation !== undefined && !isPast(operation.startTime, now)) ||
    (startFailure?.retryTime !== undefined && !isPast(startFailure.retryTime, now + longestStartPause)) ||
    conditions?.some(({ lastTransitionTime }) => !isPast(lastTransitionTime, now)) === true;
  if (!isWrong) return status;
  return {
    ...status,
    ...(operation === undefined ? {} : { operation: begun(operation, now) }),
    ...(startFailure === undefined ? {} : { startFailure: retried(startFailure, now) }),
    ...(conditions === undefined ? {} : { conditions: conditions.map((condition) => changed(condition, now)) }),
  };
}

/** A time that can't be parsed counts as one in the future. */
function isPast(time: string, now: number): boolean {
  return Date.parse(time) <= now;
}

/** Its deadline was counted from the same clock. */
function begun(operation: OperationStatus, now: number): OperationStatus {
  if (isPast(operation.startTime, now)) return operation;
  const { deadlineTime: _, ...rest } = operation;
  return { ...rest, startTime: toIso(now) };
}

function retried(failure: NonNullable<VirtualMachineStatus['startFailure']>, now: number): typeof failure {
  if (failure.retryTime === undefined || isPast(failure.retryTime, now + longestStartPause)) return failure;
  return { ...failure, lastTime: toIso(now), retryTime: toIso(now + longestStartPause) };
}

function changed(condition: Condition, now: number): Condition {
  if (isPast(condition.lastTransitionTime, now)) return condition;
  return { ...condition, lastTransitionTime: toIso(now).replace(/\.\d+Z$/, 'Z') };
}

function toIso(time: number): string {
  return new Date(time).toISOString();
}
