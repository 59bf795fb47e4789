/**
 * A model check: it visits and judges every state that the operator and its environment can reach together with a few
 * misfortunes.
 *
 * The operator's own code runs: the reconciler (prepare, observe, plan, execute, conclude, status) and the account with the evidence
 * that it gathers (src/provider/account). Small models stand for the rest: the API server (world/cluster.ts), the provider
 * (world/fake-provider.ts), the watch and the queue (actions/operator.ts), and the poller's schedule (world/reads.ts). A reconciliation
 * may be interrupted at each of its calls (world/reconciliation.ts).
 *
 * `invariants` must hold after every step. From every state that is reached, a world without further faults reaches what the object
 * asks for, and stays there (`isSettled`). `mutations` are mistakes that must be found.
 *
 * Assumptions, without which no operator could keep its promises:
 *
 * - A call is carried out, if at all, within the response deadline after it was sent, even if its caller has ended.
 * - Lists, and `GET` of a new VM, show what happened within the visibility window; until then they show what was
 *   before. Otherwise a list is complete, except for one with a `gap`, and `GET` returns what is.
 * - Lists and `GET` deny a VM that they showed before (`denial`) for less time than the operator waits before it recreates one,
 *   or (`longDenial`) refuse its recreation, and not while its object is deleted. Between two denials of a VM a list shows it.
 * - A create call that is refused and carried out nevertheless is shown by every list that starts after the refusal.
 * - An admission policy leaves what it alters as it was before; it does not remove what was stored without it.
 * - An accepted DELETE is carried out, and a transition ends within a tick, unless it is `slow`.
 * - A process that is the leader has the API server's objects as they were when it started, and receives changes in order.
 *   Another process starts only after the previous one has ended.
 * - While the operator has something to do, the clock stands still, unless it `stall`s.
 * - No console user creates a VM of a name that an object chose between the list that shows the name free, which is answered at
 *   most five seconds before the decision to create, and the answer to the create call. If one does, and the call is refused, the
 *   creation time of the VM decides; without one it counts as unmanaged (test/reconcile/chosen-names.test.ts).
 * - No user removes finalizer and annotations before the status has the id, or deletes the object before they are back.
 *
 * To add a dimension: a field of the spec or an annotation that users change is one entry of `changes` in
 * actions/users.ts, with a `Misfortune` of its name in state.ts; what must hold of it, an invariant, with a mutation that
 * breaks it; what its outcome means, one case in `isSettled`; where it may happen, a number in `left` of some configurations.
 * key.ts says how a new time in the operator is aged. A new port of the reconciler is one more field in `Run` of
 * world/reconciliation.ts, and a new call one more `Request`. What the account remembers is stored without further work (world/account.ts).
 */
import type { Model } from './checker.ts';
import { clockActions } from './actions/clock.ts';
import { isSettled } from './invariants.ts';
import { createKeys } from './key.ts';
import { type Action, phases } from './actions/action.ts';
import { operatorActions } from './actions/operator.ts';
import { userActions } from './actions/users.ts';
import { listActions, readActions } from './actions/lists.ts';
import { isSuspected } from './world/reads.ts';
import { adriftActions, isCalling, machineActions } from './actions/machines.ts';
import { thirdPartyActions } from './actions/third-parties.ts';
import type { State } from './state.ts';
import type { Subject } from './subject.ts';

export function createModel(subject: Subject, start: State): Model<State, Action> {
  return {
    start,
    key: createKeys(),
    left: ({ left }) => left,
    steps: (state) => actionsOf(subject, state),
    fair: nextInOrder,
    isSettled,
  };
}

/** All actions that are possible next. */
async function actionsOf(subject: Subject, state: State): Promise<readonly Action[]> {
  const { reconciliation, isDue, accounts } = state.operator;
  // Passes are short and start at once: while there is something to do, only people and accidents come between, and the
  // list that a reconciliation has to wait for.
  const isQuiet = reconciliation === undefined && (!isDue || Object.values(accounts).some(isSuspected));
  return [
    ...(await operatorActions(subject, state)),
    ...(isQuiet
      ? [...(await listActions(subject, state)), ...(await readActions(subject, state)), ...adriftActions(state)]
      : []),
    ...(isQuiet || isCalling(reconciliation) ? machineActions(state) : []),
    ...thirdPartyActions(state),
    ...userActions(state),
    ...(await clockActions(subject, state)),
  ];
}

/** What happens next in a world without faults. */
function nextInOrder(actions: readonly Action[]): Action | undefined {
  return phases.map((phase) => actions.find((action) => action.phase === phase)).find((action) => action !== undefined);
}

/** Follows the fair world until it is settled. */
export async function settle(subject: Subject, start: State): Promise<State> {
  let state = start;
  for (let steps = 0; steps < 1000; steps += 1) {
    const action = nextInOrder(await actionsOf(subject, state));
    if (action === undefined || (isSettled(state) && action.kind === 'clock')) return state;
    state = action.to;
  }
  throw new Error('the world does not settle');
}
