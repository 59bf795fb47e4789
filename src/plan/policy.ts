import { type Action, type Decision, isProviderCall, wait } from './action.ts';
import type { Observed } from './observed.ts';

/**
 * The management policy: a filter over what was decided, so that no rule and no call has to know of it.
 *
 * | action                                   | Manage | Plan                    | Observe                    |
 * | ---------------------------------------- | ------ | ----------------------- | -------------------------- |
 * | none, letting the object go              | done   | done                    | done                       |
 * | a call to the provider, taking over a machine | done | shown as the next step | kept back, ObserveOnly     |
 * | recording a machine that is proven ours, its password | done | done       | kept back                  |
 */
export function underPolicy(o: Observed, decision: Decision): Decision {
  const { action } = decision;
  const policy = o.object.spec.managementPolicy;
  if (policy === 'Manage' || action.type === 'None' || action.type === 'ReleaseFinalizer') return decision;
  const isStep = isProviderCall(action) || (action.type === 'RecordIdentity' && action.machine.origin === 'Adopted');
  const { operation, startFailure } = o.object.status ?? {};
  if (policy === 'Observe') {
    const message = `${describe(action)} is due, and spec.managementPolicy is Observe`;
    return wait({ reason: 'ObserveOnly', message }, { operation, startFailure });
  }
  if (!isStep) return decision;
  const planned = { operation: nameOf(action), message: describe(action) };
  const message = `next: ${planned.message}; spec.managementPolicy is Plan`;
  return wait({ reason: 'PlanOnly', message }, { operation, startFailure, plannedActions: [planned] });
}

/** Whether nothing may be written on behalf of the object, so that rules that only record need not be asked. */
export function isObserving(o: Observed): boolean {
  return o.object.spec.managementPolicy === 'Observe';
}

function nameOf(action: Action): string {
  if (action.type === 'RecordIdentity') return action.machine.origin === 'Adopted' ? 'AdoptMachine' : 'RecordIdentity';
  return isProviderCall(action) ? `${action.type}Machine` : action.type;
}

function describe(action: Action): string {
  switch (action.type) {
    case 'Create': {
      const { name, regionId, packageId, osTemplateId } = action.request;
      return `create machine "${name}" in region ${regionId} with package ${packageId} and template ${osTemplateId}`;
    }
    case 'RecordIdentity':
      return `${action.machine.origin === 'Adopted' ? 'take over' : 'record'} machine ${action.machine.id} ("${action.machine.name}")`;
    case 'WithdrawIntent':
      return 'withdraw the create intent of the refused create';
    case 'CompleteIdentity':
      return `complete the metadata of machine ${action.machine.id}`;
    case 'WritePassword':
      return `write the initial password of machine ${action.id} into Secret "${action.secretName}"`;
    case 'Start':
    case 'Stop':
    case 'Restart':
    case 'Kill':
    case 'Delete':
      return `${action.type.toLowerCase()} machine ${action.id}`;
    case 'None':
    case 'ReleaseFinalizer':
      return action.type;
  }
}
