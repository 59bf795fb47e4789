import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type { KubeClient } from '../../../src/kubernetes/client.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import type { Outcome } from '../../../src/domain/failure.ts';
import type { KeyLookup } from '../../../src/reconcile/credentials.ts';
import type { OwnWrite } from '../../../src/controller/own-write.ts';
import type { ReconcileResult } from '../../../src/controller/workers.ts';
import type { Log } from '../../../src/telemetry/log.ts';
import { ModelAccount } from './account.ts';
import { untried } from './reads.ts';
import type { AccountName, Answer, Operator, Pass, ProviderCall, Remembered, Request, State } from '../state.ts';
import type { Subject } from '../subject.ts';
import { recreateAfter, responseDeadline, stuckAfter, visibilityWindow } from '../time.ts';

/**
 * One reconciliation of the real reconciler (src/reconcile/reconciler.ts: observe, plan, execute, conclude, status) in the middle
 * of which anything may happen. A promise can't be copied, so a reconciliation is run again from its start for each further
 * step, with the answers it has had so far; it then asks its next question, or ends. Nothing it does is kept until
 * it ends, but for what the cache learned of its writes: the world has seen no more of it than its questions.
 */
const key = 'default/web';

export type Begun = Omit<Pass, 'asks'>;

/** The operator when the reconciliation has been answered as far as `pass` says: with `pass.asks` it waits again, without a reconciliation it ended. */
export async function proceed(subject: Subject, state: State, pass: Begun): Promise<Operator> {
  const run = new Run(subject, state, pass);
  const clock: Clock = { now: () => run.now, monotonic: () => run.now, schedule: () => () => {} };
  const reconciler = subject.createReconciler({
    client: run.client,
    clock,
    credentials: {
      lookup: () => Promise.resolve(run.lookup()),
      distrust() {},
    },
    accountFor: (apiKey) => run.accountOf(apiKey.reveal() === 'own' ? 'own' : 'other'),
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
    log: silent,
    random: () => 0.5,
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
  return 'result' in end ? run.endWith(end.result) : run.waitWith(end);
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, with: () => silent };

class Run {
  now: number;
  cache: VirtualMachine | undefined;
  readonly objectStates = new Map<string, object>();
  readonly machineIndex: InstanceType<Subject['MachineIndex']>;
  readonly question: Promise<Request>;
  readonly #subject: Subject;
  readonly #state: State;
  readonly #pass: Begun;
  readonly #accounts = new Map<AccountName, ModelAccount>();
  readonly #ask: (request: Request) => void;
  #position = 0;
  #isWoken: boolean;
  /** Whether it was woken for nothing but this write. */
  #isOnly: ((write: OwnWrite) => boolean) | undefined;

  constructor(subject: Subject, state: State, pass: Begun) {
    const { promise, resolve } = Promise.withResolvers<Request>();
    this.question = promise;
    this.#ask = resolve;
    this.#subject = subject;
    this.#state = state;
    this.#pass = pass;
    this.now = pass.startedAt;
    this.cache = pass.object;
    this.machineIndex = new subject.MachineIndex();
    this.machineIndex.update(key, undefined, pass.object);
    this.#isWoken = state.operator.isDue;
    const { objectState } = state.operator;
    if (objectState !== undefined) this.objectStates.set(key, this.#recall(objectState));
  }

  /** The object's key, as src/reconcile/credentials.ts finds it in a Secret that is watched. */
  lookup(): KeyLookup {
    const { keyOf, version } = this.#pass.secret;
    return keyOf === undefined
      ? { kind: 'Missing', message: 'no Secret', isAbsent: true }
      : { kind: 'Found', apiKey: new this.#subject.Secret(keyOf), version: String(version), isDefault: false };
  }

  accountOf(name: AccountName): ModelAccount {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = new ModelAccount(name, this.#state.operator.accounts[name] ?? untried, {
      subject: this.#subject,
      now: () => this.now,
      wake: () => this.#wake(),
      // `as`: the room answers calls with outcomes.
      call: (call: ProviderCall) => this.#await({ kind: 'Call', call }) as Promise<Outcome<unknown>>,
    });
    this.#accounts.set(name, account);
    return account;
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
    this.#wake((write) => this.#subject.isOnlyOwnWrite(before, after, write));
  }

  /** `stored` in src/operator.ts, with `discard` of src/controller/work-queue.ts. */
  assume(object: VirtualMachine, write: OwnWrite): void {
    this.learn(object);
    if (this.#isOnly?.(write) === true) [this.#isWoken, this.#isOnly] = [false, undefined];
  }

  #wake(isOnly?: (write: OwnWrite) => boolean): void {
    this.#isOnly = this.#isWoken ? undefined : isOnly;
    this.#isWoken = true;
  }

  waitWith(asks: Request): Operator {
    return {
      ...this.#state.operator,
      cache: this.cache,
      isDue: this.#isWoken,
      dueAt: undefined,
      pass: { ...this.#pass, asks },
    };
  }

  endWith(result: ReconcileResult): Operator {
    const { operator } = this.#state;
    const objectState = this.objectStates.get(key);
    const after = 'requeue' in result ? 0 : (result.after ?? ('failed' in result ? 0 : undefined));
    return {
      ...operator,
      cache: this.cache,
      isDue: this.#isWoken || (after !== undefined && after <= 0),
      dueAt: after !== undefined && after > 0 ? this.now + after : undefined,
      objectState: objectState && this.#remember(objectState),
      accounts: {
        ...operator.accounts,
        ...Object.fromEntries([...this.#accounts].map(([name, account]) => [name, account.state])),
      },
      pass: undefined,
    };
  }
  /** The next answer; if there is none yet, the reconciliation stops permanently and another one will have it. */
  #await(request: Request): Promise<unknown> {
    const answer = this.#pass.answers[this.#position];
    if (answer === undefined) {
      this.#ask(request);
      return new Promise(() => {});
    }
    this.#position += 1;
    this.now = answer.at;
    this.#hearOf(answer);
    if ('value' in answer) return Promise.resolve(answer.value);
    return Promise.reject(new this.#subject.KubeError(request.kind, { reason: answer.error }));
  }

  /** What the watch reported during the wait for the answer. */
  #hearOf({ cache }: Answer): void {
    if (cache === undefined) this.cache = undefined;
    else this.learn(cache);
  }

  #remember(objectState: object): Remembered {
    const { Secret } = this.#subject;
    const plain = (value: unknown): unknown => {
      if (value instanceof ModelAccount) return { account: value.name, isReference: true } satisfies Reference;
      if (value instanceof Secret) return { revealed: value.reveal() } satisfies Revealed;
      return mapFields(value, plain);
    };
    // `as`: an object can be asked for its fields.
    return plain(objectState) as Remembered;
  }

  #recall(fields: Remembered): object {
    return Object.assign(new this.#subject.ObjectState('', 0), this.#withAccounts(fields));
  }

  #withAccounts(value: unknown): unknown {
    if (isReference(value)) return this.accountOf(value.account);
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
