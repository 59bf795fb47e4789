import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { Operator, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { type Begun, proceed } from '../world/reconciliation.ts';
import { isInDoubt } from '../world/reads.ts';
import { describe } from '../world/request.ts';
import { answerMoves, onRecord, sentBy } from './responses.ts';
import { can, inOperator, later, type Move, spend } from './action.ts';

/** What the operator's process does by itself: hear of changes, and work on the object. */
export async function operatorMoves(subject: Subject, state: State): Promise<readonly Move[]> {
  return [...watch(state), ...(await reconciliation(subject, state)), ...crash(state)];
}

/** The watch reports the newest version: `Store.apply` of src/kubernetes/cache/store.ts, and `onObjectChange` in src/controller/event-handlers.ts. */
function watch(state: State): Move[] {
  const { object } = state.cluster;
  const { cache } = state.operator;
  if (object?.metadata.resourceVersion === cache?.metadata.resourceVersion) return [];
  const to = inOperator(state, { cache: object, isDue: true });
  return [{ kind: 'watch', label: 'the operator hears of the change', to, turn: 'watch' }];
}

/** A worker takes the object from the queue, or a reconciliation in progress gets an answer. */
async function reconciliation(subject: Subject, state: State): Promise<Move[]> {
  const { operator } = state;
  if (operator.pass !== undefined) return answerMoves(subject, state, operator.pass);
  if (!operator.isDue || Object.values(operator.accounts).some(isInDoubt)) return [];
  // The reconciliation in progress decides again when it is due: `get` of src/controller/work-queue.ts.
  const taken: State = { ...state, operator: { ...operator, isDue: false, dueAt: undefined } };
  const begun: Begun = { startedAt: state.now, object: operator.cache, secret: state.cluster.secret, answers: [] };
  const next = await proceed(subject, taken, begun);
  return [
    {
      kind: 'pass',
      label: `a reconciliation begins, ${next.pass === undefined ? 'and ends' : `to ${describe(next.pass.asks)}`}`,
      to: later(state, { operator: next }),
      turn: 'pass',
    },
  ];
}

/** `kill -9`, and a new process: it lists what there is, and remembers nothing. */
function crash(state: State): Move[] {
  if (!can(state, 'crash')) return [];
  const spent = spend(state, 'crash');
  const asks = state.operator.pass?.asks;
  const to = later(spent, { operator: newOperator(state.cluster.object, state.now + 1) });
  const moves: Move[] = [{ kind: 'crash', label: 'the operator crashes', to, turn: undefined }];
  if (asks?.kind === 'Call') {
    const call = onRecord(state, asks.call);
    const sentAt = state.now + 1;
    const isCreate = call.operation === 'CreateMachine';
    moves.push({
      kind: 'crash',
      label: `${describe(asks)}: the operator crashes`,
      to: {
        ...to,
        providerState: {
          ...state.providerState,
          adrift: [...state.providerState.adrift, { ...call, sentAt }],
          createdWith: isCreate ? call.account : state.providerState.createdWith,
        },
        sent: sentBy(state, call),
        doubtSince: isCreate ? sentAt : state.doubtSince,
      },
      turn: undefined,
    });
  }
  return moves;
}

export function newOperator(object: VirtualMachine | undefined, now: number): Operator {
  return {
    leadingSince: now,
    cache: object,
    isDue: object !== undefined,
    dueAt: undefined,
    objectState: undefined,
    accounts: {},
    pass: undefined,
  };
}
