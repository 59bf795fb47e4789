import { readIdentity } from '../../../src/api/v1alpha1/identity.ts';
import { type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { CreateResult } from '../../../src/provider/provider.ts';
import type {
  Answer,
  Cluster,
  Reconciliation,
  ProviderCall,
  Request,
  ProviderState,
  SentCall,
  State,
} from '../state.ts';
import type { Subject } from '../subject.ts';
import { patch, policies, read, type Stored } from '../world/cluster.ts';
import { proceed } from '../world/reconciliation.ts';
import { describe, kindOf } from '../world/request.ts';
import { carryOut, type Effect, failure, find, type Manner, replace } from '../world/fake-provider.ts';
import { can, later, type Action, spend } from './action.ts';

/** The ways in which what a reconciliation asks for may be answered. */
export function answerActions(subject: Subject, state: State, reconciliation: Reconciliation): Promise<Action[]> {
  const { asks } = reconciliation;
  const question = new Question(subject, state, reconciliation);
  switch (asks.kind) {
    case 'Read':
      return answerKubernetes(question, asks, read(state.cluster));
    case 'Patch':
      return answerKubernetes(question, asks, patch(state.cluster, asks));
    case 'Call':
      return answerCall(question, asks.call);
  }
}

type Reply = { readonly value: unknown } | Pick<Extract<Answer, { readonly error: unknown }>, 'error'>;

/** A reconciliation that waits, in a state: makes the actions that answer it. */
class Question {
  readonly state: State;
  readonly #subject: Subject;
  readonly #reconciliation: Reconciliation;

  constructor(subject: Subject, state: State, reconciliation: Reconciliation) {
    this.state = state;
    this.#subject = subject;
    this.#reconciliation = reconciliation;
  }

  /** `from`: the state, less the misfortune that this takes. */
  async answer(
    action: Omit<Action, 'to'>,
    reply: Reply,
    change: Partial<Pick<State, 'cluster' | 'providerState' | 'doubtSince' | 'sent'>> = {},
    from: State = this.state,
  ): Promise<Action> {
    const next = later(from, change);
    const answer: Answer = { at: next.now, cache: from.operator.cache, ...reply };
    const operator = await proceed(this.#subject, next, this.#reconciliation, answer);
    return { ...action, to: { ...next, operator } };
  }
}

async function answerKubernetes(question: Question, asks: Request, stored: Stored): Promise<Action[]> {
  const { state } = question;
  const what = describe(asks);
  const isStored = 'object' in stored;
  const change = {
    cluster: stored.cluster,
    providerState: withAdopted(state.providerState, stored.cluster),
    // Who has a VM on record has no doubt any more.
    doubtSince: isStored && kindOf(asks) === 'record' ? undefined : state.doubtSince,
  };
  const actions = [
    await question.answer(
      {
        kind: isStored ? kindOf(asks) : 'conflict',
        label: `${what}: ${isStored ? 'done' : stored.error}`,
        phase: 'answer',
      },
      isStored ? { value: stored.object } : { error: stored.error },
      change,
    ),
  ];
  if (asks.kind === 'Patch' && isStored) actions.push(...(await underPolicies(question, asks)));
  if (!can(state, 'kubeFault') || asks.kind !== 'Patch') return actions;
  const from = spend(state, 'kubeFault');
  const fault = { kind: 'kubeFault', phase: undefined };
  actions.push(await question.answer({ ...fault, label: `${what}: failed` }, { error: 'Unavailable' }, {}, from));
  if (isStored) {
    const label = `${what}: done, but the answer is a failure`;
    actions.push(await question.answer({ ...fault, label }, { error: 'Timeout' }, change, from));
  }
  return actions;
}

async function underPolicies(question: Question, asks: Extract<Request, { kind: 'Patch' }>): Promise<Action[]> {
  const { state } = question;
  if (!can(state, 'policy')) return [];
  const from = spend(state, 'policy');
  const what = describe(asks);
  const action = { kind: 'policy', phase: undefined };
  const refused = (['Invalid', 'Forbidden'] as const).map((error) =>
    question.answer({ ...action, label: `${what}: a policy refuses it as ${error}` }, { error }, {}, from),
  );
  const altered = Object.entries(policies[asks.subresource ?? 'metadata']).map(([part, policy]) => {
    const stored = patch(state.cluster, asks, policy);
    const reply = 'object' in stored ? { value: stored.object } : { error: stored.error };
    const label = `${what}: a policy leaves ${part} as before`;
    return question.answer({ ...action, label }, reply, { cluster: stored.cluster }, from);
  });
  return Promise.all([...refused, ...altered]);
}

/** A VM that was adopted as the object requests is its own from then on. */
function withAdopted(providerState: ProviderState, { object }: Cluster): ProviderState {
  const identity = object === undefined ? undefined : readIdentity(object);
  if (identity?.kind !== 'Known' || identity.origin !== 'Adopted' || object?.spec.adoption.policy === 'Never')
    return providerState;
  const machine = providerState.machines.find(({ id }) => id === identity.id);
  return machine === undefined || machine.isOurs ? providerState : replace(providerState, { ...machine, isOurs: true });
}

/** A changing call reaches the provider, or does not. */
function answerCall(question: Question, asked: ProviderCall): Promise<Action[]> {
  const { state } = question;
  const call = onRecord(state, asked);
  const what = describe({ kind: 'Call', call });
  const sent = sentBy(state, call);
  const isCreate = call.operation === 'CreateMachine';
  const plain = carryOut(state.providerState, call, { now: state.now + 1 });
  const ways: Promise<Action>[] = [];
  const add = (kind: Action['kind'], result: string, { providerState, outcome }: Effect, from: State): void => {
    const doubt = isCreate ? { doubtSince: isResultKnown(outcome) ? undefined : sent.at } : {};
    const after = isCreate ? { ...providerState, createdWith: call.account } : providerState;
    const action: Omit<Action, 'to'> = {
      kind,
      label: `${what}: ${result}`,
      phase: kind === call.operation ? 'answer' : undefined,
    };
    ways.push(question.answer(action, { value: outcome }, { providerState: after, sent, ...doubt }, from));
  };
  const addManner = (kind: 'lag' | 'guest', result: string, manner: Omit<Manner, 'now'>): void => {
    if (!plain.outcome.ok || !can(state, kind)) return;
    add(kind, result, carryOut(state.providerState, call, { now: state.now + 1, ...manner }), spend(state, kind));
  };

  add(call.operation, plain.outcome.ok ? 'done' : plain.outcome.failure.code, plain, state);
  if (call.operation !== 'DeleteMachine') addManner('lag', 'done, but lists do not show it yet', { lags: true });
  if (call.operation === 'StopMachine') addManner('guest', 'done, but the guest ignores it', { isIgnored: true });
  if (call.operation === 'RestartMachine') addManner('guest', 'done, and over at once', { isIgnored: true });
  if (isCreate && plain.outcome.ok && can(state, 'noId')) {
    add('noId', 'done, but the answer has no id', { ...plain, outcome: succeeded({}) }, spend(state, 'noId'));
  }
  if (isCreate && plain.outcome.ok && can(state, 'refusedEffect')) {
    const outcome = failure(call.operation, 'Terminal', 'Conflict', { status: 409 });
    add('refusedEffect', 'done, but it is refused', { ...plain, outcome }, spend(state, 'refusedEffect'));
  }
  if (can(state, 'refusal')) {
    for (const outcome of refusalsOf(call))
      add('refusal', outcome.failure.code, { providerState: state.providerState, outcome }, spend(state, 'refusal'));
  }
  if (can(state, 'lostAnswer')) {
    const providerState = {
      ...state.providerState,
      adrift: [...state.providerState.adrift, { ...call, sentAt: sent.at }],
    };
    for (const outcome of lossesOf(call))
      add('lostAnswer', outcome.failure.code, { providerState, outcome }, spend(state, 'lostAnswer'));
  }
  return Promise.all(ways);
}

/** Whether the outcome of a create call says for certain what came of it. */
function isResultKnown(outcome: Outcome<unknown>): boolean {
  // `as`: that is what a create call is answered.
  if (outcome.ok) return (outcome.value as CreateResult).id !== undefined;
  return outcome.failure.class !== 'UnknownOutcome' && outcome.failure.code !== 'HtmlResponse';
}

/** A restart is on record, with what it is for, before it is asked for. */
export function onRecord({ cluster }: State, call: ProviderCall): ProviderCall {
  return call.operation === 'RestartMachine'
    ? { ...call, request: cluster.object?.status?.operation?.restartRequest }
    : call;
}

/** The call that the reconciliation in progress sends now. */
export function sentBy(state: State, call: ProviderCall): SentCall {
  return {
    ...call,
    machine: find(state.providerState, call),
    seen: seen(state, call),
    object: state.operator.reconciliation?.object,
    at: state.now,
    doubtSince: state.doubtSince,
  };
}

/** The state of a VM that the reconciliation in progress has: from its list, or from a read. */
function seen({ operator }: State, { account, id }: ProviderCall): SentCall['seen'] {
  const { snapshot, machineRead } = operator.accounts[account] ?? {};
  const listed = snapshot?.machines.find((machine) => machine.id === id);
  const outcome = machineRead?.id === id ? machineRead?.result?.outcome : undefined;
  if (listed !== undefined || outcome?.ok !== true) return listed?.state;
  return outcome.value?.state;
}

/** The ways in which a call certainly has no effect, one of each treatment: see src/provider/http/classify.ts. */
function refusalsOf({ operation }: ProviderCall): readonly ReturnType<typeof failure>[] {
  return [
    failure(operation, 'Retry', 'ConnectFailed'),
    failure(operation, 'Wait', 'RateLimited', { status: 429 }),
    ...(operation === 'CreateMachine'
      ? [failure(operation, 'Terminal', 'PaymentRequired', { status: 402 })]
      : [failure(operation, 'Wait', 'Busy', { status: 406 })]),
  ];
}

/** The ways in which the caller does not learn what came of it: behind a login page a call may have gone through. */
function lossesOf({ operation }: ProviderCall): readonly ReturnType<typeof failure>[] {
  const lost = failure(operation, 'UnknownOutcome', 'ConnectionLost');
  return operation === 'CreateMachine' ? [lost, failure(operation, 'Credentials', 'HtmlResponse')] : [lost];
}
