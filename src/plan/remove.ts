import type { Machine } from '../model/machine.ts';
import { type Decision, act, wait } from './action.ts';
import type { Observed } from './observed.ts';
import { power } from './power.ts';

/**
 * For an object that is being deleted and whose machine is there: powered off by the same table as any other machine,
 * then deleted, then looked for until it is shown to be gone. DELETE is sent to a halted machine only; repeating it
 * does no harm, so it is not recorded, merely spaced out.
 */
export function remove(o: Observed, machine: Machine): Decision {
  if (machine.state !== 'Halted') return asDeleting(power(o, machine, 'Halted'));

  const { deleteAcceptedAt, deletes } = o.history;
  if (deleteAcceptedAt !== undefined) {
    const again = deleteAcceptedAt + o.limits.visibilityWindow * 2 ** (deletes - 1);
    if (again > o.now) {
      const message = `the provider accepted the deletion of machine ${machine.id}`;
      return wait({ reason: 'Deleting', message }, { urgent: true, after: again - o.now });
    }
  }
  const verdict = { reason: 'Deleting', message: `machine ${machine.id} is halted and is being deleted` } as const;
  return act({ type: 'Delete', id: machine.id }, verdict, { urgent: true });
}

/** The steps of powering off, told as steps of the deletion; what needs a human keeps its own reason. */
function asDeleting(decision: Decision): Decision {
  const { verdict } = decision;
  if (verdict === undefined) return decision;
  const isStep = verdict.reason === 'Stopping' || verdict.reason === 'Starting' || verdict.reason === 'Creating';
  return isStep ? { ...decision, verdict: { reason: 'Deleting', message: verdict.message } } : decision;
}
