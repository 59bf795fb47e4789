import { isNameOwn, providerName, readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import type { ProviderMachine, State } from '../state.ts';
import { become, isInTransit, isLagging, isThere, newMachine, replace } from '../world/fake-provider.ts';
import { can, atProvider, type Action, spend } from './action.ts';

/** Changes at the provider's console, and changes of the provider for all accounts. */
export function thirdPartyActions(state: State): Action[] {
  return [...power(state), ...namesake(state), ...rejection(state), ...denial(state)];
}

function power(state: State): Action[] {
  if (!can(state, 'person')) return [];
  const { providerState, now } = state;
  return providerState.machines
    .filter((machine) => machine.isOurs && isThere(machine) && !machine.isDoomed)
    .flatMap((machine) => {
      const act = (verb: string, to: ProviderMachine['state']): Action => {
        const acted = replace(providerState, { ...become(machine, to, now, isLagging(machine)), actedAt: now });
        const label = `a console user ${verb} VM ${machine.id}`;
        return { kind: 'person', label, to: atProvider(spend(state, 'person'), acted), phase: undefined };
      };
      const actions = [act('deletes', 'Gone')];
      if (machine.state === 'Halted') actions.push(act('starts', 'Starting'));
      if (machine.state === 'Running') actions.push(act('stops', 'Halting'));
      return actions;
    });
}

/**
 * From now on lists and `GET` deny the VM although it is there, until they catch up as with any other lag. Only of a VM that is at
 * rest, and not while its object is deleted: a finalizer is released sooner than a VM is recreated. Two denials without a list
 * between them would be a longer one.
 */
function denial(state: State): Action[] {
  const { providerState, now, cluster, operator } = state;
  if (!can(state, 'denial') || cluster.object?.metadata.deletionTimestamp !== undefined) return [];
  const isListed = ({ id }: ProviderMachine): boolean => operator.accounts.own?.snapshot?.has(id) ?? true;
  return providerState.machines
    .filter((machine) => machine.isOurs && isThere(machine) && !isInTransit(machine))
    .filter((machine) => !machine.wasDenied || isListed(machine))
    .map((machine) => {
      const denied = replace(providerState, { ...machine, shown: 'Nothing', wasDenied: true, changedAt: now });
      const label = `the provider denies VM ${machine.id}`;
      return { kind: 'denial', label, to: atProvider(spend(state, 'denial'), denied), phase: undefined };
    });
}

/**
 * Once a list has shown the name free for a create call, a VM of it counts as the object's: so no console user creates
 * one.
 */
function namesake(state: State): Action[] {
  const { object } = state.cluster;
  const { providerState } = state;
  if (!can(state, 'namesake') || object === undefined || isNameOwn(object)) return [];
  const isShownFree = Object.values(state.operator.accounts).some(({ snapshot }) => snapshot !== undefined);
  if (isShownFree && readIdentity(object).kind === 'None') return [];
  const name = providerName(object);
  if (providerState.machines.some((machine) => machine.name === name && isThere(machine))) return [];
  const made = newMachine(providerState.nextId, name, state.now);
  const to = { ...providerState, machines: [...providerState.machines, made], nextId: providerState.nextId + 1 };
  const label = `a console user creates VM ${made.id} of the same name`;
  return [{ kind: 'namesake', label, to: atProvider(spend(state, 'namesake'), to), phase: undefined }];
}

/** The provider accepts no key, and accepts them again. */
function rejection(state: State): Action[] {
  const { providerState } = state;
  if (providerState.isRejecting) {
    const to = atProvider(state, { ...providerState, isRejecting: false });
    return [{ kind: 'repair', label: 'the provider accepts keys again', to, phase: 'repair' }];
  }
  if (!can(state, 'rejection')) return [];
  const to = atProvider(spend(state, 'rejection'), { ...providerState, isRejecting: true });
  return [{ kind: 'rejection', label: 'the provider accepts no key', to, phase: undefined }];
}
