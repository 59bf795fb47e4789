import type { Reason } from '../api/v1alpha1/reasons.ts';
import { type Machine, isTaskFailed } from '../domain/machine.ts';
import { type Decision, perform, requeue } from './action.ts';
import { patienceOf } from './power-call.ts';
import type { Observed } from './observed.ts';
import { pauseAfter } from './call-backoff.ts';
import { power } from './power.ts';
import { failedTaskNote } from './task.ts';

/**
 * For an object that is being deleted and whose VM exists, until the VM is confirmed deleted. Worked table:
 *
 * | state seen                 | shorter than its patience   | for longer                                                 |
 * | -------------------------- | --------------------------- | ---------------------------------------------------------- |
 * | Halted                     | DELETE                      | DELETE                                                     |
 * | Running                    | as the power table says     | as the power table says                                    |
 * | Pending, Starting, Unknown | wait                        | DELETE                                                     |
 * | Halting                    | as the power table says     | DELETE; once that is refused, as the power table says, too |
 *
 * Patience is `stuckAfter`, plus the grace period for a shutdown. Such a state would never end otherwise, and a
 * provider that can't delete the VM yet refuses (400, 406), which the object then reports. Repeating a DELETE does no harm, so it is
 * not recorded, only spaced out.
 */
export function deleteMachine(o: Observed, machine: Machine): Decision {
  const patience = patienceOf(o, o.object.status?.operation);
  const left = patience - o.history.stateFor;
  if (isEndless(o, machine, left)) {
    const message = `VM ${machine.id} has been in state ${machine.state} for more than ${Math.round(patience / 1000)} s; the operator deletes it nevertheless`;
    return sendDelete(o, machine, message);
  }
  if (machine.state !== 'Halted') return requeueIn(left, withDeletionStatus(o, power(o, machine, 'Halted'), machine));
  // What was reported of powering off stays true enough to spare a write; a failed task is news.
  const isReported = o.object.status?.operation !== undefined && !isTaskFailed(machine.lastTask);
  return sendDelete(o, machine, messageFor(machine, isReported));
}

function isEndless(o: Observed, { state }: Machine, left: number): boolean {
  if (state === 'Halted' || state === 'Running' || left > 0) return false;
  // Power cuts alternate with it, where the mode allows them, because either may be what helps.
  return state !== 'Halting' || o.object.spec.powerOff.mode === 'Soft' || o.history.refusedFor === 0;
}

/** No list requeues an object whose VM doesn't change. */
function requeueIn(left: number, decision: Decision): Decision {
  const isWaiting = decision.action.type === 'None' && left > 0;
  return isWaiting ? { ...decision, after: Math.min(left, decision.after ?? Infinity) } : decision;
}

function sendDelete(o: Observed, machine: Machine, message: string): Decision {
  const operation = o.object.status?.operation;
  const statusReason = { reason: 'Deleting', message } as const;
  const { deleteAcceptedAt, deletes } = o.history;
  if (deleteAcceptedAt !== undefined) {
    const again = deleteAcceptedAt + pauseAfter(deletes, o.limits.visibilityWindow);
    if (again > o.now) return requeue(statusReason, { operation, fastPolling: true, after: again - o.now });
  }
  if (o.deletesHeldFor > 0) {
    const held = `${message}; waiting for the limit of deletes a minute (maxDeletesPerMinute), in turn with other namespaces`;
    return requeue(
      { ...statusReason, message: held },
      { operation, fastPolling: true, after: o.deletesHeldFor, awaitsDelete: true },
    );
  }
  return perform({ type: 'Delete', id: machine.id }, statusReason, { operation, fastPolling: true });
}

/**
 * The steps of powering off are reported as one: a status write for each step would only repeat `status.operation`. A
 * state that needs a user keeps its own reason.
 */
function withDeletionStatus(o: Observed, decision: Decision, machine: Machine): Decision {
  const { statusReason } = decision;
  if (statusReason === undefined) return decision;
  if (machine.state === 'Unknown') {
    const seconds = Math.round(o.limits.stuckAfter / 1000);
    const message = `VM ${machine.id} is in a state that the operator does not know; if that lasts ${seconds} s, the operator deletes it nevertheless`;
    return { ...decision, statusReason: { reason: 'Deleting', message } };
  }
  return steps.has(statusReason.reason)
    ? { ...decision, statusReason: { reason: 'Deleting', message: messageFor(machine, true) } }
    : decision;
}

const steps: ReadonlySet<Reason> = new Set<Reason>([
  'Creating',
  'ProvisioningFailed',
  'Starting',
  'Stopping',
  'PowerChangeFailed',
]);

function messageFor(machine: Machine, isPoweredOffFirst: boolean): string {
  const what = isPoweredOffFirst ? `powering off VM ${machine.id}, then deleting it` : `deleting VM ${machine.id}`;
  return `${what}${failedTaskNote(machine)}`;
}
