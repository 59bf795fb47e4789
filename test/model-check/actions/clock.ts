import { can, later, type Action, spend } from './action.ts';
import { isListDue } from '../world/reads.ts';
import { refresh } from './lists.ts';
import { isDenied, isInTransit, isLagging, nextState } from '../world/fake-provider.ts';
import type { AccountName, AccountState, ProviderMachine, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { tick, tickOf, ticksBetween } from '../time.ts';

/** The clock moves on to the next tick, if all is done that happens within one. */
export async function clockActions(subject: Subject, state: State): Promise<readonly Action[]> {
  if (!mayMoveOn(state)) return [];
  const needs: ('stall' | 'slow' | 'longDenial')[] = [];
  if (!isIdle(state)) needs.push('stall');
  if (isSlow(state)) needs.push('slow');
  if (state.providerState.machines.some((machine) => isDenied(machine) && hasLasted(machine, state.now)))
    needs.push('longDenial');
  if (!needs.every((need) => can(state, need))) return [];
  const [first = 'clock'] = needs;
  const label = {
    clock: 'the clock moves on',
    stall: 'the clock moves on meanwhile',
    slow: 'the transition takes long',
    longDenial: 'the provider denies the VM for another tick',
  };
  return [
    {
      kind: first,
      label: label[first],
      to: await moveOn(subject, needs.reduce(spend, state)),
      phase: needs.length === 0 ? 'clock' : undefined,
    },
  ];
}

/** Whether a VM is in transition for the second tick. */
function isSlow({ providerState, now }: State): boolean {
  return providerState.machines.some((machine) => nextState[machine.state] !== undefined && hasLasted(machine, now));
}

/** Whether the clock would move on for the second time since the VM changed. */
function hasLasted({ changedAt }: ProviderMachine, now: number): boolean {
  return ticksBetween(changedAt, now) >= 1;
}

/** The provider keeps its contract: no call is in flight and no list lags for longer than the second tick. */
function mayMoveOn({ providerState, operator, now }: State): boolean {
  return (
    providerState.adrift.every(({ sentAt }) => ticksBetween(sentAt, now) < 1) &&
    providerState.machines.every(
      (machine) => !(isLagging(machine) || machine.isDoomed) || isDenied(machine) || !hasLasted(machine, now),
    ) &&
    Object.values(operator.accounts).every(({ listing, read }) => listing === undefined && read === undefined)
  );
}

/** The operator keeps up: it has received all changes, has nothing to do, and its lists are up to date. */
function isIdle({ cluster, operator, providerState, now }: State): boolean {
  return (
    operator.reconciliation === undefined &&
    !operator.isDue &&
    operator.cache?.metadata.resourceVersion === cluster.object?.metadata.resourceVersion &&
    // `as`: those are the names of the accounts.
    (Object.entries(operator.accounts) as [AccountName, AccountState][]).every(
      ([name, account]) => !isListDue(account, providerState, name, now),
    )
  );
}

async function moveOn(subject: Subject, state: State): Promise<State> {
  const { operator } = state;
  const now = (tickOf(state.now) + ticksToGo(state)) * tick;
  const isDue = operator.dueAt !== undefined && operator.dueAt <= now;
  const next = later(state, isDue ? { operator: { ...operator, isDue, dueAt: undefined } } : {}, now - state.now);
  // A reconciliation in progress runs again from its start, with the account as it was then.
  return operator.reconciliation === undefined ? refresh(subject, next) : next;
}

/** A long wait is taken in one, when nothing else is going on. */
function ticksToGo({ operator, providerState, now }: State): number {
  const isCalm = providerState.adrift.length === 0 && !providerState.machines.some((machine) => isInTransit(machine));
  const ahead = ticksBetween(now, operator.dueAt ?? now);
  return isCalm && ahead > longWait ? ahead + 1 : 1;
}

const longWait = 3;
