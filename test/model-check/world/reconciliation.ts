import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../../src/kubernetes/client.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import type { Outcome } from '../../../src/domain/failure.ts';
import type { KeyLookup } from '../../../src/reconcile/credentials.ts';
import type { OwnWrite } from '../../../src/controller/own-write.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { ReconcileResult } from '../../../src/controller/workers.ts';
import { type AccountWorld, objectKey as key, RunningAccount, settled } from './account.ts';
import type {
  AccountName,
  AccountState,
  Answer,
  Operator,
  Reconciliation,
  Remembered,
  Request,
  State,
} from '../state.ts';
import type { Subject } from '../subject.ts';
import { recreateAfter, responseDeadline, stuckAfter, visibilityWindow } from '../time.ts';

/**
 * One reconciliation of the real reconciler (src/reconcile/reconciler.ts: observe, plan, execute, conclude, status) in the middle
 * of which anything may happen. A promise can't be copied, so only the first answer to a question continues the run that asked
 * it. For each other one the reconciliation is run again from its start, with the answers it has had so far; it then asks its
 * next question, or ends. Nothing it does is kept until it ends, but for what the cache learned of its writes: the world has
 * seen no more of it than its questions.
 */
type Begun = Omit<Reconciliation, 'asks'>;

/** The operator after the worker has taken the object: the reconciliation asks its first question (`reconciliation.asks`), or has ended. */
export async function begin(
  subject: Subject,
  state: State,
  { startedAt, object, secret }: Omit<Begun, 'answers'>,
): Promise<Operator> {
  const run = new Run(subject, state, { startedAt, object, secret, answers: [] });
  await run.start();
  return run.report(state);
}

/** Reconciliations that wait for an answer, and are yet to be continued. */
const waiting = new WeakMap<Reconciliation, Run>();

/** The operator after the answer to the question of its reconciliation: it asks the next one, or has ended. */
export async function proceed(
  subject: Subject,
  state: State,
  reconciliation: Reconciliation,
  answer: Answer,
): Promise<Operator> {
  const run = waiting.get(reconciliation);
  waiting.delete(reconciliation);
  if (run !== undefined) {
    run.resume(state, answer);
    return run.report(state);
  }
  const { asks: _, ...begun } = reconciliation;
  const again = new Run(subject, state, { ...begun, answers: [...begun.answers, answer] });
  await again.start();
  return again.report(state);
}

class Run {
  now: number;
  cache: VirtualMachine | undefined;
  readonly #objectStates = new Map<string, object>();
  readonly #machineIndex: InstanceType<Subject['MachineIndex']>;
  readonly #subject: Subject;
  readonly #begun: Pick<Begun, 'startedAt' | 'object' | 'secret'>;
  readonly #answers: Answer[];
  readonly #accounts = new Map<AccountName, RunningAccount>();
  /** The operator when the worker took the object. */
  readonly #before: Operator;
  #position = 0;
  #asked = Promise.withResolvers<Request>();
  #ended: Promise<ReconcileResult> = new Promise(() => {});
  /** Answers the last question. */
  #answer: (() => void) | undefined;
  #isRequeued: boolean;
  /** Whether it was requeued for nothing but this write. */
  #isOnly: ((write: OwnWrite) => boolean) | undefined;

  constructor(subject: Subject, { operator }: State, { answers, ...begun }: Begun) {
    this.#subject = subject;
    this.#before = operator;
    this.#begun = begun;
    this.#answers = [...answers];
    this.now = begun.startedAt;
    this.cache = begun.object;
    this.#machineIndex = new subject.MachineIndex();
    this.#machineIndex.update(key, undefined, begun.object);
    this.#isRequeued = operator.isDue;
  }

  async start(): Promise<void> {
    const { objectState, accounts } = this.#before;
    // `as`: those are the names of the accounts.
    for (const [name, before] of Object.entries(accounts) as [AccountName, AccountState][])
      this.#accounts.set(name, await RunningAccount.restore(name, before, this.#world));
    if (objectState !== undefined) this.#objectStates.set(key, this.#recall(objectState));
    this.#ended = this.#reconciler()
      .reconcile(key, (wait) => wait)
      .catch((error: unknown) => {
        if (!(error instanceof this.#subject.KubeError)) throw error;
        // The workers come back after some milliseconds.
        return { failed: true };
      });
  }

  /** The question that the run waits with is answered. */
  resume({ operator }: State, answer: Answer): void {
    // A run from the start would be requeued from the start, and by more than its write.
    if (operator.isDue) [this.#isRequeued, this.#isOnly] = [true, undefined];
    this.#answers.push(answer);
    this.#asked = Promise.withResolvers();
    this.#answer?.();
  }

  /** The operator when the run asks its next question, or has ended. */
  async report({ operator }: State): Promise<Operator> {
    const end = await Promise.race([this.#ended.then((result) => ({ result })), this.#asked.promise]);
    // The account requeues the object a moment later.
    await settled();
    return 'result' in end ? this.#endWith(operator, end.result) : this.#waitWith(operator, end);
  }

  #reconciler(): ReturnType<Subject['createReconciler']> {
    const subject = this.#subject;
    const clock: Clock = { now: () => this.now, monotonic: () => this.now, schedule: () => () => {} };
    return subject.createReconciler({
      client: this.#client,
      clock,
      credentials: {
        lookup: () => Promise.resolve(this.#lookup()),
        distrust() {},
      },
      accountFor: (apiKey) => this.#accountOf(apiKey.reveal() === 'own' ? 'own' : 'other').account,
      machineIndex: this.#machineIndex,
      quota: new subject.NamespaceQuota({ limit: 0, accountOf: () => undefined, watch: () => () => false }),
      accountLimits: {
        of: () => undefined,
        pausedBy: () => undefined,
        isKnown: true,
        reserve: () => true,
        release() {},
        wait() {},
      },
      deletionRate: new subject.DeletionRate(clock, 0),
      limits: { stuckAfter, visibilityWindow, recreateAfter, callDeadline: responseDeadline, orphanCandidates: 'Hold' },
      mayOrphan: () => true,
      leadingSince: () => this.#before.leadingSince,
      fence: () => true,
      events: { record() {} },
      ownership: { annotation: {}, ensureOwned: () => Promise.resolve(true), leave: () => Promise.resolve() },
      isInScope: () => true,
      reactionLatency: { observeCall() {}, cancel() {} },
      log: silentLog,
      random: () => 0.5,
      isApiServerReady: () => true,
      cache: { get: () => this.cache, assume: (object, write) => this.#assume(object, write) },
      objectOf: () => this.cache,
      objectStates: this.#objectStates,
    });
  }

  /** The object's key, as src/reconcile/credentials.ts finds it in a Secret that is watched. */
  #lookup(): KeyLookup {
    const { keyOf, version } = this.#begun.secret;
    return keyOf === undefined
      ? { kind: 'Missing', message: 'no Secret', isAbsent: true }
      : { kind: 'Found', apiKey: new this.#subject.Secret(keyOf), version: String(version), isDefault: false };
  }

  #accountOf(name: AccountName): RunningAccount {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = RunningAccount.create(name, this.#world);
    this.#accounts.set(name, account);
    return account;
  }

  get #world(): AccountWorld {
    return {
      subject: this.#subject,
      now: () => this.now,
      wake: () => this.#requeue(),
      // `as`: the provider of the model answers calls with outcomes.
      call: (call) => this.#await({ kind: 'Call', call }) as Promise<Outcome<unknown>>,
    };
  }

  /** Of the Kubernetes API a reconciliation uses these two calls, and only for the object. */
  get #client(): KubeClient {
    const client: Pick<KubeClient, 'get' | 'patch'> = {
      get: () => this.#await({ kind: 'Read' }),
      patch: (_resource, _ref, { body, subresource }) => this.#await({ kind: 'Patch', subresource, body }),
    };
    // `as`: the rest is for the exploration.
    return client as KubeClient;
  }

  /** `Store.apply` or `assume` of src/kubernetes/cache/store.ts, with `queue.add` in src/controller/event-handlers.ts. */
  #learn(object: unknown): void {
    // `as`: it comes from the cluster.
    const [before, after] = [this.cache, object as VirtualMachine];
    if (before === undefined || versionOf(after) <= versionOf(before)) return;
    this.cache = after;
    this.#requeue((write) => this.#subject.isOnlyOwnWrite(before, after, write));
  }

  /** `stored` in src/virtual-machine-controller.ts, with `discard` of src/controller/work-queue.ts. */
  #assume(object: VirtualMachine, write: OwnWrite): void {
    this.#learn(object);
    if (this.#isOnly?.(write) === true) [this.#isRequeued, this.#isOnly] = [false, undefined];
  }

  #requeue(isOnly?: (write: OwnWrite) => boolean): void {
    this.#isOnly = this.#isRequeued ? undefined : isOnly;
    this.#isRequeued = true;
  }

  #waitWith(operator: Operator, asks: Request): Operator {
    const reconciliation: Reconciliation = { ...this.#begun, answers: [...this.#answers], asks };
    waiting.set(reconciliation, this);
    return { ...operator, cache: this.cache, isDue: this.#isRequeued, dueAt: undefined, reconciliation };
  }

  #endWith(operator: Operator, result: ReconcileResult): Operator {
    const objectState = this.#objectStates.get(key);
    const after = 'requeue' in result ? 0 : (result.after ?? ('failed' in result ? 0 : undefined));
    return {
      ...operator,
      cache: this.cache,
      isDue: this.#isRequeued || (after !== undefined && after <= 0),
      dueAt: after !== undefined && after > 0 ? this.now + after : undefined,
      objectState: objectState && this.#remember(objectState),
      accounts: {
        ...operator.accounts,
        ...Object.fromEntries([...this.#accounts].map(([name, account]) => [name, account.save()])),
      },
      reconciliation: undefined,
    };
  }

  /** The next answer, as soon as there is one. */
  async #await(request: Request): Promise<unknown> {
    if (this.#position === this.#answers.length) {
      const answered = Promise.withResolvers<void>();
      this.#answer = answered.resolve;
      this.#asked.resolve(request);
      await answered.promise;
    }
    const answer = this.#answers[this.#position];
    if (answer === undefined) throw new Error('no answer');
    this.#position += 1;
    this.now = answer.at;
    this.#recordWatch(answer);
    if ('value' in answer) return answer.value;
    throw new this.#subject.KubeError(request.kind, { reason: answer.error });
  }

  /** What the watch reported during the wait for the answer. */
  #recordWatch({ cache }: Answer): void {
    if (cache === undefined) this.cache = undefined;
    else this.#learn(cache);
  }

  #remember(objectState: object): Remembered {
    const { Secret } = this.#subject;
    const plain = (value: unknown): unknown => {
      const account = [...this.#accounts.values()].find((known) => known.account === value);
      if (account !== undefined) return { account: account.name, isReference: true } satisfies Reference;
      if (value instanceof Secret) return { revealed: value.reveal() } satisfies Revealed;
      return mapFields(value, plain);
    };
    // No other writer replaces statuses in the model, and the hashes of those written would tell states apart.
    // `as`: an object can be asked for its fields.
    return plain({ ...objectState, rewrites: undefined }) as Remembered;
  }

  #recall(fields: Remembered): object {
    return Object.assign(new this.#subject.ObjectState('', 0), this.#withAccounts(fields));
  }

  #withAccounts(value: unknown): unknown {
    if (isReference(value)) return this.#accountOf(value.account).account;
    if (isRevealed(value)) return new this.#subject.Secret(value.revealed);
    return mapFields(value, (field) => this.#withAccounts(field));
  }
}

interface Reference {
  readonly account: AccountName;
  readonly isReference: true;
}

function isReference(value: unknown): value is Reference {
  return typeof value === 'object' && value !== null && 'isReference' in value;
}

/** An API key: its class hides it from code that copies fields. */
interface Revealed {
  readonly revealed: string;
}

function isRevealed(value: unknown): value is Revealed {
  return typeof value === 'object' && value !== null && 'revealed' in value;
}

/** A copy with every field mapped; a value without fields as it is. */
function mapFields(value: unknown, map: (field: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(map);
  if (value instanceof Set) return new Set([...value].map(map));
  if (typeof value !== 'object' || value === null) return value;
  const mapped: Record<string, unknown> = {};
  // `as`: any object can be asked for its properties.
  for (const name of Object.keys(value)) mapped[name] = map((value as Readonly<Record<string, unknown>>)[name]);
  return mapped;
}

function versionOf({ metadata }: VirtualMachine): number {
  return Number(metadata.resourceVersion);
}
