/**
 * A model check: every state that the operator and the world around it can get into together is visited, as far as a
 * few misfortunes lead, and judged.
 *
 * What runs is the operator itself, from `createReconciler` down: observe, plan, execute, conclude, status. Around it are
 * small models of what it talks to: the API server (world/cluster.ts), the provider (world/room.ts) and, between the
 * two, the account, the watch and the queue (world/account.ts, world/reads.ts, moves/operator.ts), which stand for
 * src/provider/account, src/kubernetes/cache and src/controller. A reconciliation may be interrupted at every call that it makes (world/pass.ts).
 *
 * `invariants` must hold after every step. And from every state that is reached, a world without any further fault
 * comes to be as the object asks, and stays so (`isSettled`). `mutations` are mistakes that must be found.
 *
 * What is taken for granted, or no operator could keep its promises:
 *
 * - A call is carried out, if at all, within the response deadline after it was sent; also one whose caller is gone.
 * - Lists, and `GET` of a machine that is new, show what happened within the visibility window; until then they show
 *   what was before. Otherwise a list is complete, but for one with a `gap`, and `GET` tells what is.
 * - Lists and `GET` deny a VM that they showed before (`denial`) for less time than the operator waits before it recreates one, and
 *   not while its object is deleted.
 * - A create call that is refused and carried out all the same is shown by every list that starts after the refusal.
 * - An admission policy leaves what it alters as it was before; it does not take away what was stored without it.
 * - A DELETE that was accepted is carried out, and a transition ends within a tick, unless it is `slow`.
 * - A process that acts has the API server's objects as they were when it started, and hears of changes in order.
 *   Another process starts only when the one before is gone.
 * - While there is something to do for the operator, the clock stands still, unless it `stall`s.
 * - Nobody makes a machine of a name that an object chose between the list that shows the name free, which is answered at most five
 *   seconds before the create call is decided on, and the answer to that call. If somebody does, and the call is refused, the time of
 *   the machine's creation decides; without one it is nobody's (test/reconcile/chosen-names.test.ts).
 * - Nobody takes finalizer and annotations away before the status tells the id, or deletes the object before they are back.
 *
 * To add a dimension: a field of the spec or an annotation that people change is one entry of `changes` in
 * moves/people.ts, with a `Misfortune` to its name in state.ts; what must hold of it, an invariant, with a mutation that
 * breaks it; what its outcome means, one case in `isSettled`; where it may happen, a number in `left` of some configurations.
 * A new time in the operator is aged by key.ts as said there. A new port of the reconciler is one more field in `proceed`
 * of world/pass.ts, and a new call one more `Request`.
 */
import type { Model } from './checker.ts';
import { clockMoves } from './actions/clock.ts';
import { isSettled } from './invariants.ts';
import { createKeys } from './key.ts';
import { type Move, turns } from './actions/action.ts';
import { operatorMoves } from './actions/operator.ts';
import { peopleMoves } from './actions/users.ts';
import { listMoves, lookUpMoves } from './actions/lists.ts';
import { isInDoubt } from './world/reads.ts';
import { adriftMoves, isCalling, machineMoves } from './actions/machines.ts';
import { strangerMoves } from './actions/third-parties.ts';
import type { State } from './state.ts';
import type { Subject } from './subject.ts';

export function createModel(subject: Subject, start: State): Model<State, Move> {
  return {
    start,
    key: createKeys(),
    left: ({ left }) => left,
    steps: (state) => movesOf(subject, state),
    fair: firstInTurn,
    isSettled,
  };
}

/** Everything that may happen next. */
async function movesOf(subject: Subject, state: State): Promise<readonly Move[]> {
  const { pass, isDue, accounts } = state.operator;
  // Passes are short and start at once: while there is something to do, only people and accidents come between, and the
  // list that a reconciliation has to wait for.
  const isQuiet = pass === undefined && (!isDue || Object.values(accounts).some(isInDoubt));
  return [
    ...(await operatorMoves(subject, state)),
    ...(isQuiet ? [...listMoves(subject, state), ...lookUpMoves(state), ...adriftMoves(state)] : []),
    ...(isQuiet || isCalling(pass) ? machineMoves(state) : []),
    ...strangerMoves(state),
    ...peopleMoves(state),
    ...clockMoves(subject, state),
  ];
}

/** What happens next in a world without faults. */
function firstInTurn(moves: readonly Move[]): Move | undefined {
  return turns.map((turn) => moves.find((move) => move.turn === turn)).find((move) => move !== undefined);
}

/** Follows the fair world until it is settled. */
export async function settle(subject: Subject, start: State): Promise<State> {
  let state = start;
  for (let steps = 0; steps < 1000; steps += 1) {
    const move = firstInTurn(await movesOf(subject, state));
    if (move === undefined || (isSettled(state) && move.kind === 'clock')) return state;
    state = move.to;
  }
  throw new Error('the world does not settle');
}
