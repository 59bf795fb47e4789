import type { Clock } from '../../domain/clock.ts';
import { type Failure, failed, type Outcome } from '../../domain/failure.ts';
import type { Machine, ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../provider.ts';
import type {
  Absence,
  Account,
  Catalog,
  ProviderWrite,
  MassDisappearance,
  CachedMachine,
  Snapshot,
  TimedRead,
  RegisteredAccount,
} from './account.ts';
import { CatalogCache, Reads, MachineReads } from './reads.ts';
import { WriteTracker } from './write-tracker.ts';
import { Responses, observeCalls } from './responses.ts';
import { groupOf, Subscriptions } from './subscriptions.ts';
import { CredentialStatus } from './credential-status.ts';
import { DisappearanceGuard } from './disappearance-guard.ts';
import type { AccountSettings } from './polling/poll-schedule.ts';
import { Poller } from './polling/poller.ts';
import type { KeyProbes } from './polling/key-probes.ts';
import { RecreationRate } from './admission/recreation-rate.ts';
import { MachineCache } from './snapshot.ts';
import { CallAdmission, type CallStats } from './admission/call-admission.ts';

export interface AccountOptions {
  readonly provider: Provider;
  readonly keyedHash: (text: string) => string;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Called with each key to requeue. It must not throw, and the key may have unsubscribed already. */
  readonly wake: (key: string) => void;
  readonly settings: AccountSettings;
  /** Called when the provider accepts the key for the first time, or again after a rejection. */
  readonly onAccepted?: () => void;
  readonly onSnapshot?: (snapshot: Snapshot) => void;
  /** Shared by all accounts: lists for keys that were not accepted are read a few at a time. */
  readonly keyProbes?: KeyProbes;
}

/** How many VMs may be recreated one after the other in the time that the evidence for one takes. */
const recreationsPerWait = 5;

export const createAccount = (options: AccountOptions): RegisteredAccount => new AccountCore(options);

/**
 * The parts of an account: when to read (`Poller`, `Reads`), whether a call may be sent (`CallAdmission`), the last seen
 * state (`MachineCache`), which keys it concerns (`Subscriptions`), what is missing (`DisappearanceGuard`), whether the
 * key is accepted (`CredentialStatus`), and what each response means to all of them (`Responses`).
 */
class AccountCore implements RegisteredAccount {
  readonly keyedHash: (text: string) => string;
  readonly #clock: Clock;
  readonly #wake: (key: string) => void;
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
  readonly #responses: Responses;
  readonly #abort = new AbortController();
  readonly recreations: RecreationRate;

  constructor(options: AccountOptions) {
    const { clock, log, random, settings, wake, keyProbes } = options;
    const [subscriptions, machines, { signal }] = [this.#subscriptions, this.#machines, this.#abort];
    const credential = new CredentialStatus(options.onAccepted);
    const writes = new WriteTracker(clock);
    const disappearances = new DisappearanceGuard(subscriptions, writes, log);
    const listsOnly = (): boolean => credential.suspectedAt !== undefined;
    const admission = new CallAdmission({ clock, log, random, limits: settings, listsOnly });
    const provider = observeCalls(options.provider, {
      onCall: (outcome) => {
        if (!signal.aborted) this.#responses.onCall(outcome);
      },
      onOwner: (ownerId) => (this.#responses.ownerId ??= ownerId),
      deleteSent: (id) => disappearances.deleteSent(id),
      deleteFailed: (id) => disappearances.deleteFailed(id),
    });
    const refusal = (): Failure | undefined => this.#refusal();
    const reads = new Reads({ clock, provider, admission, credential, subscriptions, keyProbes, signal, refusal });
    const readMachine = async (id: ProviderId, flow?: string) => {
      const read = await reads.machine(id, flow);
      if (read?.outcome.ok === true && read.outcome.value !== undefined) disappearances.machineRead(id);
      return read;
    };
    const poller = new Poller({
      clock,
      random,
      settings,
      subscriptions,
      credential,
      admission,
      machines,
      list: () => reads.list(),
      onList: (list) => this.#responses.onList(list),
      read: async (id) => {
        const read = await readMachine(id);
        if (read !== undefined && !signal.aborted) this.#responses.onMachine(id, read);
      },
    });
    const machineReads = new MachineReads(clock, subscriptions, (id, reader) => readMachine(id, groupOf(reader)), wake);
    this.keyedHash = options.keyedHash;
    this.#clock = clock;
    this.#wake = wake;
    this.#credential = credential;
    this.#writes = writes;
    this.#disappearances = disappearances;
    this.#admission = admission;
    this.#provider = provider;
    this.#poller = poller;
    this.#machineReads = machineReads;
    this.#catalog = new CatalogCache(clock, subscriptions, () => reads.catalog(), wake);
    this.recreations = new RecreationRate(clock, subscriptions, settings.recreateAfter / recreationsPerWait);
    this.#responses = new Responses({
      ...options,
      subscriptions,
      machines,
      credential,
      writes,
      disappearances,
      admission,
      poller,
      machineReads,
    });
  }

  get lastFailure(): Failure | undefined {
    return this.#responses.lastFailure;
  }

  get ownerId(): ProviderId | undefined {
    return this.#responses.ownerId;
  }

  get emptyLists(): number {
    return this.#responses.emptyLists;
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
    return this.#subscriptions.get(key)?.target?.subscribedSince;
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
    const id = this.#subscriptions.get(key)?.target?.id;
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
    const record = this.#subscriptions.get(key);
    if (record === undefined) return;
    this.recreations.forget(key);
    this.#poller.forget(record);
    this.#subscriptions.delete(record);
    // The read in flight wakes nothing any more.
    record.read = undefined;
    this.#poller.schedule();
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

  /** Why no call is sent. A list is sent nevertheless, because it shows whether that changed. */
  #refusal(): Failure | undefined {
    return this.rejection ?? this.#admission.refusal;
  }
}
