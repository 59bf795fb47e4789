import type { OperationStatus, OperationType } from '../api/v1alpha1/types.ts';
import { type Machine, isTaskBusy } from '../domain/machine.ts';
import { type Decision, type StatusReason, keptOperations, perform, requeue } from './action.ts';
import { providerBusy } from './provider-busy.ts';
import type { Observed } from './observed.ts';
import { pauseAfter, patienceAfter } from './call-backoff.ts';
import { failedTaskOf, powerChangeFailed, wordsOf } from './task.ts';

/** A power call that is due, and how it is reported. */
export interface PowerCall {
  readonly type: OperationType;
  readonly statusReason: StatusReason & { readonly reason: 'Starting' | 'Stopping' | 'Restarting' };
  /** The same operation if it was sent already. */
  readonly before: OperationStatus | undefined;
  /**
   * Milliseconds before the call is repeated; doubles each time. A call that certainly was not made is sent as if it
   * were the first.
   */
  readonly base: number;
  /** Stored with the operation. */
  readonly details?: Pick<OperationStatus, 'deadlineTime' | 'restartRequest' | 'previousActionTime'>;
}

/** Sends a power call, unless it is in flight or the provider is busy with the VM. */
export function issue(o: Observed, machine: Machine, call: PowerCall): Decision {
  const { before } = call;
  const attempts = before?.attempts ?? 1;
  if (before !== undefined && attempts > 0) {
    const left = pauseAfter(attempts, call.base) - ageOf(o, before);
    if (left > 0) return awaitTransition(o, call.statusReason, { operation: before, after: left, isRepeated: true });
    // The stored time is that of the newest call, because after a late call more calls would follow immediately
    // otherwise.
    const operation = { ...before, startTime: new Date(o.now).toISOString(), attempts: attempts + 1 };
    const trouble = stuck(o, before, { isRepeated: true }) ?? powerChangeFailed(o, machine, before, true);
    return performCall(o, machine, call, operation, trouble ?? call.statusReason);
  }
  if (isTaskBusy(machine.lastTask) && call.type !== 'Kill' && o.history.taskBusyFor < o.limits.stuckAfter) {
    const message = `the provider is busy with VM ${machine.id} (${machine.lastTask === undefined ? 'task' : wordsOf(machine.lastTask)})`;
    return requeue(
      { reason: 'ProviderBusy', message },
      // A task that doesn't change causes no event that would requeue the object.
      {
        ...keptOperations(o),
        fastPolling: true,
        after: o.limits.stuckAfter - o.history.taskBusyFor,
      },
    );
  }
  return performCall(o, machine, call, newOperation(o, call), call.statusReason);
}

/** The operation as it is stored when it starts. */
export function newOperation(o: Observed, { type, details }: PowerCall, attempts = 1): OperationStatus {
  return { type, startTime: new Date(o.now).toISOString(), ...details, attempts };
}

function performCall(
  o: Observed,
  machine: Machine,
  call: PowerCall,
  operation: OperationStatus,
  statusReason: StatusReason,
): Decision {
  // While the provider keeps refusing the call, the refusal is reported instead.
  const reported = o.history.refusedFor > 0 ? providerBusy(o, `${call.type}Machine`) : statusReason;
  return perform({ type: call.type, id: machine.id, operation }, reported, {
    operation: call.before ?? operation,
    fastPolling: true,
    startFailure: o.object.status?.startFailure,
  });
}

/**
 * What follows a transition that doesn't end: another step after this time, or the same call again; undefined: nothing.
 */
interface Transition {
  readonly after?: number | undefined;
  readonly isRepeated?: boolean;
}

/** Waits for a transition to end, and reports when it takes too long. */
export function awaitTransition(
  o: Observed,
  statusReason: StatusReason & { readonly reason: 'Creating' | 'Starting' | 'Stopping' | 'Restarting' },
  rest: Transition & { readonly operation?: OperationStatus | undefined } = {},
): Decision {
  const operation = 'operation' in rest ? rest.operation : o.object.status?.operation;
  const left = patienceOf(o, operation) - lastedFor(o, operation);
  const after = Math.min(rest.after ?? Infinity, left > 0 ? left : Infinity);
  const failed =
    o.machine.kind === 'Present'
      ? powerChangeFailed(o, o.machine.machine, operation, rest.isRepeated === true)
      : undefined;
  return requeue(stuck(o, operation, rest) ?? failed ?? statusReason, {
    operation,
    fastPolling: true,
    startFailure: o.object.status?.startFailure,
    after: Number.isFinite(after) ? after : undefined,
  });
}

/** The operation in progress, if it is of this type and its time can be read. */
export function operationInFlight(o: Observed, type: OperationType): OperationStatus | undefined {
  const operation = o.object.status?.operation;
  return operation?.type === type && Number.isFinite(Date.parse(operation.startTime)) ? operation : undefined;
}

/**
 * How long ago the call of an operation was sent, in milliseconds. The stored time is by the wall clock, which may be
 * set: it counts only for an operation that this process didn't see from its beginning.
 */
export function ageOf({ now, history }: Observed, { startTime }: OperationStatus): number {
  return history.operation?.startTime === startTime ? history.operation.age : Math.max(0, now - Date.parse(startTime));
}

/** A shutdown may take its grace period before it counts as stuck. */
export function patienceOf(o: Observed, operation: OperationStatus | undefined): number {
  const isShutdown =
    operation?.type === 'Stop' || (o.machine.kind === 'Present' && o.machine.machine.state === 'Halting');
  return o.limits.stuckAfter + (isShutdown ? o.object.spec.powerOff.gracePeriodSeconds * 1_000 : 0);
}

/** The message mentions another call only where one follows. */
function stuck(o: Observed, operation: OperationStatus | undefined, rest: Transition): StatusReason | undefined {
  const patience = patienceOf(o, operation);
  if (lastedFor(o, operation) < patience || o.machine.kind !== 'Present') return undefined;
  const { machine } = o.machine;
  const { id, state } = machine;
  const task = failedTaskOf(o, machine, operation);
  const lasted = `for more than ${Math.round(patience / 1000)} s${task === undefined ? '' : ` (${task})`}`;
  const waits = `VM ${id} has been ${state} ${lasted}`;
  const isRepeated = rest.isRepeated === true && operation !== undefined;
  const message = isRepeated
    ? `${operation.type.toLowerCase()} of VM ${id} has had no effect ${lasted}; the operator sends it again with exponential backoff`
    : rest.after === undefined
      ? `${waits}; the operator sends nothing until that changes`
      : waits;
  return { reason: 'PowerTransitionStuck', message };
}

/** Since the first call of the operation: the stored time is that of the newest one. Without an operation, of the state. */
function lastedFor(o: Observed, operation: OperationStatus | undefined): number {
  if (operation === undefined) return o.history.stateFor;
  const earlier = patienceAfter((operation.attempts ?? 1) - 1, o.limits.visibilityWindow);
  return ageOf(o, operation) + earlier;
}

/** The last result of an operation whose call the provider accepted. */
export const accepted = 'Accepted';

/** The last result of a call that was sent before the other power state was wanted. */
const superseded = 'Superseded';

/** How long after its grace period a shutdown signal counts: the operator may have been stopped, or the object paused. */
const signalCounts = 60 * 60_000;

/** How long a guest has to follow the shutdown signal, in milliseconds. */
export function graceOf({ object, requests }: Observed): number {
  return requests.isPowerOffForced ? 0 : object.spec.powerOff.gracePeriodSeconds * 1_000;
}

/** Whether a start or a signal was accepted, and is for what is wanted now. Otherwise its response was lost. */
export function isAccepted({ lastResult = accepted }: OperationStatus): boolean {
  return lastResult === accepted;
}

/**
 * The signal or power cut that was sent for this halt. One that was sent for an earlier halt, whose response was lost, or
 * that was sent so long ago that a user may have started the VM since, doesn't count for a VM that runs: its guest gets
 * another signal.
 */
export function inEffect(o: Observed, machine: Machine, type: 'Stop' | 'Kill'): OperationStatus | undefined {
  const sent = operationInFlight(o, type);
  if (sent === undefined || machine.state !== 'Running') return sent;
  const isOld = o.object.spec.powerOff.mode === 'TrySoft' && ageOf(o, sent) >= graceOf(o) + signalCounts;
  const isForThisHalt = type === 'Stop' ? isAccepted(sent) : sent.lastResult !== superseded;
  return isForThisHalt && !isOld ? sent : undefined;
}

/** For how long the guest has had time to follow a signal. Of one for an earlier halt, or without a response: since it began to. */
export function shutdownAge(o: Observed, stop: OperationStatus): number {
  return isAccepted(stop) ? ageOf(o, stop) : o.history.stateFor;
}

/**
 * The shutdown signal, or the power cut, that was sent before the VM was to run again: the VM may still halt because of
 * it, which is neither power drift nor a failed start. Kept as superseded, because its grace period is over, and another
 * halt needs another signal.
 */
export function lateHalt(o: Observed): Pick<Decision, 'operation' | 'after' | 'fastPolling'> | undefined {
  const sent = operationInFlight(o, 'Stop') ?? operationInFlight(o, 'Kill');
  if (sent === undefined || sent.attempts === 0) return undefined;
  const soon =
    o.limits.visibilityWindow + (sent.type === 'Stop' ? o.object.spec.powerOff.gracePeriodSeconds * 1_000 : 0);
  const age = ageOf(o, sent);
  const left = soon + (sent.type === 'Stop' ? signalCounts : 0) - age;
  if (left <= 0) return undefined;
  const { deadlineTime: _, ...operation } = sent;
  const isSoon = age < soon;
  return {
    operation: { ...operation, lastResult: superseded },
    after: isSoon ? soon - age : left,
    fastPolling: isSoon,
  };
}

/** A start that was sent before the VM was to be halted: the provider may show its effect later, which isn't power drift. */
export function lateStart(o: Observed): Pick<Decision, 'operation' | 'after' | 'fastPolling'> | undefined {
  const sent = operationInFlight(o, 'Start');
  const left = sent === undefined ? 0 : o.limits.visibilityWindow - ageOf(o, sent);
  if (sent === undefined || left <= 0) return undefined;
  return { operation: { ...sent, lastResult: superseded }, after: left, fastPolling: true };
}
