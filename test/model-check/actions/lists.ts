import type { Outcome } from '../../../src/domain/failure.ts';
import type { Machine } from '../../../src/domain/machine.ts';
import type { AccountName, AccountState, List, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { listInterval } from '../time.ts';
import { answerLookUp, type Heard, isGateClosed, isInDoubt, isListDue, missList, takeList } from '../world/reads.ts';
import { carryOut, failure, listOf } from '../world/fake-provider.ts';
import { can, later, type Move, spend, type Turn } from './action.ts';
import { neighbourName } from './users.ts';

/**
 * An account reads its list when an object waits for one, or when it would show something new. The lists in between, of which
 * there is one every tick at least, are read with the clock's step.
 */
export function listMoves(subject: Subject, state: State): Move[] {
  // `as`: those are the names of the accounts.
  const accounts = Object.entries(state.operator.accounts) as [AccountName, AccountState][];
  return accounts.flatMap(([name, account]) => {
    if (account.followed === undefined || isGateClosed(account, state.now)) return [];
    if (account.listing !== undefined) {
      const taken = takeList(subject, account, account.listing);
      return [listed(state, name, taken, { kind: 'slowList', label: 'the slow list arrives', turn: 'list' })];
    }
    if (!isListDue(account, state.providerState, name, state.now)) return [];
    return state.providerState.isRejecting ? [refused(state, name, account)] : answered(subject, state, name, account);
  });
}

/** The read of a single machine is answered: `AccountCore.#getMachine`, which takes a slot as a call does. */
export function lookUpMoves(state: State): Move[] {
  // `as`: those are the names of the accounts.
  const accounts = Object.entries(state.operator.accounts) as [AccountName, AccountState][];
  return accounts.flatMap(([name, account]) => {
    const { lookUp } = account;
    if (lookUp === undefined || lookUp.answer !== undefined || isInDoubt(account)) return [];
    const call = { operation: 'GetMachine', account: name, id: lookUp.id } as const;
    // `as`: that is what the room answers to this call.
    const outcome = carryOut(state.providerState, call, { now: state.now }).outcome as Outcome<Machine | undefined>;
    const answer = (from: State, its: Outcome<Machine | undefined>): State =>
      inAccount(from, name, answerLookUp(account, lookUp, its, state.now), 1);
    const said = outcome.ok && outcome.value === undefined ? '404' : 'an answer';
    const label = `a read of machine ${lookUp.id}`;
    const moves: Move[] = [{ kind: 'read', label: `${label}: ${said}`, to: answer(state, outcome), turn: 'read' }];
    if (can(state, 'failedRead')) {
      const failed = failure('GetMachine', 'Retry', 'ServerError', { status: 500 });
      const to = answer(spend(state, 'failedRead'), failed);
      moves.push({ kind: 'failedRead', label: `${label} fails`, to, turn: undefined });
    }
    return moves;
  });
}

function refused(state: State, name: AccountName, account: AccountState): Move {
  const answer = failure('ListMachines', 'Credentials', 'Unauthorized', { status: 401 });
  const missed = missList(account, answer.failure, state.now);
  return listed(state, name, missed, { kind: 'list', label: 'a list is refused', turn: 'list' });
}

function answered(subject: Subject, state: State, name: AccountName, account: AccountState): Move[] {
  const list: List = { startedAt: state.now, machines: listOf(state.providerState, name) };
  const shown = list.machines.map((machine) => `${machine.id} ${machine.state}`).join(', ') || 'nothing';
  const taken = takeList(subject, account, list);
  const moves = [listed(state, name, taken, { kind: 'list', label: `a list shows ${shown}`, turn: 'list' })];
  if (can(state, 'failedRead')) {
    const answer = failure('ListMachines', 'Retry', 'ServerError', { status: 500 });
    const missed = missList(account, answer.failure, state.now);
    moves.push(listed(spend(state, 'failedRead'), name, missed, { kind: 'failedRead', label: 'a list fails' }));
  }
  const rest = list.machines.filter(({ name: its }) => its === neighbourName);
  if (can(state, 'gap') && rest.length < list.machines.length) {
    const gappy = takeList(subject, account, { ...list, machines: rest });
    moves.push(listed(spend(state, 'gap'), name, gappy, { kind: 'gap', label: `a list leaves out some of ${shown}` }));
  }
  if (can(state, 'slowList')) {
    const waiting: Heard = { account: { ...account, listing: list }, isWoken: false };
    const label = `a slow list begins, to show ${shown}`;
    moves.push(listed(spend(state, 'slowList'), name, waiting, { kind: 'slowList', label }));
  }
  return moves;
}

function listed(
  state: State,
  name: AccountName,
  heard: Heard,
  { kind, label, turn }: { readonly kind: string; readonly label: string; readonly turn?: Turn },
): Move {
  const to = inAccount(state, name, heard, listInterval);
  return { kind, label: name === 'own' ? label : `${label}, by the other account's key`, to, turn };
}

function inAccount(state: State, name: AccountName, { account, isWoken }: Heard, milliseconds: number): State {
  const { operator } = state;
  const accounts = { ...operator.accounts, [name]: account };
  return later(state, { operator: { ...operator, accounts, isDue: operator.isDue || isWoken } }, milliseconds);
}
