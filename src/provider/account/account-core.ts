import type { Clock } from '../../domain/clock.ts';
import { type Failure, failed, type Outcome } from '../../domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../provider.ts';
import type { Absence } from './absence.ts';
import type { AccountOptions } from './account-options.ts';
import type { Account, Catalogue, ProviderWrite, MassAbsence, Sighting, Snapshot, Timed } from './account.ts';
import { CatalogueCache, readCatalogue } from './catalogue-cache.ts';
import { WriteTracker } from './write-tracker.ts';
import { Followers } from './subscriptions.ts';
import { CredentialStatus } from './credential-status.ts';
import { listenTo } from './observed-provider.ts';
import { LookUps } from './polling/machine-reads.ts';
import { Missing } from './disappearance-guard.ts';
import { defaultAccountSettings } from './polling/poll-schedule.ts';
import { Poll } from './polling/poller.ts';
import type { KeyProbes } from './polling/key-probes.ts';
import { RecreationRate } from './admission/recreation-rate.ts';
import { Sightings } from './machine-cache.ts';
import { CallAdmission, type CallStats } from './admission/call-admission.ts';

/** How many VMs that cannot be read a log line names. */
const mostReported = 5;
/** Whose turns the account's own reads take. No key or group of others can be it. */
const own = '';

/** An account together with what the registry has to know of it. */
export interface RegisteredAccount extends Account {
  /** How many keys follow a machine of it. */
  readonly followed: number;
  /** Whether a key of this group does. */
  isFollowedFrom(flow: string): boolean;
}

export function createAccount(options: AccountOptions): RegisteredAccount {
  return new AccountCore(options);
}

/**
 * The parts of an account, and what each answer means to all of them: when to read (`Poll`), whether a call may go out
 * (`Traffic`), what was seen (`Sightings`), whom that concerns (`Followers`), what is missing (`Missing`), and whether the
 * key is accepted (`CredentialStatus`).
 */
class AccountCore implements RegisteredAccount {
  lastFailure: Failure | undefined;
  ownerId: ProviderId | undefined;
  emptySweeps = 0;
  readonly recreations: RecreationRate;

  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: (key: string) => void;
  readonly #onSnapshot: ((snapshot: Snapshot) => void) | undefined;
  readonly #provider: Provider;
  readonly #followers = new Followers();
  readonly #sightings = new Sightings();
  readonly #credential: CredentialStatus;
  readonly #writes: WriteTracker;
  readonly #missing: Missing;
  readonly #admission: CallAdmission;
  readonly #poll: Poll;
  readonly #lookUps: LookUps;
  readonly #catalogue: CatalogueCache;
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
    this.#missing = new Missing(this.#followers, this.#writes, log);
    this.#admission = new CallAdmission({
      clock,
      log,
      random,
      limits: settings,
      listsOnly: () => this.#credential.suspectedAt !== undefined,
    });
    this.#provider = listenTo(options.provider, {
      heard: (outcome) => this.#heard(outcome),
      sawOwner: (ownerId) => (this.ownerId ??= ownerId),
      leaves: (id) => this.#missing.leaves(id),
      stays: (id) => this.#missing.stays(id),
    });
    this.#poll = new Poll({
      clock,
      random,
      settings,
      followers: this.#followers,
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
      list: () => this.#list(options.keyProbes),
      onList: (list) => this.#heardList(list),
      read: (id) => this.#readMachine(id),
    });
    this.#lookUps = new LookUps(clock, (id, key) => this.#getMachine(id, this.#followers.groupOf(key)), options.wake);
    this.#catalogue = new CatalogueCache(
      clock,
      () => readCatalogue(this.#provider, (read) => this.#readForCatalogue(read)),
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
    return this.#sightings.snapshot;
  }

  get isFirstListDue(): boolean {
    return this.snapshot === undefined && this.lastFailure === undefined;
  }

  get massAbsence(): MassAbsence | undefined {
    return this.#missing.massAbsence;
  }

  get followed(): number {
    return this.#followers.size;
  }

  isFollowedFrom(flow: string): boolean {
    return this.#followers.hasGroup(flow);
  }

  sighting(id: ProviderId): Sighting | undefined {
    return this.#sightings.of(id);
  }

  write<T>(
    { machineName: subject, priority, flow, signal }: ProviderWrite,
    call: (provider: Provider) => Promise<Outcome<T>>,
    beforeCall?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined> {
    return this.#writes.serialize(subject, async () => {
      const refused = (): Outcome<T> | undefined => this.rejection && failed(this.rejection);
      if (this.#refusal() !== undefined) return refused();
      const inTurn = async (): Promise<{ readonly outcome: Outcome<T> | undefined }> => {
        try {
          if (beforeCall !== undefined && !(await beforeCall())) return { outcome: undefined };
          return { outcome: await this.#writes.track(subject, () => call(this.#provider)) };
        } finally {
          this.#poll.quicken();
        }
      };
      const result = await this.#admission.schedule(priority, flow, inTurn, signal);
      return result === undefined ? refused() : result.outcome;
    });
  }

  lastWriteAt(subject: string): number | undefined {
    return this.#writes.lastWriteAt(subject);
  }

  lookUp(key: string, id: ProviderId, notBefore: number): Timed<Machine | undefined> | undefined {
    // Stopped: what is cancelled is no answer.
    if (this.#abort.signal.aborted) return undefined;
    const known = this.#lookUps.known(key, id, notBefore);
    if (known !== undefined) return known;
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      return { startedAt: this.#clock.monotonic(), outcome: failed({ ...refusal, operation: 'GetMachine' }) };
    }
    this.#lookUps.start(key, id);
    return undefined;
  }

  catalogue(key: string): Outcome<Catalogue> | undefined {
    if (this.#abort.signal.aborted) return undefined;
    const known = this.#catalogue.fresh;
    if (known !== undefined) return known;
    const refusal = this.#refusal();
    if (refusal !== undefined) return failed({ ...refusal, operation: 'ListRegions' });
    this.#catalogue.start(key);
    return undefined;
  }

  follow(key: string, subject: Parameters<Account['follow']>[1]): void {
    const isFirst = this.#followers.size === 0;
    this.#followers.follow(key, subject, this.#clock.monotonic());
    if (isFirst) this.#poll.schedule();
  }

  followedSince(key: string): number | undefined {
    return this.#followers.since(key);
  }

  absenceOf(id: ProviderId): Absence | undefined {
    return this.#missing.absenceOf(id);
  }

  massAbsenceOf(id: ProviderId): MassAbsence | undefined {
    return this.#missing.massAbsenceOf(id);
  }

  setUrgent(key: string, urgent: boolean): void {
    this.#poll.setUrgent(key, urgent);
  }

  want(key: string, after: number): void {
    const from = this.#reachable(after);
    if (this.snapshot !== undefined && this.snapshot.startedAt >= from) queueMicrotask(() => this.#wake(key));
    else this.#poll.wantList(key, from);
  }

  wantMachine(key: string, after: number): void {
    const from = this.#reachable(after);
    const id = this.#followers.idOf(key);
    const seen = id === undefined ? undefined : this.sighting(id);
    if (seen !== undefined && seen.startedAt >= from) queueMicrotask(() => this.#wake(key));
    else this.#poll.wantMachine(key, from);
  }

  retryKey(): void {
    if (this.credentialStatus !== 'Rejected' || this.#credential.retryAt !== undefined) return;
    this.#credential.retryAt = this.#clock.monotonic();
    this.#poll.schedule();
  }

  forget(key: string): void {
    this.#followers.forget(key);
    this.#lookUps.forget(key);
    this.#catalogue.forget(key);
    this.#poll.forget(key);
    this.recreations.forget(key);
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#poll.stop();
    await this.#admission.stop();
  }

  /** While a change is under way its moment is still in the future: the next read will do to look again. */
  #reachable(after: number): number {
    return Number.isFinite(after) ? after : this.#clock.monotonic();
  }

  /** Makes a read when its turn comes; undefined when it does not come. */
  #timed<T>(priority: 'Read' | 'List', flow: string, read: () => Promise<Outcome<T>>): Promise<Timed<T> | undefined> {
    return this.#admission.schedule(priority, flow, async () => {
      const startedAt = this.#clock.monotonic();
      return { startedAt, outcome: await read() };
    });
  }

  /** Of a key that was not accepted a few at a time, in turn for each group: it may be one of many that are not keys at all. */
  #list(keyProbes: KeyProbes | undefined): Promise<Timed<readonly ListedMachine[]> | undefined> {
    const read = () => this.#timed('List', own, () => this.#provider.listMachines(this.#abort.signal));
    if (keyProbes === undefined || this.credentialStatus === 'Accepted') return read();
    const [flow = own] = this.#followers.groups();
    return keyProbes.during(read, flow, () => !this.#abort.signal.aborted && this.#followers.size > 0);
  }

  async #getMachine(id: ProviderId, flow: string): Promise<Timed<Machine | undefined> | undefined> {
    const read = await this.#timed('Read', flow, () => this.#provider.getMachine(id, this.#abort.signal));
    if (read?.outcome.ok === true && read.outcome.value !== undefined) this.#missing.shows(id);
    return read;
  }

  async #readForCatalogue<T>(read: (signal: AbortSignal) => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const answer = await this.#timed('Read', own, () => read(this.#abort.signal));
    // Turned away: for the reason that there is, or because the account is stopped and nobody will ask.
    const refusal = this.#refusal() ?? { class: 'Retry', code: 'Cancelled', text: '' };
    return answer?.outcome ?? failed({ ...refusal, operation: 'ListRegions' });
  }

  /** Reads one machine instead of a list. */
  async #readMachine(id: ProviderId): Promise<void> {
    const read = await this.#getMachine(id, own);
    if (read === undefined || this.#abort.signal.aborted) return;
    const { startedAt, outcome } = read;
    const keys = this.#followers.of({ ids: new Set([id]), names: new Set() });
    if (!outcome.ok || outcome.value === undefined) {
      for (const key of keys) this.#poll.needsList(key, startedAt);
      return;
    }
    const diff = this.#sightings.addMachine(startedAt, outcome.value);
    if (diff.ids.size > 0) this.#poll.quicken();
    const waiting = [...keys].filter((key) => this.#poll.isServed(key, startedAt));
    this.#wakeAll(new Set([...waiting, ...this.#followers.of(diff)]));
  }

  /** Why a call need not even be tried. A list is tried nevertheless: it shows whether that has changed. */
  #refusal(): Failure | undefined {
    return this.rejection ?? this.#admission.refusal;
  }

  /** What a single call was answered. It may be refused for reasons of its own, so a list has to confirm that it is the key. */
  #heard(outcome: Outcome<unknown>): void {
    if (this.#abort.signal.aborted) return;
    if (this.#credential.onCall(outcome, this.#clock.monotonic())) this.#reportCredentialStatus();
    this.#admission.record(outcome);
    // A doubt, a closed gate or an absent provider may each change when the next list is due.
    if (!outcome.ok) this.#poll.schedule();
  }

  #heardList({ startedAt, outcome }: Timed<readonly ListedMachine[]>): void {
    const wasSuspected = this.#credential.suspectedAt !== undefined;
    const isNew = this.#credential.onList(startedAt, outcome);
    this.#admission.recordList(outcome);
    if (isNew) this.#reportCredentialStatus();
    // Without a good list there is no telling when the next one comes, and who waits had better look anew.
    if (outcome.ok) this.#admission.dispatch();
    else if (wasSuspected) this.#admission.rejectWaiting();
    this.#wakeAll(outcome.ok ? this.#accept(startedAt, outcome.value) : this.#miss(outcome.failure));
  }

  #reportCredentialStatus(): void {
    const failure = this.rejection;
    if (failure === undefined) {
      this.#log.info('Provider accepted API key');
    } else {
      this.#log.warn('Provider rejected API key', { failure });
      this.#admission.rejectWaiting();
    }
    this.#wakeAll(this.#followers.keys());
  }

  /** Takes over a new list; the keys that have something to look at. */
  #accept(startedAt: number, machines: readonly ListedMachine[]): ReadonlySet<string> {
    const before = this.snapshot;
    const diff = this.#sightings.addList(startedAt, this.#clock.monotonic(), machines);
    // It was just added.
    const snapshot = this.snapshot as Snapshot;
    this.emptySweeps = machines.length === 0 ? this.emptySweeps + 1 : 0;
    const [owner] = snapshot.ownerIds;
    const isOwnerShown = this.ownerId !== undefined && snapshot.ownerIds.includes(this.ownerId);
    if (owner !== undefined && !isOwnerShown) this.ownerId = owner;
    this.#writes.forgetBefore(startedAt);
    this.#lookUps.forgetListed((id) => snapshot.has(id));
    this.#missing.sweep(before, snapshot);

    const waiting = this.#poll.servedBy(startedAt);
    if (diff !== undefined && diff.ids.size > 0) this.#poll.quicken();
    const isBack = this.lastFailure !== undefined;
    if (isBack) this.#log.info('Listed VMs again');
    this.#reportUnreadable(before, snapshot);
    this.lastFailure = undefined;
    this.#onSnapshot?.(snapshot);
    const looking = diff === undefined || isBack ? this.#followers.keys() : this.#followers.of(diff);
    return new Set([...waiting, ...looking]);
  }

  #reportUnreadable(before: Snapshot | undefined, { unreadable }: Snapshot): void {
    const entries = [...unreadable.values()];
    if (entries.every(({ id }) => before?.unreadable.has(id))) return;
    this.#log.warn('Failed to decode VMs of the list', {
      count: entries.length,
      first: entries.slice(0, mostReported).map(({ id, problem }) => ({ id, problem })),
    });
  }

  /** A list could not be had: all who wait for one are told, and everybody when that is news. */
  #miss(failure: Failure): ReadonlySet<string> {
    const woken = new Set(this.#poll.servedBy(Infinity));
    if (this.lastFailure?.class !== failure.class) {
      this.#log.warn('Failed to list VMs', { failure });
      for (const key of this.#followers.keys()) woken.add(key);
    }
    this.lastFailure = failure;
    return woken;
  }

  #wakeAll(keys: Iterable<string>): void {
    // A copy: whoever is woken may follow or forget at once.
    for (const key of Array.from(keys)) this.#wake(key);
  }
}
