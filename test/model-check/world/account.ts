import { type Failure, failed, type Operation, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { Machine, ProviderId } from '../../../src/domain/machine.ts';
import type {
  Account,
  Catalogue,
  ProviderWrite,
  CachedMachine,
  Snapshot,
  TimedRead,
} from '../../../src/provider/account/account.ts';
import type { Absence } from '../../../src/provider/account/absence.ts';
import type { CreateResult, Provider } from '../../../src/provider/provider.ts';
import type { AccountName, AccountState, ProviderCall } from '../state.ts';
import type { Subject } from '../subject.ts';
import { hear, isGateClosed, sawOwner, snapshotOf } from './reads.ts';

/** What the account does within a reconciliation, and to whom. */
export interface AccountWorld {
  readonly subject: Subject;
  now(): number;
  /** Asks the provider, and waits for its answer. */
  call(call: ProviderCall): Promise<Outcome<unknown>>;
  /** The object has something to look at. */
  wake(): void;
}

/** How long a read that failed is answered for again: src/provider/account/polling/machine-reads.ts. */
const failureKeptFor = 5_000;

/**
 * The account as a reconciliation sees it. It stands for src/provider/account/account-core.ts, whose timers and slots no state
 * could hold, and does what that does when there is one object and a slot is free. What it reads by itself are separate steps:
 * reads.ts.
 */
export class ModelAccount implements Account {
  readonly name: AccountName;
  state: AccountState;
  /** Fewer machines than these make no mass. */
  readonly massDisappearance = undefined;
  /** With one object, no other one could wait for the same read. */
  readonly isFirstListDue = false;
  readonly #world: AccountWorld;

  constructor(name: AccountName, state: AccountState, world: AccountWorld) {
    this.name = name;
    this.state = state;
    this.#world = world;
  }

  get credentialStatus(): Account['credentialStatus'] {
    return this.state.verdict;
  }

  get rejection(): Failure | undefined {
    return this.state.rejection;
  }

  get lastFailure(): Failure | undefined {
    return this.state.lastFailure;
  }

  get ownerId(): ProviderId | undefined {
    return this.state.ownerId;
  }

  get emptyLists(): number {
    return this.state.emptySweeps;
  }

  get rateLimitedUntil(): number | undefined {
    return isGateClosed(this.state, this.#world.now()) ? this.state.gateClosedUntil : undefined;
  }

  get snapshot(): Snapshot | undefined {
    const { snapshot } = this.state;
    return snapshot && snapshotOf(this.#world.subject, snapshot);
  }

  /** Only a failed list counts as trouble: the accidents of few calls never come five in a row. */
  readonly isUnavailable = false;

  get callStats(): never {
    throw new Error('the model has no request queue');
  }

  /** Single machines are read for the evidence of their absence only: what else is read is a list. */
  cachedMachine(id: ProviderId): CachedMachine | undefined {
    const { snapshot } = this;
    const machine = snapshot?.byId(id);
    return machine && snapshot && { startedAt: snapshot.startedAt, machine };
  }

  /** `AccountCore.write`, with a free turn: no reconciliation begins while the key is in doubt, which would hold it. */
  async write<T>(
    { machineName: subject }: ProviderWrite,
    call: (provider: Provider) => Promise<Outcome<T>>,
    onGranted?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined> {
    if (this.rejection !== undefined) return failed(this.rejection);
    if (this.rateLimitedUntil !== undefined) return undefined;
    if (onGranted !== undefined && !(await onGranted())) return undefined;
    this.#recordChange(subject, Infinity);
    const outcome = await call(this.#provider());
    this.#recordChange(subject, this.#world.now());
    return outcome;
  }

  lastWriteAt(subject: string): number | undefined {
    return this.state.changes[subject];
  }

  /** `AccountCore.lookUp`, with what `MachineReads.known` and `start` do. */
  readMachine(_key: string, id: ProviderId, notBefore: number): TimedRead<Machine | undefined> | undefined {
    const { lookUp, rejection } = this.state;
    const known = lookUp?.id === id ? lookUp : undefined;
    if (known?.answer !== undefined) {
      const { outcome, answeredAt } = known.answer;
      this.state = { ...this.state, lookUp: { ...known, isOwed: false } };
      const isFresh = outcome.ok ? known.startedAt >= notBefore : this.#world.now() - answeredAt < failureKeptFor;
      if (known.isOwed || isFresh) return { startedAt: known.startedAt, outcome };
    }
    const startedAt = this.#world.now();
    const refusal = rejection ?? (this.rateLimitedUntil === undefined ? undefined : rateLimited);
    if (refusal !== undefined) return { startedAt, outcome: failed({ ...refusal, operation: 'GetMachine' }) };
    if (known === undefined || known.answer !== undefined)
      this.state = { ...this.state, lookUp: { id, startedAt, isOwed: false } };
    return undefined;
  }

  /** A provider without a catalogue: what the spec asks for is right. */
  catalogue(): Outcome<Catalogue> {
    return succeeded({ regions: undefined, packages: undefined, osTemplates: undefined });
  }

  subscribe(_key: string, { name, id }: { readonly name: string; readonly id?: ProviderId | undefined }): void {
    const { followed } = this.state;
    if (followed?.name === name && followed.id === id) return;
    const absence = followed?.id === id ? this.state.absence : undefined;
    this.state = { ...this.state, followed: { name, id, since: this.#world.now() }, absence };
  }

  subscribedSince(): number | undefined {
    return this.state.followed?.since;
  }

  absenceOf(id: ProviderId): Absence | undefined {
    const { followed, absence } = this.state;
    if (absence === undefined || followed?.id !== id) return undefined;
    return { since: absence.absentSince, lists: absence.absentLists };
  }

  /** One object never waits for others. */
  readonly recreations = { dueAt: () => this.#world.now(), reserve: () => this.#world.now(), use: () => true };

  massDisappearanceOf(): undefined {
    return undefined;
  }

  /** The interval of lists is decided by the steps: every tick has one at least. */
  setFastPolling(): void {}

  requestList(_key: string, after: number): void {
    const from = Number.isFinite(after) ? after : this.#world.now();
    const { snapshot, wantedAt } = this.state;
    if (snapshot !== undefined && snapshot.startedAt >= from) this.#world.wake();
    else this.state = { ...this.state, wantedAt: Math.min(from, wantedAt ?? Infinity) };
  }

  requestMachine(key: string, after: number): void {
    this.requestList(key, after);
  }

  /** No other process can send it. */
  keyedHash(text: string): string {
    return `${this.name} ${text}`;
  }

  /** Every tick has a list that judges the key. */
  retryKey(): void {}

  unsubscribe(): void {
    this.state = { ...this.state, followed: undefined, wantedAt: undefined, lookUp: undefined, absence: undefined };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  #recordChange(subject: string, at: number): void {
    this.state = { ...this.state, changes: { ...this.state.changes, [subject]: at } };
  }

  async #call(operation: Operation, target: Pick<ProviderCall, 'id' | 'name'>): Promise<Outcome<unknown>> {
    const outcome = await this.#world.call({ operation, account: this.name, ...target });
    const heard = hear(this.state, outcome, this.#world.now());
    this.state = heard.account;
    if (heard.isWoken) this.#world.wake();
    return outcome;
  }

  #provider(): Provider {
    // `as`: the room answers each call with what the port says of it.
    return {
      createMachine: async ({ name }) => {
        const outcome = (await this.#call('CreateMachine', { name })) as Outcome<CreateResult>;
        if (outcome.ok) this.state = sawOwner(this.state, outcome.value.machine);
        return outcome;
      },
      deleteMachine: (id) => this.#call('DeleteMachine', { id }) as Promise<Outcome<'Accepted' | 'NotFound'>>,
      startMachine: (id) => this.#call('StartMachine', { id }) as Promise<Outcome<void>>,
      stopMachine: (id) => this.#call('StopMachine', { id }) as Promise<Outcome<void>>,
      restartMachine: (id) => this.#call('RestartMachine', { id }) as Promise<Outcome<void>>,
      killMachine: (id) => this.#call('KillMachine', { id }) as Promise<Outcome<void>>,
      listMachines: nobodyReads,
      getMachine: nobodyReads,
      listRegions: nobodyReads,
      listPackages: nobodyReads,
      listOsTemplates: nobodyReads,
    };
  }
}

const rateLimited: Failure = { operation: 'GetMachine', class: 'Wait', code: 'RateLimited', text: '' };

/** The sender of a write gets a provider from which only the account reads. */
function nobodyReads(): never {
  throw new Error('only the account reads');
}
