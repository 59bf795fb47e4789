import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { Operator, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { begin } from '../world/reconciliation.ts';
import { isSuspected } from '../world/reads.ts';
import { describe } from '../world/request.ts';
import { answerActions, onRecord, sentBy } from './responses.ts';
import { can, inOperator, later, type Action, spend } from './action.ts';

/** What the operator's process does by itself: record what the watch reports, and reconcile the object. */
export async function operatorActions(subject: Subject, state: State): Promise<readonly Action[]> {
  return [...watch(state), ...(await reconcile(subject, state)), ...crash(state)];
}

/** The watch reports the newest version: `Store.apply` of src/kubernetes/cache/store.ts, and `onObjectChange` in src/controller/event-handlers.ts. */
function watch(state: State): Action[] {
  const { object } = state.cluster;
  const { cache } = state.operator;
  if (object?.metadata.resourceVersion === cache?.metadata.resourceVersion) return [];
  const to = inOperator(state, { cache: object, isDue: true });
  return [{ kind: 'watch', label: 'the watch reports the change', to, phase: 'watch' }];
}

/** A worker takes the object from the queue, or a reconciliation in progress gets an answer. */
async function reconcile(subject: Subject, state: State): Promise<Action[]> {
  const { operator } = state;
  if (operator.reconciliation !== undefined) return answerActions(subject, state, operator.reconciliation);
  if (!operator.isDue || Object.values(operator.accounts).some(isSuspected)) return [];
  // The reconciliation in progress decides again when it is due: `get` of src/controller/work-queue.ts.
  const taken: State = { ...state, operator: { ...operator, isDue: false, dueAt: undefined } };
  const next = await begin(subject, taken, {
    startedAt: state.now,
    object: operator.cache,
    secret: state.cluster.secret,
  });
  return [
    {
      kind: 'reconciliation',
      label: `a reconciliation begins, ${next.reconciliation === undefined ? 'and ends' : `to ${describe(next.reconciliation.asks)}`}`,
      to: later(state, { operator: next }),
      phase: 'reconciliation',
    },
  ];
}

/** `kill -9`, and a new process: it lists what there is, and remembers nothing. */
function crash(state: State): Action[] {
  if (!can(state, 'crash')) return [];
  const spent = spend(state, 'crash');
  const asks = state.operator.reconciliation?.asks;
  const to = later(spent, { operator: newOperator(state.cluster.object, state.now + 1) });
  const actions: Action[] = [{ kind: 'crash', label: 'the operator crashes', to, phase: undefined }];
  if (asks?.kind === 'Call') {
    const call = onRecord(state, asks.call);
    const sentAt = state.now + 1;
    const isCreate = call.operation === 'CreateMachine';
    actions.push({
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
      phase: undefined,
    });
  }
  return actions;
}

export function newOperator(object: VirtualMachine | undefined, now: number): Operator {
  return {
    leadingSince: now,
    cache: object,
    isDue: object !== undefined,
    dueAt: undefined,
    objectState: undefined,
    accounts: {},
    reconciliation: undefined,
  };
}
