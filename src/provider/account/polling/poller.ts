import { jittered } from '../../../domain/backoff.ts';
import type { Clock } from '../../../domain/clock.ts';
import type { ListedMachine, ProviderId } from '../../../domain/machine.ts';
import type { TimedRead } from '../account.ts';
import type { Subscriptions } from '../subscriptions.ts';
import { type AccountSettings, maxSingleReads, nextRead, type ReadNeeds } from './poll-schedule.ts';
import { ReadRequests } from './read-requests.ts';

export interface PollerOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly settings: AccountSettings;
  readonly subscriptions: Subscriptions;
  /** The other inputs that determine the next read. */
  readonly needs: () => Pick<
    ReadNeeds,
    'isRejected' | 'rejections' | 'retryAt' | 'rateLimitedUntil' | 'nextProbeAt'
  > & {
    /** Since when a list is needed to check a suspected key. */
    readonly suspectedAt: number | undefined;
  };
  /** How many machines a list contains, and how many calls per second are allowed. */
  readonly size: () => { readonly rows: number; readonly ratePerSecond: number };
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
  readonly #listRequests = new ReadRequests();
  readonly #machineRequests = new ReadRequests();
  /** Fast-polling keys, and what shows their machine: a single read, until one didn't show it. */
  readonly #fastPolling = new Map<string, 'Machine' | 'List'>();
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
    this.#fastInterval = options.settings.urgentPollMinMs;
    this.#idleInterval = options.settings.idlePollMs;
  }

  setFastPolling(key: string, isFast: boolean): void {
    if (!isFast) {
      this.#fastPolling.delete(key);
    } else if (!this.#fastPolling.has(key)) {
      this.#fastPolling.set(key, 'Machine');
      this.resetInterval();
    }
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

  /** A single read didn't show the machine of `key`, so a list is needed. */
  fallBackToList(key: string, after: number): void {
    if (this.#fastPolling.has(key)) this.#fastPolling.set(key, 'List');
    if (this.#machineRequests.takeOne(key, Infinity) || this.#fastPolling.has(key)) this.requestList(key, after);
  }

  /** A change is about to be made: the next read follows soon. */
  resetInterval(): void {
    this.#fastInterval = this.#settings.urgentPollMinMs;
    this.schedule();
  }

  /** Removes and returns the keys that a list started at `startedAt` serves. */
  takeWaitersFor(startedAt: number): readonly string[] {
    return [...this.#listRequests.take(startedAt), ...this.#machineRequests.take(startedAt)];
  }

  /** Whether `key` waited for a single read that started at `startedAt`; it no longer waits then. */
  takeWaiter(key: string, startedAt: number): boolean {
    return this.#machineRequests.takeOne(key, startedAt);
  }

  forget(key: string): void {
    this.#listRequests.forget(key);
    this.#machineRequests.forget(key);
    this.#fastPolling.delete(key);
    this.schedule();
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
    const { suspectedAt, ...needs } = this.#options.needs();
    const next = nextRead(
      {
        ...needs,
        lastList: this.#lastList,
        lastRead: this.#lastRead,
        failures: this.failures,
        hasSubscribers: this.#options.subscriptions.size > 0,
        listRequestedAt: earlier(this.#listRequests.earliest, suspectedAt),
        // Waits for the round in flight.
        machineRequestedAt: this.#isReading ? undefined : this.#machineRequests.earliest,
        fastInterval: this.#isReading || this.#fastPolling.size === 0 ? undefined : this.#fastInterval,
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
    const { rows, ratePerSecond } = this.#options.size();
    const { maxInFlight } = this.#settings;
    const most = maxSingleReads(rows, { intervalMs: this.#fastInterval, ratePerSecond, maxInFlight });
    const ids = new Set<ProviderId>();
    for (const keys of [this.#fastPolling.keys(), this.#machineRequests.servedAt(this.#clock.monotonic())]) {
      for (const key of keys) {
        const id = this.#options.subscriptions.idOf(key);
        if (id === undefined || this.#fastPolling.get(key) === 'List') return undefined;
        ids.add(id);
        if (ids.size > most) return undefined;
      }
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
      this.#idleInterval = jittered(this.#settings.idlePollMs, this.#options.random(), [0.9, 1.1]);
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
    this.#fastInterval = Math.min(this.#fastInterval * 1.5, this.#settings.urgentPollMaxMs);
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
