import type { Adrift, Reconciliation, ProviderMachine, State } from '../state.ts';
import { become, carryOut, isLagging, nextState, replace } from '../world/fake-provider.ts';
import { can, atProvider, type Action, spend } from './action.ts';

/** Transitions end by themselves, and lists catch up; also just when a call is about to reach the machine. */
export function machineActions(state: State): Action[] {
  return state.providerState.machines.flatMap((machine) => [
    ...transition(state, machine),
    ...fallBack(state, machine),
    ...catchUp(state, machine),
  ]);
}

/** Whether the reconciliation in progress is about to call a machine. */
export function isCalling(reconciliation: Reconciliation | undefined): boolean {
  return reconciliation?.asks.kind === 'Call' && reconciliation.asks.call.id !== undefined;
}

function transition(state: State, machine: ProviderMachine): Action[] {
  const next = machine.isDoomed ? 'Gone' : nextState[machine.state];
  if (next === undefined) return [];
  const label = `VM ${machine.id} ${next === 'Gone' ? 'vanishes' : `is ${next} now`}`;
  const changed = (from: State, lags: boolean): State =>
    atProvider(from, replace(state.providerState, { ...become(machine, next, state.now, lags), isDoomed: false }));
  const actions: Action[] = [{ kind: 'machine', label, to: changed(state, isLagging(machine)), phase: 'machine' }];
  if (can(state, 'lag') && !isLagging(machine)) {
    const to = changed(spend(state, 'lag'), true);
    actions.push({ kind: 'lag', label: `${label}; lists do not show it yet`, to, phase: undefined });
  }
  return actions;
}

/** A guest that does not stay up, or shuts itself down, without a call to the machine. */
function fallBack(state: State, machine: ProviderMachine): Action[] {
  const isUp = machine.state === 'Starting' || machine.state === 'Running';
  if (!can(state, 'guest') || machine.isDoomed || !isUp) return [];
  const halted = replace(state.providerState, become(machine, 'Halted', state.now, isLagging(machine)));
  const to = atProvider(spend(state, 'guest'), halted);
  return [{ kind: 'guest', label: `VM ${machine.id} falls back to Halted`, to, phase: undefined }];
}

function catchUp(state: State, machine: ProviderMachine): Action[] {
  if (!isLagging(machine)) return [];
  const to = atProvider(state, replace(state.providerState, become(machine, machine.state, machine.changedAt, false)));
  return [{ kind: 'catchUp', label: `lists show VM ${machine.id} as it is`, to, phase: 'catchUp' }];
}

/** A call whose caller has given up on it is carried out after all, or never. */
export function adriftActions(state: State): Action[] {
  return state.providerState.adrift.flatMap((call) => {
    const providerState = {
      ...state.providerState,
      adrift: state.providerState.adrift.filter((other) => other !== call),
    };
    const lands = (from: State, lags: boolean): State =>
      atProvider(from, carryOut(providerState, call, { now: state.now, lags }).providerState);
    const label = `the lost call of ${nameOf(call)} is carried out`;
    const actions: Action[] = [
      { kind: 'lands', label, to: lands(state, false), phase: 'adrift' },
      {
        kind: 'sinks',
        label: `the lost call of ${nameOf(call)} comes to nothing`,
        to: atProvider(state, providerState),
        phase: undefined,
      },
    ];
    if (can(state, 'lag')) {
      const to = lands(spend(state, 'lag'), true);
      actions.push({ kind: 'lag', label: `${label}; lists do not show it yet`, to, phase: undefined });
    }
    return actions;
  });
}

function nameOf({ operation, id, name }: Adrift): string {
  return `${operation} ${id ?? name ?? ''}`;
}
