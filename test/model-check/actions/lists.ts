import { type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { ListedMachine, Machine } from '../../../src/domain/machine.ts';
import type { AccountName, AccountState, List, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { listInterval } from '../time.ts';
import { RunningAccount } from '../world/account.ts';
import { isListDue, isPaused } from '../world/reads.ts';
import { carryOut, failure, listOf } from '../world/fake-provider.ts';
import { can, later, type Action, spend, type Phase } from './action.ts';
import { neighborName } from './users.ts';

/**
 * An account reads its list when an object requests one, or when it would show something new. The lists in between, of which
 * there is one every tick at least, are read with the clock's step.
 */
export async function listActions(subject: Subject, state: State): Promise<Action[]> {
  return Promise.all(accountsOf(state).flatMap(([name, account]) => new Reads(subject, state, name, account).lists()));
}

/** The read of a single VM is answered. */
export async function readActions(subject: Subject, state: State): Promise<Action[]> {
  return Promise.all(accountsOf(state).flatMap(([name, account]) => new Reads(subject, state, name, account).reads()));
}

/** Lists without news that no object requested, read as the clock moves on to `state`. */
export async function refresh(subject: Subject, state: State): Promise<State> {
  let refreshed = state;
  for (const [name, account] of accountsOf(state)) {
    if (account.snapshot === undefined || account.listing !== undefined || !account.isSubscribed) continue;
    if (isPaused(account, state.now) || state.providerState.isRejecting) continue;
    if (isListDue(account, state.providerState, name, state.now)) continue;
    refreshed = await new Reads(subject, refreshed, name, account).refreshed();
  }
  return refreshed;
}

function accountsOf({ operator }: State): readonly [AccountName, AccountState][] {
  // `as`: those are the names of the accounts.
  return Object.entries(operator.accounts) as [AccountName, AccountState][];
}

type Kind = Pick<Action, 'kind' | 'label'> & { readonly phase?: Phase };

/** The reads of one account in a state. */
class Reads {
  readonly #subject: Subject;
  readonly #state: State;
  readonly #name: AccountName;
  readonly #account: AccountState;

  constructor(subject: Subject, state: State, name: AccountName, account: AccountState) {
    this.#subject = subject;
    this.#state = state;
    this.#name = name;
    this.#account = account;
  }

  lists(): Promise<Action>[] {
    const { listing } = this.#account;
    const state = this.#state;
    const action = (kind: Kind, list: List, from?: State): Promise<Action> =>
      this.#listed(kind, list.startedAt, succeeded(list.machines), from);
    if (listing !== undefined)
      return [action({ kind: 'slowList', label: 'the slow list arrives', phase: 'list' }, listing)];
    if (!isListDue(this.#account, state.providerState, this.#name, state.now)) return [];
    if (state.providerState.isRejecting) return [this.#refused()];

    const list: List = { startedAt: state.now, machines: listOf(state.providerState, this.#name) };
    const shown = list.machines.map((machine) => `${machine.id} ${machine.state}`).join(', ') || 'nothing';
    const actions = [action({ kind: 'list', label: `a list shows ${shown}`, phase: 'list' }, list)];
    if (can(state, 'failedRead')) {
      const failed = failure('ListMachines', 'Retry', 'ServerError', { status: 500 });
      const from = spend(state, 'failedRead');
      actions.push(this.#listed({ kind: 'failedRead', label: 'a list fails' }, state.now, failed, from));
    }
    const rest = list.machines.filter(({ name }) => name === neighborName);
    if (can(state, 'gap') && rest.length < list.machines.length) {
      const label = `a list leaves out some of ${shown}`;
      actions.push(action({ kind: 'gap', label }, { ...list, machines: rest }, spend(state, 'gap')));
    }
    if (can(state, 'slowList')) {
      const label = `a slow list begins, to show ${shown}`;
      const to = this.#with(spend(state, 'slowList'), { ...this.#account, listing: list }, false, listInterval);
      actions.push(Promise.resolve(this.#named({ kind: 'slowList', label }, to)));
    }
    return actions;
  }

  reads(): Promise<Action>[] {
    const { read } = this.#account;
    if (read === undefined) return [];
    const state = this.#state;
    const call = { operation: 'GetMachine', account: this.#name, id: read.id } as const;
    // `as`: that is how the provider answers this call.
    const outcome = carryOut(state.providerState, call, { now: state.now }).outcome as Outcome<Machine | undefined>;
    const found = outcome.ok && outcome.value === undefined ? '404' : 'an answer';
    const label = `a read of VM ${read.id}`;
    const actions = [this.#answered({ kind: 'read', label: `${label}: ${found}`, phase: 'read' }, outcome)];
    if (can(state, 'failedRead')) {
      const failed = failure('GetMachine', 'Retry', 'ServerError', { status: 500 });
      actions.push(this.#answered({ kind: 'failedRead', label: `${label} fails` }, failed, spend(state, 'failedRead')));
    }
    return actions;
  }

  async refreshed(): Promise<State> {
    const list = listOf(this.#state.providerState, this.#name);
    return this.#run(this.#state, 0, (account) => account.answerList(this.#state.now, succeeded(list)));
  }

  #refused(): Promise<Action> {
    const refusal = failure('ListMachines', 'Credentials', 'Unauthorized', { status: 401 });
    return this.#listed({ kind: 'list', label: 'a list is refused', phase: 'list' }, this.#state.now, refusal);
  }

  async #listed(
    kind: Kind,
    startedAt: number,
    outcome: Outcome<readonly ListedMachine[]>,
    from = this.#state,
  ): Promise<Action> {
    return this.#named(kind, await this.#run(from, listInterval, (account) => account.answerList(startedAt, outcome)));
  }

  async #answered(
    { kind, label, phase }: Kind,
    outcome: Outcome<Machine | undefined>,
    from = this.#state,
  ): Promise<Action> {
    return { kind, label, to: await this.#run(from, 1, (account) => account.answerRead(outcome)), phase };
  }

  #named({ kind, label, phase }: Kind, to: State): Action {
    return { kind, label: this.#name === 'own' ? label : `${label}, by the other account's key`, to, phase };
  }

  /** The state `milliseconds` after the account has done this. */
  async #run(from: State, milliseconds: number, act: (account: RunningAccount) => Promise<void>): Promise<State> {
    let isRequeued = false;
    const running = await RunningAccount.restore(this.#name, this.#account, {
      subject: this.#subject,
      now: () => from.now,
      wake: () => (isRequeued = true),
      call: () => Promise.reject(new Error('only reconciliations change VMs')),
    });
    await act(running);
    return this.#with(from, running.save(), isRequeued, milliseconds);
  }

  #with(from: State, account: AccountState, isRequeued: boolean, milliseconds: number): State {
    const { operator } = from;
    const accounts = { ...operator.accounts, [this.#name]: account };
    return later(from, { operator: { ...operator, accounts, isDue: operator.isDue || isRequeued } }, milliseconds);
  }
}
