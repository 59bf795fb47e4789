import { isNameOwn, providerName, readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import type { ProviderMachine, State } from '../state.ts';
import { become, isInTransit, isLagging, isThere, newMachine, replace } from '../world/fake-provider.ts';
import { can, inRoom, type Move, spend } from './action.ts';

/** Changes at the provider's console, and changes of the provider for all accounts. */
export function strangerMoves(state: State): Move[] {
  return [...power(state), ...namesake(state), ...rejection(state), ...denial(state)];
}

function power(state: State): Move[] {
  if (!can(state, 'person')) return [];
  const { providerState, now } = state;
  return providerState.machines
    .filter((machine) => machine.isOurs && isThere(machine) && !machine.isDoomed)
    .flatMap((machine) => {
      const act = (verb: string, to: ProviderMachine['state']): Move => {
        const acted = replace(providerState, { ...become(machine, to, now, isLagging(machine)), actedAt: now });
        const label = `a console user ${verb} machine ${machine.id}`;
        return { kind: 'person', label, to: inRoom(spend(state, 'person'), acted), turn: undefined };
      };
      const moves = [act('deletes', 'Gone')];
      if (machine.state === 'Halted') moves.push(act('starts', 'Starting'));
      if (machine.state === 'Running') moves.push(act('stops', 'Halting'));
      return moves;
    });
}

/**
 * From now on lists and `GET` deny the VM although it is there, until they catch up as with any other lag. Only of a VM that is at
 * rest, and not while its object is deleted: a finalizer is released sooner than a VM is recreated.
 */
function denial(state: State): Move[] {
  const { providerState, now, cluster } = state;
  if (!can(state, 'denial') || cluster.object?.metadata.deletionTimestamp !== undefined) return [];
  return providerState.machines
    .filter((machine) => machine.isOurs && isThere(machine) && !isInTransit(machine))
    .map((machine) => {
      const denied = replace(providerState, { ...machine, shown: 'Nothing', changedAt: now });
      const label = `the provider denies machine ${machine.id}`;
      return { kind: 'denial', label, to: inRoom(spend(state, 'denial'), denied), turn: undefined };
    });
}

/**
 * Once a list has shown the name free for a create call, a machine of it counts as the object's: so no console user creates
 * one.
 */
function namesake(state: State): Move[] {
  const { object } = state.cluster;
  const { providerState } = state;
  if (!can(state, 'namesake') || object === undefined || isNameOwn(object)) return [];
  const isShownFree = Object.values(state.operator.accounts).some(({ snapshot }) => snapshot !== undefined);
  if (isShownFree && readIdentity(object).kind === 'None') return [];
  const name = providerName(object);
  if (providerState.machines.some((machine) => machine.name === name && isThere(machine))) return [];
  const made = newMachine(providerState.nextId, name, state.now);
  const to = { ...providerState, machines: [...providerState.machines, made], nextId: providerState.nextId + 1 };
  const label = `a console user creates machine ${made.id} of the same name`;
  return [{ kind: 'namesake', label, to: inRoom(spend(state, 'namesake'), to), turn: undefined }];
}

/** The provider accepts no key, and accepts them again. */
function rejection(state: State): Move[] {
  const { providerState } = state;
  if (providerState.isRejecting) {
    const to = inRoom(state, { ...providerState, isRejecting: false });
    return [{ kind: 'mend', label: 'the provider accepts keys again', to, turn: 'mend' }];
  }
  if (!can(state, 'rejection')) return [];
  const to = inRoom(spend(state, 'rejection'), { ...providerState, isRejecting: true });
  return [{ kind: 'rejection', label: 'the provider accepts no key', to, turn: undefined }];
}
