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
