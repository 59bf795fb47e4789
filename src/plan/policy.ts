import { patchSpec } from '../api/v1alpha1/commands.ts';
import type { PlannedAction } from '../api/v1alpha1/types.ts';
import { type Action, type Decision, requeue } from './action.ts';
import type { Observed } from './observed.ts';
import { sequenceOf } from './sequence.ts';

/**
 * The management policy: a filter over every decision, so that no rule and no call depends on it.
 *
 * | action                                   | Manage | Plan                    | Observe                    |
 * | ---------------------------------------- | ------ | ----------------------- | -------------------------- |
 * | none, releasing the finalizer              | done   | done                    | done                       |
 * | a call to the provider, adopting a VM         | done   | shown, with what follows | kept back, ObserveOnly     |
 * | recording a VM that is proven the object's, its password | done | done       | kept back                  |
 */
export function underPolicy(o: Observed, decision: Decision): Decision {
  const action = dueOf(o, decision);
  const policy = o.object.spec.managementPolicy;
  if (policy === 'Manage' || action.type === 'None' || action.type === 'ReleaseFinalizer') return decision;
  const sequence = sequenceOf(o, action);
  const { operation, startFailure } = o.object.status ?? {};
  if (policy === 'Observe') {
    const due = sequence === undefined ? 'an update of the record' : textOf(sequence);
    const message = `due: ${due}; spec.managementPolicy is Observe, so the operator doesn't do it`;
    return requeue({ reason: 'ObserveOnly', message }, { operation, startFailure });
  }
  if (sequence === undefined) return decision;
  const message = `planned: ${textOf(sequence)}. To approve: ${patchSpec(o.object.metadata, { managementPolicy: 'Manage' })}`;
  return requeue({ reason: 'PlanOnly', message }, { operation, startFailure, plannedActions: sequence });
}

/**
 * A deletion that is delayed only by its rate limit is due as well: until it is approved, it needs no place in that
 * queue.
 */
function dueOf({ machine }: Observed, { action, awaitsDelete }: Decision): Action {
  return awaitsDelete && machine.kind === 'Present' ? { type: 'Delete', id: machine.machine.id } : action;
}

/** Whether nothing may be written for the object, so that rules that only record don't apply. */
export function isObserving(o: Observed): boolean {
  return o.object.spec.managementPolicy === 'Observe';
}

function textOf(sequence: readonly PlannedAction[]): string {
  return sequence.map(({ message }) => message).join(', then ');
}
