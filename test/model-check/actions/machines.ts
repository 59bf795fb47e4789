import type { Adrift, Pass, ProviderMachine, State } from '../state.ts';
import { become, carryOut, isLagging, nextState, replace } from '../world/fake-provider.ts';
import { can, inRoom, type Move, spend } from './action.ts';

/** Transitions end by themselves, and lists catch up; also just when a call is about to reach the machine. */
export function machineMoves(state: State): Move[] {
  return state.providerState.machines.flatMap((machine) => [
    ...transition(state, machine),
    ...fallBack(state, machine),
    ...catchUp(state, machine),
  ]);
}

/** Whether the reconciliation in progress is about to call a machine. */
export function isCalling(pass: Pass | undefined): boolean {
  return pass?.asks.kind === 'Call' && pass.asks.call.id !== undefined;
}

function transition(state: State, machine: ProviderMachine): Move[] {
  const next = machine.isDoomed ? 'Gone' : nextState[machine.state];
  if (next === undefined) return [];
  const label = `machine ${machine.id} ${next === 'Gone' ? 'vanishes' : `is ${next} now`}`;
  const changed = (from: State, lags: boolean): State =>
    inRoom(from, replace(state.providerState, { ...become(machine, next, state.now, lags), isDoomed: false }));
  const moves: Move[] = [{ kind: 'machine', label, to: changed(state, isLagging(machine)), turn: 'machine' }];
  if (can(state, 'lag') && !isLagging(machine)) {
    const to = changed(spend(state, 'lag'), true);
    moves.push({ kind: 'lag', label: `${label}; lists do not show it yet`, to, turn: undefined });
  }
  return moves;
}

/** A guest that does not stay up, or shuts itself down, without a call to the machine. */
function fallBack(state: State, machine: ProviderMachine): Move[] {
  const isUp = machine.state === 'Starting' || machine.state === 'Running';
  if (!can(state, 'guest') || machine.isDoomed || !isUp) return [];
  const halted = replace(state.providerState, become(machine, 'Halted', state.now, isLagging(machine)));
  const to = inRoom(spend(state, 'guest'), halted);
  return [{ kind: 'guest', label: `machine ${machine.id} falls back to Halted`, to, turn: undefined }];
}

function catchUp(state: State, machine: ProviderMachine): Move[] {
  if (!isLagging(machine)) return [];
  const to = inRoom(state, replace(state.providerState, become(machine, machine.state, machine.changedAt, false)));
  return [{ kind: 'catchUp', label: `lists show machine ${machine.id} as it is`, to, turn: 'catchUp' }];
}

/** A call whose caller has given up on it is carried out after all, or never. */
export function adriftMoves(state: State): Move[] {
  return state.providerState.adrift.flatMap((call) => {
    const providerState = {
      ...state.providerState,
      adrift: state.providerState.adrift.filter((other) => other !== call),
    };
    const lands = (from: State, lags: boolean): State =>
      inRoom(from, carryOut(providerState, call, { now: state.now, lags }).providerState);
    const label = `the lost call of ${nameOf(call)} is carried out`;
    const moves: Move[] = [
      { kind: 'lands', label, to: lands(state, false), turn: 'adrift' },
      {
        kind: 'sinks',
        label: `the lost call of ${nameOf(call)} comes to nothing`,
        to: inRoom(state, providerState),
        turn: undefined,
      },
    ];
    if (can(state, 'lag')) {
      const to = lands(spend(state, 'lag'), true);
      moves.push({ kind: 'lag', label: `${label}; lists do not show it yet`, to, turn: undefined });
    }
    return moves;
  });
}

function nameOf({ operation, id, name }: Adrift): string {
  return `${operation} ${id ?? name ?? ''}`;
}
