import type { Clock } from '../../domain/clock.ts';
import { type Failure, failed, type Outcome } from '../../domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../provider.ts';
import type { Absence } from './absence.ts';
import type { AccountOptions } from './account-options.ts';
import type {
  Account,
  Catalog,
  ProviderWrite,
  MassDisappearance,
  CachedMachine,
  Snapshot,
  TimedRead,
  RegisteredAccount,
} from './account.ts';
import { CatalogCache, readCatalog } from './catalog-cache.ts';
import { WriteTracker } from './write-tracker.ts';
import { reportUnreadable } from './report-unreadable.ts';
import { Subscriptions } from './subscriptions.ts';
import { CredentialStatus } from './credential-status.ts';
import { observeCalls } from './observed-provider.ts';
import { MachineReads } from './polling/machine-reads.ts';
import { DisappearanceGuard } from './disappearance-guard.ts';
import { defaultAccountSettings } from './polling/poll-schedule.ts';
import { Poller } from './polling/poller.ts';
import type { KeyProbes } from './polling/key-probes.ts';
import { RecreationRate } from './admission/recreation-rate.ts';
import { MachineCache } from './machine-cache.ts';
import { CallAdmission, type CallStats } from './admission/call-admission.ts';

/** The flow of the account's own reads. No key or namespace is empty, so it is unique. */
const accountFlow = '';

export const createAccount = (options: AccountOptions): RegisteredAccount => new AccountCore(options);

/**
 * The parts of an account, and what each response means to all of them: when to read (`Poller`), whether a call may be sent
 * (`CallAdmission`), the last seen state (`MachineCache`), which keys it concerns (`Subscriptions`), what is missing
 * (`DisappearanceGuard`), and whether the key is accepted (`CredentialStatus`).
 */
class AccountCore implements RegisteredAccount {
  lastFailure: Failure | undefined;
  ownerId: ProviderId | undefined;
  emptyLists = 0;
  readonly recreations: RecreationRate;

  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: (key: string) => void;
  readonly #onSnapshot: ((snapshot: Snapshot) => void) | undefined;
  readonly #provider: Provider;
  readonly #subscriptions = new Subscriptions();
  readonly #machines = new MachineCache();
  readonly #credential: CredentialStatus;
  readonly #writes: WriteTracker;
  readonly #disappearances: DisappearanceGuard;
  readonly #admission: CallAdmission;
  readonly #poller: Poller;
  readonly #machineReads: MachineReads;
  readonly #catalog: CatalogCache;
  readonly #abort = new AbortController();
  readonly keyedHash: (text: string) => string;

  constructor(options: AccountOptions) {
    const { clock, log, random } = options;
    this.keyedHash = options.keyedHash;
    const settings = { ...defaultAccountSettings, ...options.settings };
    this.#clock = clock;
    this.#log = log;
    this.#credential = new CredentialStatus(options.onAccepted);
    this.#wake = options.wake;
    this.#onSnapshot = options.onSnapshot;
    this.#writes = new WriteTracker(clock);
    this.recreations = new RecreationRate(clock, settings.recreationIntervalMs);
    this.#disappearances = new DisappearanceGuard(this.#subscriptions, this.#writes, log);
    this.#admission = new CallAdmission({
      clock,
      log,
      random,
      limits: settings,
      listsOnly: () => this.#credential.suspectedAt !== undefined,
    });
    this.#provider = observeCalls(options.provider, {
      onCall: (outcome) => this.#onCall(outcome),
      onOwner: (ownerId) => (this.ownerId ??= ownerId),
      deleteSent: (id) => this.#disappearances.deleteSent(id),
      deleteFailed: (id) => this.#disappearances.deleteFailed(id),
    });
    this.#poller = new Poller({
      clock,
      random,
      settings,
      subscriptions: this.#subscriptions,
      needs: () => ({
        isRejected: this.credentialStatus === 'Rejected',
        rejections: this.#credential.rejections,
        retryAt: this.#credential.retryAt,
        rateLimitedUntil: this.#admission.pausedUntil,
        nextProbeAt: this.#admission.nextProbeAt,
        suspectedAt: this.#credential.suspectedAt,
      }),
      size: () => ({
        rows: (this.snapshot?.machines.length ?? 0) + (this.snapshot?.unreadable.size ?? 0),
        ratePerSecond: this.#admission.rate,
      }),
      list: () => this.#listMachines(options.keyProbes),
      onList: (list) => this.#onList(list),
      read: (id) => this.#pollMachine(id),
    });
    const readFor = (id: ProviderId, key: string) => this.#getMachine(id, this.#subscriptions.groupOf(key));
    this.#machineReads = new MachineReads(clock, readFor, options.wake);
    this.#catalog = new CatalogCache(
      clock,
      () => readCatalog(this.#provider, (read) => this.#readForCatalog(read)),
      (keys) => this.#wakeAll(keys),
    );
  }

  get credentialStatus(): Account['credentialStatus'] {
    return this.#credential.status;
  }

  get rejection(): Failure | undefined {
    return this.#credential.rejection;
  }

  get rateLimitedUntil(): number | undefined {
    return this.#admission.pausedUntil;
  }

  get isUnavailable(): boolean {
    return this.#admission.nextProbeAt !== undefined;
  }

  get callStats(): CallStats {
    return this.#admission.stats;
  }

  get snapshot(): Snapshot | undefined {
    return this.#machines.snapshot;
  }

  get isFirstListDue(): boolean {
    return this.snapshot === undefined && this.lastFailure === undefined;
  }

  get massDisappearance(): MassDisappearance | undefined {
    return this.#disappearances.massDisappearance;
  }

  get subscriberCount(): number {
    return this.#subscriptions.size;
  }

  hasSubscribersIn(group: string): boolean {
    return this.#subscriptions.hasGroup(group);
  }

  cachedMachine(id: ProviderId): CachedMachine | undefined {
    return this.#machines.get(id);
  }

  write<T>(
    { machineName, priority, flow, signal }: ProviderWrite,
    call: (provider: Provider) => Promise<Outcome<T>>,
    beforeCall?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined> {
    return this.#writes.serialize(machineName, async () => {
      const refused = (): Outcome<T> | undefined => this.rejection && failed(this.rejection);
      if (this.#refusal() !== undefined) return refused();
      const inSlot = async (): Promise<{ readonly outcome: Outcome<T> | undefined }> => {
        try {
          if (beforeCall !== undefined && !(await beforeCall())) return { outcome: undefined };
          return { outcome: await this.#writes.track(machineName, () => call(this.#provider)) };
        } finally {
          this.#poller.resetInterval();
        }
      };
      const result = await this.#admission.schedule(priority, flow, inSlot, signal);
      return result === undefined ? refused() : result.outcome;
    });
  }

  lastWriteAt(machineName: string): number | undefined {
    return this.#writes.lastWriteAt(machineName);
  }

  readMachine(key: string, id: ProviderId, notBefore: number): TimedRead<Machine | undefined> | undefined {
    // Stopped: a canceled read says nothing about the VM.
    if (this.#abort.signal.aborted) return undefined;
    const known = this.#machineReads.known(key, id, notBefore);
    if (known !== undefined) return known;
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      return { startedAt: this.#clock.monotonic(), outcome: failed({ ...refusal, operation: 'GetMachine' }) };
    }
    this.#machineReads.start(key, id);
    return undefined;
  }

  catalog(key: string): Outcome<Catalog> | undefined {
    if (this.#abort.signal.aborted) return undefined;
    const known = this.#catalog.fresh;
    if (known !== undefined) return known;
    const refusal = this.#refusal();
    if (refusal !== undefined) return failed({ ...refusal, operation: 'ListRegions' });
    this.#catalog.start(key);
    return undefined;
  }

  subscribe(key: string, target: Parameters<Account['subscribe']>[1]): void {
    const isFirst = this.#subscriptions.size === 0;
    this.#subscriptions.subscribe(key, target, this.#clock.monotonic());
    if (isFirst) this.#poller.schedule();
  }

  subscribedSince(key: string): number | undefined {
    return this.#subscriptions.subscribedSince(key);
  }

  absenceOf(id: ProviderId): Absence | undefined {
    return this.#disappearances.absenceOf(id);
  }

  massDisappearanceOf(id: ProviderId): MassDisappearance | undefined {
    return this.#disappearances.massDisappearanceOf(id);
  }

  setFastPolling(key: string, isFast: boolean): void {
    this.#poller.setFastPolling(key, isFast);
  }

  requestList(key: string, after: number): void {
    const from = this.#reachableTime(after);
    if (this.snapshot !== undefined && this.snapshot.startedAt >= from) queueMicrotask(() => this.#wake(key));
    else this.#poller.requestList(key, from);
  }

  requestMachine(key: string, after: number): void {
    const from = this.#reachableTime(after);
    const id = this.#subscriptions.idOf(key);
    const seen = id === undefined ? undefined : this.cachedMachine(id);
    if (seen !== undefined && seen.startedAt >= from) queueMicrotask(() => this.#wake(key));
    else this.#poller.requestMachine(key, from);
  }

  retryKey(): void {
    if (this.credentialStatus !== 'Rejected' || this.#credential.retryAt !== undefined) return;
    this.#credential.retryAt = this.#clock.monotonic();
    this.#poller.schedule();
  }

  unsubscribe(key: string): void {
    this.#subscriptions.unsubscribe(key);
    this.#machineReads.forget(key);
    this.#catalog.forget(key);
    this.#poller.forget(key);
    this.recreations.forget(key);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#poller.stop();
    await this.#admission.stop();
  }

  /** `Infinity` means that a write is in flight: any read from now on is recent enough to reconcile again. */
  #reachableTime(after: number): number {
    return Number.isFinite(after) ? after : this.#clock.monotonic();
  }

  /** Makes a read once it has a slot; undefined if it gets none. */
  #timedRead<T>(
    priority: 'Read' | 'List',
    flow: string,
    read: () => Promise<Outcome<T>>,
  ): Promise<TimedRead<T> | undefined> {
    return this.#admission.schedule(priority, flow, async () => {
      const startedAt = this.#clock.monotonic();
      return { startedAt, outcome: await read() };
    });
  }

  /** Lists for keys that were never accepted share few slots: a tenant may store many invalid keys. */
  #listMachines(keyProbes: KeyProbes | undefined): Promise<TimedRead<readonly ListedMachine[]> | undefined> {
    const read = () => this.#timedRead('List', accountFlow, () => this.#provider.listMachines(this.#abort.signal));
    if (keyProbes === undefined || this.credentialStatus === 'Accepted') return read();
    const [group = accountFlow] = this.#subscriptions.groups();
    return keyProbes.run(read, group, () => !this.#abort.signal.aborted && this.#subscriptions.size > 0);
  }

  async #getMachine(id: ProviderId, flow: string): Promise<TimedRead<Machine | undefined> | undefined> {
    const read = await this.#timedRead('Read', flow, () => this.#provider.getMachine(id, this.#abort.signal));
    if (read?.outcome.ok === true && read.outcome.value !== undefined) this.#disappearances.machineRead(id);
    return read;
  }

  async #readForCatalog<T>(read: (signal: AbortSignal) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const answer = await this.#timedRead('Read', accountFlow, () => read(this.#abort.signal));
    // Rejected because of the present refusal, or because the account is stopped.
    const refusal = this.#refusal() ?? { class: 'Retry', code: 'Canceled', text: '' };
    return answer?.outcome ?? failed({ ...refusal, operation: 'ListRegions' });
  }

  /** Reads a single machine instead of a list. */
  async #pollMachine(id: ProviderId): Promise<void> {
    const read = await this.#getMachine(id, accountFlow);
    if (read === undefined || this.#abort.signal.aborted) return;
    const { startedAt, outcome } = read;
    const keys = this.#subscriptions.of({ ids: new Set([id]), names: new Set() });
    if (!outcome.ok || outcome.value === undefined) {
      for (const key of keys) this.#poller.fallBackToList(key, startedAt);
      return;
    }
    const diff = this.#machines.upsert(startedAt, outcome.value);
    if (diff.ids.size > 0) this.#poller.resetInterval();
    const waiting = [...keys].filter((key) => this.#poller.takeWaiter(key, startedAt));
    this.#wakeAll(new Set([...waiting, ...this.#subscriptions.of(diff)]));
  }

  /** Why no call is sent. A list is sent nevertheless, because it shows whether that changed. */
  #refusal(): Failure | undefined {
    return this.rejection ?? this.#admission.refusal;
  }

  /** Records the result of a single call. If it was refused for its key, a list has to confirm that. */
  #onCall(outcome: Outcome<unknown>): void {
    if (this.#abort.signal.aborted) return;
    if (this.#credential.onCall(outcome, this.#clock.monotonic())) {
      this.#reportCredentialStatus();
      this.#wakeAll(this.#subscriptions.keys());
    }
    this.#admission.record(outcome);
    // A suspected key, a rate-limit pause and an open circuit breaker each change when the next list is due.
    if (!outcome.ok) this.#poller.schedule();
  }

  #onList({ startedAt, outcome }: TimedRead<readonly ListedMachine[]>): void {
    const wasSuspected = this.#credential.suspectedAt !== undefined;
    const isNew = this.#credential.onList(startedAt, outcome);
    this.#admission.recordList(outcome);
    if (isNew) this.#reportCredentialStatus();
    // Without a good list the time of the next one is unknown: waiting calls are rejected, and their objects requeued.
    if (outcome.ok) this.#admission.dispatch();
    else if (wasSuspected) this.#admission.rejectWaiting();
    const keys = outcome.ok ? this.#onListed(startedAt, outcome.value) : this.#onListFailed(outcome.failure);
    // Each key once: a second wake is another reconciliation that finds nothing new.
    this.#wakeAll(isNew ? new Set([...keys, ...this.#subscriptions.keys()]) : keys);
  }

  #reportCredentialStatus(): void {
    const failure = this.rejection;
    if (failure === undefined) return this.#log.info('Provider accepted API key');
    this.#log.warn('Provider rejected API key', { failure });
    this.#admission.rejectWaiting();
  }

  /** Stores a new list and returns the keys to wake. */
  #onListed(startedAt: number, machines: readonly ListedMachine[]): ReadonlySet<string> {
    const before = this.snapshot;
    const diff = this.#machines.replace(startedAt, this.#clock.monotonic(), machines);
    const snapshot = this.snapshot as Snapshot; // It was just added.
    this.emptyLists = machines.length === 0 ? this.emptyLists + 1 : 0;
    const [owner] = snapshot.ownerIds;
    const isOwnerShown = this.ownerId !== undefined && snapshot.ownerIds.includes(this.ownerId);
    if (owner !== undefined && !isOwnerShown) this.ownerId = owner;
    this.#writes.forgetBefore(startedAt);
    this.#machineReads.forgetListed((id) => snapshot.has(id));
    this.#disappearances.compare(before, snapshot);

    const waiting = this.#poller.takeWaitersFor(startedAt);
    if (diff !== undefined && diff.ids.size > 0) this.#poller.resetInterval();
    const isBack = this.lastFailure !== undefined;
    if (isBack) this.#log.info('Listed VMs again');
    reportUnreadable(this.#log, before, snapshot);
    this.lastFailure = undefined;
    this.#onSnapshot?.(snapshot);
    const changedKeys = diff === undefined || isBack ? this.#subscriptions.keys() : this.#subscriptions.of(diff);
    return new Set([...waiting, ...changedKeys]);
  }

  /** Wakes the keys that wait for a list, and all subscribed keys if the failure is of a new class. */
  #onListFailed(failure: Failure): ReadonlySet<string> {
    const woken = new Set(this.#poller.takeWaitersFor(Infinity));
    if (this.lastFailure?.class !== failure.class) {
      this.#log.warn('Failed to list VMs', { failure });
      for (const key of this.#subscriptions.keys()) woken.add(key);
    }
    this.lastFailure = failure;
    return woken;
  }

  #wakeAll(keys: Iterable<string>): void {
    // A copy: a woken key may subscribe or unsubscribe immediately.
    for (const key of Array.from(keys)) this.#wake(key);
  }
}
