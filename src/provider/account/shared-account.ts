import type { Clock } from '../../model/clock.ts';
import type { Failure, Outcome } from '../../model/failure.ts';
import { failed } from '../../model/failure.ts';
import type { Machine, ProviderId } from '../../model/machine.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Provider } from '../port.ts';
import type { Account, Catalogue, MassAbsence, Snapshot, Timed } from './account.ts';
import { CatalogueCache, readCatalogue } from './catalogue.ts';
import { ChangeLog } from './changes.ts';
import { Followers } from './followers.ts';
import { Gate } from './gate.ts';
import { ListWaiters } from './list-waiters.ts';
import { listenTo } from './listening-provider.ts';
import { LookUps } from './look-ups.ts';
import { type Wave, afterSweep, endOf } from './mass-absence.ts';
import type { Pace } from './pace.ts';
import { defaultPace, nextListAt } from './pace.ts';
import { Slots } from './slots.ts';
import { createSnapshot, findChanges } from './snapshot.ts';

export interface AccountOptions {
  readonly provider: Provider;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** Told each key that has something to look at; must not throw, and may be told a key it no longer knows. */
  readonly wake: (key: string) => void;
  readonly pace?: Partial<Pace>;
  readonly onSnapshot?: (snapshot: Snapshot) => void;
}

/** An account together with what the registry has to know of it. */
export interface SharedAccount extends Account {
  /** How many keys follow a machine of it. */
  readonly followed: number;
}

export function createAccount(options: AccountOptions): SharedAccount {
  return new ListedAccount(options);
}

class ListedAccount implements SharedAccount {
  verdict: Account['verdict'] = 'Unverified';
  rejection: Failure | undefined;
  lastFailure: Failure | undefined;
  ownerId: ProviderId | undefined;
  emptySweeps = 0;
  snapshot: Snapshot | undefined;

  readonly #clock: Clock;
  readonly #log: Log;
  readonly #random: () => number;
  readonly #wake: (key: string) => void;
  readonly #onSnapshot: ((snapshot: Snapshot) => void) | undefined;
  readonly #pace: Pace;
  readonly #provider: Provider;
  readonly #followers = new Followers();
  readonly #waiters = new ListWaiters();
  readonly #changes: ChangeLog;
  readonly #gate: Gate;
  readonly #slots: Slots;
  readonly #lookUps: LookUps;
  readonly #catalogue: CatalogueCache;
  readonly #urgent = new Set<string>();
  /** Machines that we asked to be deleted, until nobody looks for them any more. */
  readonly #leaving = new Set<ProviderId>();
  readonly #abort = new AbortController();

  #lastList: { readonly startedAt: number; readonly endedAt: number } | undefined;
  #waves: readonly Wave[] = [];
  #failures = 0;
  /** When a single call was last refused for its key, until a list that started later tells about the key. */
  #doubtedAt: number | undefined;
  #isListing = false;
  #urgentInterval: number;
  #idleInterval: number;
  #cancelTimer: (() => void) | undefined;

  constructor(options: AccountOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#random = options.random;
    this.#wake = options.wake;
    this.#onSnapshot = options.onSnapshot;
    this.#pace = { ...defaultPace, ...options.pace };
    this.#urgentInterval = this.#pace.urgentPollMinMs;
    this.#idleInterval = this.#pace.idlePollMs;
    this.#changes = new ChangeLog(options.clock);
    this.#gate = new Gate(options.clock, options.random, () => this.#slots.turnAway());
    this.#slots = new Slots(this.#pace.maxInFlight, () => this.#doubtedAt !== undefined);
    this.#provider = listenTo(options.provider, {
      heard: (outcome) => this.#heard(outcome),
      sawOwner: (ownerId) => (this.ownerId ??= ownerId),
      leaves: (id) => void this.#leaving.add(id),
      stays: (id) => void this.#leaving.delete(id),
    });
    this.#lookUps = new LookUps(options.clock, (id) => this.#getMachine(id), options.wake);
    this.#catalogue = new CatalogueCache(
      options.clock,
      () => readCatalogue(this.#provider, this.#abort.signal),
      (keys) => this.#wakeAll(keys),
    );
  }

  get gateClosedUntil(): number | undefined {
    return this.#gate.closedUntil;
  }

  get massAbsence(): MassAbsence | undefined {
    return describe(this.#waves.at(-1));
  }

  get followed(): number {
    return this.#followers.size;
  }

  write<T>(
    subject: string,
    call: (provider: Provider) => Promise<Outcome<T>>,
    onGranted?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined> {
    return this.#changes.inTurn(subject, async () => {
      const mayAsk = this.rejection === undefined && this.#gate.closedUntil === undefined;
      if (!mayAsk || !(await this.#slots.acquire())) return this.rejection && failed(this.rejection);
      try {
        if (onGranted !== undefined && !(await onGranted())) return undefined;
        return await this.#changes.record(subject, () => call(this.#provider));
      } finally {
        this.#slots.release();
        this.#quicken();
      }
    });
  }

  lastChangeAt(subject: string): number | undefined {
    return this.#changes.lastAt(subject);
  }

  lookUp(key: string, id: ProviderId, notBefore: number): Timed<Machine | undefined> | undefined {
    // Stopped: what is cancelled is no answer.
    if (this.#abort.signal.aborted) return undefined;
    const known = this.#lookUps.known(key, id, notBefore);
    if (known !== undefined) return known;
    const refusal = this.#readRefusal();
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
    const refusal = this.#readRefusal();
    if (refusal !== undefined) return failed({ ...refusal, operation: 'ListRegions' });
    this.#catalogue.start(key);
    return undefined;
  }

  follow(key: string, subject: Parameters<Account['follow']>[1]): void {
    const isFirst = this.#followers.size === 0;
    this.#followers.follow(key, subject, this.#clock.monotonic());
    if (isFirst) this.#schedule();
  }

  followedSince(key: string): number | undefined {
    return this.#followers.since(key);
  }

  massAbsenceOf(id: ProviderId): MassAbsence | undefined {
    return describe(this.#waves.findLast(({ ids }) => ids.has(id)));
  }

  setUrgent(key: string, urgent: boolean): void {
    if (!urgent) {
      this.#urgent.delete(key);
    } else if (!this.#urgent.has(key)) {
      this.#urgent.add(key);
      this.#quicken();
    }
  }

  want(key: string, after: number): void {
    // While a change is under way its moment is still in the future: the next list will do to look again.
    const from = Number.isFinite(after) ? after : this.#clock.monotonic();
    if (this.snapshot !== undefined && this.snapshot.startedAt >= from) {
      queueMicrotask(() => this.#wake(key));
      return;
    }
    this.#waiters.add(key, from);
    this.#schedule();
  }

  forget(key: string): void {
    this.#followers.forget(key);
    this.#waiters.forget(key);
    this.#lookUps.forget(key);
    this.#catalogue.forget(key);
    this.#urgent.delete(key);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#cancelTimer?.();
    await this.#slots.stop();
  }

  /** Takes a slot as a write does; undefined when there is none to be had. */
  async #getMachine(id: ProviderId): Promise<Timed<Machine | undefined> | undefined> {
    if (!(await this.#slots.acquire())) return undefined;
    const startedAt = this.#clock.monotonic();
    try {
      return { startedAt, outcome: await this.#provider.getMachine(id, this.#abort.signal) };
    } finally {
      this.#slots.release();
    }
  }

  /** The next list comes soon: something is about to change. */
  #quicken(): void {
    this.#urgentInterval = this.#pace.urgentPollMinMs;
    this.#schedule();
  }

  /** Why a read need not even be tried. A list is tried nevertheless: it shows whether that has changed. */
  #readRefusal(): Failure | undefined {
    return this.rejection ?? this.#gate.failure;
  }

  /** What a single call was answered. It may be refused for reasons of its own, so a list has to confirm that it is the key. */
  #heard(outcome: Outcome<unknown>): void {
    if (this.#abort.signal.aborted) return;
    if (outcome.ok) {
      if (this.verdict === 'Unverified') this.#decide('Accepted', undefined);
    } else if (outcome.failure.class === 'Credentials') {
      this.#doubtedAt = this.#clock.monotonic();
      this.#schedule();
    } else {
      this.#gate.heed(outcome.failure);
    }
  }

  /** What a list says about the key. */
  #judgeKey(startedAt: number, outcome: Outcome<unknown>): void {
    if (outcome.ok) this.#decide('Accepted', undefined);
    else if (outcome.failure.class === 'Credentials') this.#decide('Rejected', outcome.failure);
    else this.#gate.heed(outcome.failure);

    if (this.#doubtedAt === undefined) return;
    const isSettled = this.verdict === 'Rejected' || (outcome.ok && startedAt >= this.#doubtedAt);
    if (isSettled) this.#doubtedAt = undefined;
    // Without a good list there is no telling when the next one comes, and who waits had better look anew.
    if (outcome.ok) this.#slots.grant();
    else this.#slots.turnAway();
  }

  #decide(verdict: 'Accepted' | 'Rejected', rejection: Failure | undefined): void {
    const before = this.verdict;
    this.verdict = verdict;
    this.rejection = rejection;
    if (verdict === before) return;
    if (rejection === undefined) {
      this.#log.info('provider accepts the API key');
    } else {
      this.#log.warn('provider rejects the API key', { failure: rejection });
      this.#slots.turnAway();
    }
    this.#wakeAll(this.#followers.keys());
  }

  /** Starts the next list, or a timer for it. Called whenever something changed that its moment depends on. */
  #schedule(): void {
    if (this.#isListing || this.#abort.signal.aborted) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const due = nextListAt(
      {
        last: this.#lastList,
        failures: this.#failures,
        isFollowed: this.#followers.size > 0,
        wantedAt: earlier(this.#waiters.earliest, this.#doubtedAt),
        urgentInterval: this.#urgent.size > 0 ? this.#urgentInterval : undefined,
        idleInterval: this.#idleInterval,
        isRejected: this.verdict === 'Rejected',
        gateClosedUntil: this.#gate.closedUntil,
      },
      this.#pace,
    );
    if (due === undefined) return;
    const delay = due - this.#clock.monotonic();
    if (delay <= 0) void this.#list();
    else this.#cancelTimer = this.#clock.schedule(delay, () => this.#schedule());
  }

  async #list(): Promise<void> {
    this.#isListing = true;
    const startedAt = this.#clock.monotonic();
    const outcome = await this.#provider.listMachines(this.#abort.signal);
    this.#isListing = false;
    if (this.#abort.signal.aborted) return;
    this.#judgeKey(startedAt, outcome);
    this.#lastList = { startedAt, endedAt: this.#clock.monotonic() };
    this.#idleInterval = this.#pace.idlePollMs * (0.9 + 0.2 * this.#random());
    this.#urgentInterval = Math.min(this.#urgentInterval * 1.5, this.#pace.urgentPollMaxMs);
    this.#wakeAll(outcome.ok ? this.#accept(startedAt, outcome.value) : this.#miss(outcome.failure));
    this.#schedule();
  }

  /** Takes over a new list; the keys that have something to look at. */
  #accept(startedAt: number, machines: readonly Machine[]): ReadonlySet<string> {
    const before = this.snapshot;
    const snapshot = createSnapshot(startedAt, this.#clock.monotonic(), machines);
    this.snapshot = snapshot;
    this.emptySweeps = machines.length === 0 ? this.emptySweeps + 1 : 0;
    const [owner] = snapshot.ownerIds;
    const isOwnerShown = this.ownerId !== undefined && snapshot.ownerIds.includes(this.ownerId);
    if (owner !== undefined && !isOwnerShown) this.ownerId = owner;
    this.#changes.forgetBefore(startedAt);
    this.#lookUps.forgetListed((id) => snapshot.byId(id) !== undefined);
    this.#judgeAbsences(before, snapshot);

    const waiting = this.#waiters.take(startedAt);
    const changes = before === undefined ? undefined : findChanges(before, snapshot);
    if (changes !== undefined && changes.ids.size > 0) this.#urgentInterval = this.#pace.urgentPollMinMs;
    const isBack = this.lastFailure !== undefined;
    if (isBack) this.#log.info('provider list is back', { failures: this.#failures });
    this.lastFailure = undefined;
    this.#failures = 0;
    this.#onSnapshot?.(snapshot);
    const looking = changes === undefined || isBack ? this.#followers.keys() : this.#followers.of(changes);
    return new Set([...waiting, ...looking]);
  }

  /** Whether too many are missing at once to believe it of any. */
  #judgeAbsences(before: Snapshot | undefined, { startedAt, byId }: Snapshot): void {
    const expected = new Set(before?.machines.map(({ id }) => id));
    const going = new Set<ProviderId>();
    for (const { id, name, since, isGoing } of this.#followers.subjects()) {
      const isNew = since <= startedAt && (before === undefined || since > before.startedAt);
      // One that we have just made may not be visible yet.
      if (id === undefined || !isNew || this.#changes.lastAt(name) !== undefined) continue;
      if (isGoing === true && !expected.has(id)) going.add(id);
      expected.add(id);
    }
    const isListed = (id: ProviderId): boolean => byId(id) !== undefined;
    this.#waves = afterSweep(this.#waves, {
      startedAt,
      expected,
      isListed,
      isLeaving: (id) => this.#leaving.has(id),
      mayHaveLeft: (id) => going.has(id),
    });
    for (const id of this.#leaving) if (!isListed(id) && !this.#followers.isFollowed(id)) this.#leaving.delete(id);
    const wave = this.#waves.at(-1);
    if (wave?.since !== startedAt) return;
    this.#log.warn('many machines vanished from the list at once', { vanished: wave.vanished, of: wave.of });
  }

  /** A list could not be had: all who wait for one are told, and everybody when that is news. */
  #miss(failure: Failure): ReadonlySet<string> {
    const woken = new Set(this.#waiters.take(Infinity));
    if (this.lastFailure?.class !== failure.class) {
      this.#log.warn('provider list failed', { failure });
      for (const key of this.#followers.keys()) woken.add(key);
    }
    this.lastFailure = failure;
    this.#failures += 1;
    return woken;
  }

  #wakeAll(keys: Iterable<string>): void {
    // A copy: whoever is woken may follow or forget at once.
    for (const key of Array.from(keys)) this.#wake(key);
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

function describe(wave: Wave | undefined): MassAbsence | undefined {
  return wave && { vanished: wave.vanished, of: wave.of, until: endOf(wave) };
}
