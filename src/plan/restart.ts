import type { OperationStatus } from '../api/v1alpha1/types.ts';
import { type Machine, isTaskBusy } from '../domain/machine.ts';
import { type Decision, perform } from './action.ts';
import {
  type PowerCall,
  accepted,
  ageOf,
  newOperation,
  operationInFlight,
  issue,
  awaitTransition,
} from './power-call.ts';
import type { Observed } from './observed.ts';
import { pauseAfter } from './call-backoff.ts';
import { failedTaskOf } from './task.ts';

/**
 * A restart is an event, not a state: each new `spec.restartRequest` restarts a running VM exactly once. The operation
 * is stored before the call, with the provider's time of the VM's last action, so that after a crash or a lost
 * response the operator knows whether the call was made. For a VM that is observed running:
 *
 * | operation | answer   | seen since                                         | then                                       |
 * | --------- | -------- | -------------------------------------------------- | ------------------------------------------ |
 * | none      |          |                                                    | store the operation, restart               |
 * | Restart   | refused  |                                                    | restart again                              |
 * | Restart   | any      | halted, and running again                                 | done                                       |
 * | Restart   | accepted | nothing, for the visibility window, and no task    | done: it was too quick to be seen          |
 * | Restart   | accepted | its task failed                               | PowerChangeFailed for the window, then done: repeating a restart would do harm |
 * | Restart   | unknown  | another last action, and no task                   | done: the call was made                          |
 * | Restart   | unknown  | the same last action, longer than a call can last  | restart again: the call was not made       |
 * | Restart   | unknown  | nothing: the provider reports no time of last action | done: repeating a restart would do harm          |
 *
 * Undefined: there is nothing to restart.
 */
export function restart(o: Observed, machine: Machine): 'Done' | Decision | undefined {
  const operation = operationInFlight(o, 'Restart');
  if (operation === undefined) {
    const isDue = isRestartDue(o) && handledWithoutRestart(o, machine) === undefined;
    return isDue ? issue(o, machine, callFor(o, machine)) : undefined;
  }
  const since = ageOf(o, operation);
  const statusReason = restarting(machine);
  if (operation.lastResult !== undefined && operation.lastResult !== accepted) return again(o, machine, operation);
  if (isDownSince(o, operation)) return 'Done';
  const window = o.limits.visibilityWindow;
  if (operation.lastResult === accepted) {
    const isOver = since >= window && !isTaskBusy(machine.lastTask);
    if (isOver && (failedTaskOf(o, machine, operation) === undefined || isFailureReported(o))) return 'Done';
    return awaitTransition(o, statusReason, { after: Math.max(window - since, 0) || window });
  }
  const { previousActionTime } = operation;
  const isKnown = machine.updatedAt !== undefined && previousActionTime !== undefined;
  if (isKnown && machine.updatedAt !== previousActionTime && !isTaskBusy(machine.lastTask)) return 'Done';
  const settled = o.limits.callDeadline + window * 2 ** Math.min((operation.attempts ?? 1) - 1, 6);
  if (since < settled) return awaitTransition(o, statusReason, { after: settled - since });
  return isKnown && machine.updatedAt === previousActionTime ? again(o, machine, operation) : 'Done';
}

/** Whether the spec has a restart request that was not handled yet. */
function isRestartDue({ object: { spec, status } }: Observed): boolean {
  return spec.restartRequest !== undefined && spec.restartRequest !== status?.lastRestartRequest;
}

/**
 * The request that counts as handled without a restart: it existed while the VM was halted, or observed and not on
 * record.
 */
export function handledWithoutRestart(o: Observed, machine: Machine): string | undefined {
  if (!isRestartDue(o) || operationInFlight(o, 'Restart') !== undefined) return undefined;
  const isNew = o.object.status?.origin === undefined;
  return isNew || machine.state === 'Halted' ? o.object.spec.restartRequest : undefined;
}

function isFailureReported({ object }: Observed): boolean {
  return object.status?.conditions?.find(({ type }) => type === 'Ready')?.reason === 'PowerChangeFailed';
}

function isDownSince(o: Observed, operation: OperationStatus): boolean {
  return (o.history.lastDownAt ?? 0) > o.now - ageOf(o, operation);
}

/** The repeated call, as a new one: with its own time and the VM's present last action. */
function again(o: Observed, machine: Machine, before: OperationStatus): Decision {
  const call = callFor(o, machine, before.restartRequest);
  const attempts = before.attempts ?? 1;
  const left = (attempts === 0 ? 0 : pauseAfter(attempts, o.limits.visibilityWindow)) - ageOf(o, before);
  if (left > 0) return awaitTransition(o, call.statusReason, { operation: before, after: left, isRepeated: true });
  return perform(
    { type: 'Restart', id: machine.id, operation: newOperation(o, call, attempts + 1) },
    call.statusReason,
    { operation: before, startFailure: o.object.status?.startFailure, fastPolling: true },
  );
}

function callFor(o: Observed, machine: Machine, request = o.object.spec.restartRequest): PowerCall {
  return {
    type: 'Restart',
    statusReason: restarting(machine),
    before: undefined,
    base: o.limits.visibilityWindow,
    details: {
      ...(request === undefined ? {} : { restartRequest: request }),
      ...(machine.updatedAt === undefined ? {} : { previousActionTime: machine.updatedAt }),
    },
  };
}

/** What is reported while a restart is in progress. */
export function restarting(machine: Machine): PowerCall['statusReason'] {
  return { reason: 'Restarting', message: `VM ${machine.id} is being restarted` };
}
