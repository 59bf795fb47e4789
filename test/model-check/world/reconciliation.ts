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
 * of which anything may happen. A promise can't be copied, so a reconciliation is run again from its start for each further
 * step, with the answers it has had so far; it then asks its next question, or ends. Nothing it does is kept until
 * it ends, but for what the cache learned of its writes: the world has seen no more of it than its questions.
 */
export type Begun = Omit<Reconciliation, 'asks'>;

/** The operator once the reconciliation has had its answers: it asks the next question (`reconciliation.asks`), or has ended. */
export async function proceed(subject: Subject, state: State, begun: Begun): Promise<Operator> {
  const run = new Run(subject, state, begun);
  await run.restore();
  const clock: Clock = { now: () => run.now, monotonic: () => run.now, schedule: () => () => {} };
  const reconciler = subject.createReconciler({
    client: run.client,
    clock,
    credentials: {
      lookup: () => Promise.resolve(run.lookup()),
      distrust() {},
    },
    accountFor: (apiKey) => run.accountOf(apiKey.reveal() === 'own' ? 'own' : 'other').account,
    machineIndex: run.machineIndex,
    quota: new subject.NamespaceQuota({ limit: 0, accountOf: () => undefined, watch: () => () => false }),
    deletionRate: new subject.DeletionRate(clock, 0),
    limits: { stuckAfter, visibilityWindow, recreateAfter, callDeadline: responseDeadline, orphanCandidates: 'Hold' },
    mayOrphan: () => true,
    leadingSince: () => state.operator.leadingSince,
    fence: () => true,
    events: { record() {} },
    ownership: { annotation: {}, ensureOwned: () => Promise.resolve(true), leave: () => Promise.resolve() },
    isInScope: () => true,
    reactionLatency: { observeCall() {}, cancel() {} },
    log: silentLog,
    random: () => 0.5,
    isApiServerReady: () => true,
    cache: { get: () => run.cache, assume: (object, write) => run.assume(object, write) },
    objectOf: () => run.cache,
    objectStates: run.objectStates,
  });
  const ended = reconciler
    .reconcile(key, (wait) => wait)
    .then(
      (result) => ({ result }),
      (error: unknown) => {
        if (!(error instanceof subject.KubeError)) throw error;
        // The workers come back after some milliseconds.
        return { result: { failed: true } as const };
      },
    );
  const end = await Promise.race([ended, run.question]);
  // The account requeues the object a moment later.
  await settled();
  return 'result' in end ? run.endWith(end.result) : run.waitWith(end);
}

class Run {
  now: number;
  cache: VirtualMachine | undefined;
  readonly objectStates = new Map<string, object>();
  readonly machineIndex: InstanceType<Subject['MachineIndex']>;
  readonly question: Promise<Request>;
  readonly #subject: Subject;
  readonly #state: State;
  readonly #begun: Begun;
  readonly #accounts = new Map<AccountName, RunningAccount>();
  readonly #ask: (request: Request) => void;
  #position = 0;
  #isRequeued: boolean;
  /** Whether it was requeued for nothing but this write. */
  #isOnly: ((write: OwnWrite) => boolean) | undefined;

  constructor(subject: Subject, state: State, begun: Begun) {
    const { promise, resolve } = Promise.withResolvers<Request>();
    this.question = promise;
    this.#ask = resolve;
    this.#subject = subject;
    this.#state = state;
    this.#begun = begun;
    this.now = begun.startedAt;
    this.cache = begun.object;
    this.machineIndex = new subject.MachineIndex();
    this.machineIndex.update(key, undefined, begun.object);
    this.#isRequeued = state.operator.isDue;
  }

  async restore(): Promise<void> {
    const { objectState, accounts } = this.#state.operator;
    // `as`: those are the names of the accounts.
    for (const [name, before] of Object.entries(accounts) as [AccountName, AccountState][])
      this.#accounts.set(name, await RunningAccount.restore(name, before, this.#world));
    if (objectState !== undefined) this.objectStates.set(key, this.#recall(objectState));
  }

  /** The object's key, as src/reconcile/credentials.ts finds it in a Secret that is watched. */
  lookup(): KeyLookup {
    const { keyOf, version } = this.#begun.secret;
    return keyOf === undefined
      ? { kind: 'Missing', message: 'no Secret', isAbsent: true }
      : { kind: 'Found', apiKey: new this.#subject.Secret(keyOf), version: String(version), isDefault: false };
  }

  accountOf(name: AccountName): RunningAccount {
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
  get client(): KubeClient {
    const client: Pick<KubeClient, 'get' | 'patch'> = {
      get: () => this.#await({ kind: 'Read' }),
      patch: (_resource, _ref, { body, subresource }) => this.#await({ kind: 'Patch', subresource, body }),
    };
    // `as`: the rest is for the exploration.
    return client as KubeClient;
  }

  /** `Store.apply` or `assume` of src/kubernetes/cache/store.ts, with `queue.add` in src/controller/event-handlers.ts. */
  learn(object: unknown): void {
    // `as`: it comes from the cluster.
    const [before, after] = [this.cache, object as VirtualMachine];
    if (before === undefined || versionOf(after) <= versionOf(before)) return;
    this.cache = after;
    this.#requeue((write) => this.#subject.isOnlyOwnWrite(before, after, write));
  }

  /** `stored` in src/virtual-machine-controller.ts, with `discard` of src/controller/work-queue.ts. */
  assume(object: VirtualMachine, write: OwnWrite): void {
    this.learn(object);
    if (this.#isOnly?.(write) === true) [this.#isRequeued, this.#isOnly] = [false, undefined];
  }

  #requeue(isOnly?: (write: OwnWrite) => boolean): void {
    this.#isOnly = this.#isRequeued ? undefined : isOnly;
    this.#isRequeued = true;
  }

  waitWith(asks: Request): Operator {
    return {
      ...this.#state.operator,
      cache: this.cache,
      isDue: this.#isRequeued,
      dueAt: undefined,
      reconciliation: { ...this.#begun, asks },
    };
  }

  endWith(result: ReconcileResult): Operator {
    const { operator } = this.#state;
    const objectState = this.objectStates.get(key);
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
  /** The next answer; if there is none yet, the reconciliation stops permanently and another one will have it. */
  #await(request: Request): Promise<unknown> {
    const answer = this.#begun.answers[this.#position];
    if (answer === undefined) {
      this.#ask(request);
      return new Promise(() => {});
    }
    this.#position += 1;
    this.now = answer.at;
    this.#recordWatch(answer);
    if ('value' in answer) return Promise.resolve(answer.value);
    return Promise.reject(new this.#subject.KubeError(request.kind, { reason: answer.error }));
  }

  /** What the watch reported during the wait for the answer. */
  #recordWatch({ cache }: Answer): void {
    if (cache === undefined) this.cache = undefined;
    else this.learn(cache);
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
    if (isReference(value)) return this.accountOf(value.account).account;
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
