import type { Machine } from '../model/machine.ts';
import { type Decision, act, wait } from './action.ts';
import type { Observed } from './observed.ts';
import { pauseAfter } from './pace.ts';
import { power } from './power.ts';

/**
 * For an object that is being deleted and whose machine is there: powered off by the same table as any other machine,
 * then deleted, then looked for until it is shown to be gone. DELETE is sent to a halted machine only; repeating it
 * does no harm, so it is not recorded, merely spaced out.
 */
export function remove(o: Observed, machine: Machine): Decision {
  const operation = o.object.status?.operation;
  const verdict = { reason: 'Deleting', message: messageFor(machine, operation !== undefined) } as const;
  if (machine.state !== 'Halted') return asDeleting(power(o, machine, 'Halted'), machine);

  const { deleteAcceptedAt, deletes } = o.history;
  if (deleteAcceptedAt !== undefined) {
    const again = deleteAcceptedAt + pauseAfter(deletes, o.limits.visibilityWindow);
    if (again > o.now) return wait(verdict, { operation, urgent: true, after: again - o.now });
  }
  if (o.deletesHeldFor > 0) {
    const message = `${verdict.message}; the operator allows only so many deletes a minute (maxDeletesPerMinute), and namespaces take turns`;
    return wait(
      { ...verdict, message },
      {
        operation,
        urgent: true,
        after: o.deletesHeldFor,
        awaitsDelete: true,
      },
    );
  }
  return act({ type: 'Delete', id: machine.id }, verdict, { operation, urgent: true });
}

/**
 * The steps of powering off are told as one: a write for each of them would wake every watcher to say what
 * `status.operation` says already. What needs a human keeps its own reason.
 */
function asDeleting(decision: Decision, machine: Machine): Decision {
  const { verdict } = decision;
  if (verdict === undefined) return decision;
  const isStep = verdict.reason === 'Stopping' || verdict.reason === 'Starting' || verdict.reason === 'Creating';
  return isStep ? { ...decision, verdict: { reason: 'Deleting', message: messageFor(machine, true) } } : decision;
}

function messageFor(machine: Machine, isPoweredOffFirst: boolean): string {
  return isPoweredOffFirst
    ? `machine ${machine.id} is powered off, then deleted`
    : `machine ${machine.id} is being deleted`;
}
