import { jittered } from '../../../domain/backoff.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { ListedMachine, ProviderId } from '../../../domain/machine.ts';
import type { TimedRead } from '../account.ts';
import type { CallAdmission } from '../admission/call-admission.ts';
import type { CredentialStatus } from '../credential-status.ts';
import type { MachineCache } from '../snapshot.ts';
import type { Subscription, Subscriptions } from '../subscriptions.ts';
import { type AccountSettings, longestUrgentPoll, maxSingleReads, nextRead, type ReadNeeds } from './poll-schedule.ts';

export interface PollerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings: AccountSettings;
  readonly subscriptions: Subscriptions;
  readonly credential: Pick<CredentialStatus, 'status' | 'rejections' | 'retryAt' | 'suspectedAt'>;
  readonly admission: Pick<CallAdmission, 'pausedUntil' | 'nextProbeAt' | 'rate'>;
  readonly machines: Pick<MachineCache, 'snapshot'>;
  /** Reads the list; undefined if no call was sent. */
  readonly list: () => Promise<TimedRead<readonly ListedMachine[]> | undefined>;
  readonly onList: (list: TimedRead<readonly ListedMachine[]>) => void;
  /** Reads one machine and records the result, whatever it is. */
  readonly read: (id: ProviderId) => Promise<void>;
}

/**
 * Decides when the account is read, and whether by a list or machine by machine. At most one list and one round of
 * single reads run at a time.
 */
export class Poller {
  /** Consecutive failed lists. */
  failures = 0;

  readonly #options: PollerOptions;
  readonly #clock: Clock;
  readonly #settings: AccountSettings;
  readonly #listRequests: ReadRequests;
  readonly #machineRequests: ReadRequests;
  /** How many keys poll fast. */
  #fastPolling = 0;
  #lastList: ReadNeeds['lastList'];
  #lastRead: ReadNeeds['lastRead'];
  #fastInterval: number;
  #idleInterval: number;
  #isListing = false;
  #isReading = false;
  #isStopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#settings = options.settings;
    this.#listRequests = new ReadRequests(options.subscriptions, 'listAfter');
    this.#machineRequests = new ReadRequests(options.subscriptions, 'machineAfter');
    this.#fastInterval = options.settings.urgentPollInterval;
    this.#idleInterval = options.settings.pollInterval;
  }

  setFastPolling(key: string, isFast: boolean): void {
    const { subscriptions } = this.#options;
    const record = isFast ? subscriptions.of(key) : subscriptions.get(key);
    if (record === undefined || isFast === (record.fastPolling !== undefined)) return;
    record.fastPolling = isFast ? 'Machine' : undefined;
    this.#fastPolling += isFast ? 1 : -1;
    if (isFast) this.resetInterval();
  }

  /** `after` is monotonic and not in the future. */
  requestList(key: string, after: number): void {
    this.#listRequests.add(key, after);
    this.schedule();
  }

  requestMachine(key: string, after: number): void {
    this.#machineRequests.add(key, after);
    this.schedule();
  }

  /** A single read didn't show the machine of the key, so a list is needed. */
  fallBackToList(record: Subscription, after: number): void {
    const isFast = record.fastPolling !== undefined;
    if (isFast) record.fastPolling = 'List';
    if (this.#machineRequests.takeOne(record, Infinity) || isFast) this.requestList(record.key, after);
  }

  /** A change is about to be made: the next read follows soon. */
  resetInterval(): void {
    this.#fastInterval = this.#settings.urgentPollInterval;
    this.schedule();
  }

  /** Removes and returns the keys that a list started at `startedAt` serves. */
  takeWaitersFor(startedAt: number): readonly string[] {
    return [...this.#listRequests.take(startedAt), ...this.#machineRequests.take(startedAt)];
  }

  /** Whether the key waited for a single read that started at `startedAt`; it no longer waits then. */
  takeWaiter(record: Subscription, startedAt: number): boolean {
    return this.#machineRequests.takeOne(record, startedAt);
  }

  forget(record: Subscription): void {
    this.#listRequests.forget(record);
    this.#machineRequests.forget(record);
    this.setFastPolling(record.key, false);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  /** Starts the next read, or a timer for it. Called whenever one of its inputs changes. */
  schedule(): void {
    // A list serves all keys: nothing is read at the same time.
    if (this.#isListing || this.#isStopped) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { subscriptions, credential, admission } = this.#options;
    const next = nextRead(
      {
        isRejected: credential.status === 'Rejected',
        rejections: credential.rejections,
        retryAt: credential.retryAt,
        rateLimitedUntil: admission.pausedUntil,
        nextProbeAt: admission.nextProbeAt,
        lastList: this.#lastList,
        lastRead: this.#lastRead,
        failures: this.failures,
        hasSubscribers: subscriptions.size > 0,
        listRequestedAt: earlier(this.#listRequests.earliest, credential.suspectedAt),
        // Waits for the round in flight.
        machineRequestedAt: this.#isReading ? undefined : this.#machineRequests.earliest,
        fastInterval: this.#isReading || this.#fastPolling === 0 ? undefined : this.#fastInterval,
        idleInterval: this.#idleInterval,
      },
      this.#settings,
    );
    if (next === undefined) return;
    const delay = next.at - this.#clock.monotonic();
    if (delay > 0) {
      this.#cancelTimer = this.#clock.schedule(delay, () => this.schedule());
      return;
    }
    const machines = next.kind === 'List' ? undefined : this.#machinesToRead();
    if (machines === undefined) void this.#list();
    else void this.#readEach(machines);
  }

  /** The requested machines, if reading each of them is cheaper than a list. */
  #machinesToRead(): ReadonlySet<ProviderId> | undefined {
    const { subscriptions, admission, machines } = this.#options;
    const { maxInFlight } = this.#settings;
    const rows = (machines.snapshot?.machines.length ?? 0) + (machines.snapshot?.unreadable.size ?? 0);
    const limits = { intervalMs: this.#fastInterval, ratePerSecond: admission.rate, maxInFlight };
    const most = maxSingleReads(rows, limits);
    const now = this.#clock.monotonic();
    const ids = new Set<ProviderId>();
    for (const { target, fastPolling, machineAfter = Infinity } of subscriptions.records()) {
      if (fastPolling === undefined && machineAfter > now) continue;
      if (target?.id === undefined || fastPolling === 'List') return undefined;
      ids.add(target.id);
      if (ids.size > most) return undefined;
    }
    return ids.size === 0 ? undefined : ids;
  }

  async #list(): Promise<void> {
    this.#isListing = true;
    this.#slowDown();
    const list = await this.#options.list();
    this.#isListing = false;
    if (this.#isStopped) return;
    if (list !== undefined) {
      this.#lastList = { startedAt: list.startedAt, endedAt: this.#clock.monotonic() };
      this.#lastRead = this.#lastList;
      this.#idleInterval = jittered(this.#settings.pollInterval, this.#options.random(), [0.9, 1.1]);
      this.failures = list.outcome.ok ? 0 : this.failures + 1;
      this.#options.onList(list);
    }
    this.schedule();
  }

  async #readEach(ids: ReadonlySet<ProviderId>): Promise<void> {
    this.#isReading = true;
    this.#slowDown();
    const startedAt = this.#clock.monotonic();
    // Sets the timer for other reads that are due meanwhile.
    this.schedule();
    await Promise.all([...ids].map((id) => this.#options.read(id)));
    this.#isReading = false;
    const endedAt = this.#clock.monotonic();
    if (endedAt >= (this.#lastRead?.endedAt ?? 0)) this.#lastRead = { startedAt, endedAt };
    this.schedule();
  }

  #slowDown(): void {
    this.#fastInterval = Math.min(this.#fastInterval * 1.5, longestUrgentPoll);
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

/**
 * The keys that wait for a read of one kind, each with the earliest start (monotonic milliseconds) that serves it, in
 * this field of its record.
 */
export class ReadRequests {
  readonly #subscriptions: Subscriptions;
  readonly #field: 'listAfter' | 'machineAfter';
  #waiting = 0;
  #earliest = Infinity;

  constructor(subscriptions: Subscriptions, field: 'listAfter' | 'machineAfter') {
    this.#subscriptions = subscriptions;
    this.#field = field;
  }

  /** The earliest requested start; undefined without requests. */
  get earliest(): number | undefined {
    return this.#waiting === 0 ? undefined : this.#earliest;
  }

  /** A key waits for one read; of two requests the earlier counts, because a key that is woken too early requests again. */
  add(key: string, after: number): void {
    const record = this.#subscriptions.of(key);
    if (record[this.#field] === undefined) this.#waiting += 1;
    record[this.#field] = Math.min(after, record[this.#field] ?? Infinity);
    this.#earliest = Math.min(this.#earliest, after);
  }

  /** `earliest` may be too low then until the next read of all machines, and at worst causes an early read. */
  forget(record: Subscription): void {
    if (record[this.#field] === undefined) return;
    record[this.#field] = undefined;
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#earliest = Infinity;
  }

  /** Removes and returns the keys that a read of all machines, started at `startedAt`, serves. */
  take(startedAt: number): readonly string[] {
    if (this.#waiting === 0) return [];
    const served = [...this.#subscriptions.records()].filter((record) => this.#isServed(record, startedAt));
    for (const record of served) this.forget(record);
    this.#findEarliest();
    return served.map(({ key }) => key);
  }

  /** Removes the request of the key if a read of its machine, started at `startedAt`, serves it; whether it does. */
  takeOne(record: Subscription, startedAt: number): boolean {
    if (!this.#isServed(record, startedAt)) return false;
    this.forget(record);
    this.#findEarliest();
    return true;
  }

  #isServed(record: Subscription, startedAt: number): boolean {
    const after = record[this.#field];
    return after !== undefined && after <= startedAt;
  }

  #findEarliest(): void {
    if (this.#waiting === 0) return;
    this.#earliest = Infinity;
    for (const record of this.#subscriptions.records())
      this.#earliest = Math.min(this.#earliest, record[this.#field] ?? Infinity);
  }
}
