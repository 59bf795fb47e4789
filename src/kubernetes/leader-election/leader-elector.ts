import { jittered } from '../../domain/backoff.ts';
import { type Clock, wait } from '../../domain/clock.ts';
import type { Log } from '../../telemetry/log.ts';
import type { EventNote } from '../events.ts';
import type { KubeClient, ObjectRef, Resource } from '../client.ts';
import { hasReason } from '../errors.ts';
import {
  type LeaseRenewal,
  isReleased,
  type LeaseState,
  readLease,
  releasedSpec,
  renewedSpec,
  acquiredSpec,
} from './lease.ts';

/** Milliseconds. `renewDeadline` is less than `leaseDuration`, `retryPeriod` less than `renewDeadline`. */
export interface LeaderElectionTimes {
  /** How long other processes respect the Lease after they saw it change. */
  readonly leaseDuration: number;
  /** How long the leader relies on the Lease after it sent the last successful renewal. */
  readonly renewDeadline: number;
  /**
   * How often the leader renews the Lease. A standby reads it twice as often, so that it acquires a released Lease
   * within this time.
   */
  readonly retryPeriod: number;
}

export type LeaseClient = Pick<KubeClient, 'get' | 'create' | 'patch'>;

export interface LeaderElectionOptions {
  /**
   * Returns a client on separate connections, because a busy one would delay a renewal. The deadline of its calls is in
   * milliseconds.
   */
  readonly connect: (deadline: number) => LeaseClient;
  readonly ref: ObjectRef;
  /** Unique to this process. */
  readonly identity: string;
  readonly times: LeaderElectionTimes;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** Makes one process the leader, by a Lease that all replicas share. */
export interface LeaderElection {
  /** Starts to acquire the Lease. */
  start(): void;
  /** Resolves when this process becomes the leader. */
  readonly elected: Promise<void>;
  /**
   * Resolves with the reason, as a sentence, when another process may be the leader. This process never acquires the
   * Lease again.
   */
  readonly lost: Promise<string>;
  /**
   * Whether this process is certainly the leader at this moment. False while renewals have failed for longer than the
   * renew deadline; true again once a renewal shows that no other process acquired the Lease meanwhile.
   */
  isLeader(): boolean;
  /** The Lease, as events refer to it; undefined before it was read. */
  reference(): EventNote['regarding'] | undefined;
  /** Releases the Lease, so that another process need not wait. Nothing may be changed afterwards. Never rejects. */
  release(): Promise<void>;
}

const resource: Resource = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
const leaseKind = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as const;

/**
 * Expected flow: read → the Lease is free, or wasn't renewed for its duration → acquire → renew repeatedly → release.
 * Every write carries the resourceVersion that was read, so that only one of two processes acquires it.
 *
 * Guarantees: the leader relies on the Lease until `renewDeadline` after it *sent* the renewal; the others respect it
 * for `leaseDuration` after they *saw* it change, which is later. Clocks of different machines are never compared.
 *
 * Assumes that monotonic clocks run at the same rate, within the difference of the two times (a third, by default).
 * While a machine is suspended, its monotonic clock stands still, and its wall clock is corrected when it resumes. So
 * time must be left by both clocks.
 */
export function createLeaderElector(options: LeaderElectionOptions): LeaderElection {
  return new LeaderElector(options);
}

class LeaderElector implements LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #client: LeaseClient;
  readonly #stopping = new AbortController();
  readonly #elected = Promise.withResolvers<void>();
  readonly #lost = Promise.withResolvers<string>();
  #state: 'Waiting' | 'Holding' | 'Over' = 'Waiting';
  /** The Lease as last read or written; undefined if unknown, as after a lost response. */
  #known: LeaseState | undefined;
  #uid: string | undefined;
  /** The last resourceVersion of another process. */
  #othersResourceVersion: string | undefined;
  /** Until when (monotonic) the last leader seen is respected. */
  #heldUntil = -Infinity;
  /** When the last successful renewal was sent, by both clocks. */
  #renewedAt = { monotonic: -Infinity, wall: -Infinity };
  #wasTried = false;
  #isFailing = false;
  #isUncertain = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    // A renewal that gets no response leaves time for another one.
    this.#client = options.connect(options.times.renewDeadline / 2);
  }

  get elected(): Promise<void> {
    return this.#elected.promise;
  }

  get lost(): Promise<string> {
    return this.#lost.promise;
  }

  isLeader(): boolean {
    const { clock, times } = this.#options;
    if (this.#state !== 'Holding') return false;
    const { monotonic, wall } = this.#renewedAt;
    return clock.monotonic() - monotonic < times.renewDeadline && clock.now() - wall < times.renewDeadline;
  }

  reference(): EventNote['regarding'] | undefined {
    if (this.#uid === undefined) return undefined;
    return { ...leaseKind, ...this.#options.ref, uid: this.#uid };
  }

  start(): void {
    this.#loop = this.#run();
  }

  async release(): Promise<void> {
    this.#stopping.abort();
    await this.#loop;
    this.#state = 'Over';
    if (!this.#wasTried) return;
    try {
      const known = this.#known ?? (await this.#read());
      if (known?.holder === this.#options.identity) await this.#write(known, releasedSpec(this.#options.clock.now()));
    } catch (error) {
      this.#options.log.warn('Failed to release Lease', { error });
    }
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#hasEnded()) {
      try {
        await (this.#state === 'Holding' ? this.#renew() : this.#tryAcquire());
        if (this.#isFailing) log.info('Read or updated Lease again');
        this.#isFailing = false;
      } catch (error) {
        if (!this.#isFailing) log.warn('Failed to read or update Lease, retrying', { error });
        this.#isFailing = true;
      }
      this.#logUncertainty();
      if (!this.#hasEnded()) await wait(clock, this.#delay(), signal);
    }
  }

  #hasEnded(): boolean {
    return this.#state === 'Over';
  }

  /** Logged once at the start and once at the end. */
  #logUncertainty(): void {
    const isUncertain = this.#state === 'Holding' && !this.isLeader();
    if (isUncertain === this.#isUncertain) return;
    this.#isUncertain = isUncertain;
    const { log } = this.#options;
    if (isUncertain) log.warn('Leadership is uncertain, writes are suspended');
    else if (this.#state === 'Holding') log.info('Leadership is confirmed, writes resumed');
  }

  /** Milliseconds until the next step. */
  #delay(): number {
    const { clock, times, random } = this.#options;
    const now = clock.monotonic();
    // With jitter, so that many standbys don't send requests at the same moment.
    const interval = jittered(times.retryPeriod / 2, random(), [0.9, 1.1]);
    if (this.#state === 'Waiting') return this.#heldUntil > now ? Math.min(interval, this.#heldUntil - now) : interval;
    return this.#isFailing
      ? interval
      : Math.max(0, this.#renewedAt.monotonic + jittered(times.retryPeriod, random(), [0.9, 1]) - now);
  }

  async #tryAcquire(): Promise<void> {
    const { clock, identity, times, log } = this.#options;
    const seen = await this.#read();
    const now = clock.monotonic();
    // Also a Lease that was emptied by hand or deleted: its leader may not have noticed yet.
    if (seen !== undefined && seen.holder !== identity && seen.resourceVersion !== this.#othersResourceVersion) {
      if (this.#othersResourceVersion === undefined && seen.holder !== undefined)
        log.info('On standby', { holder: seen.holder });
      this.#othersResourceVersion = seen.resourceVersion;
      this.#heldUntil = isReleased(seen) ? -Infinity : now + Math.max(seen.duration, times.leaseDuration);
    }
    // Already held by this process: an earlier write succeeded and its response was lost.
    if (seen?.holder === identity || now >= this.#heldUntil) await this.#acquire(seen);
  }

  async #acquire(seen: LeaseState | undefined): Promise<void> {
    const { ref, log } = this.#options;
    const sentAt = this.#now();
    const spec = acquiredSpec(this.#renewal(), seen);
    this.#wasTried = true;
    try {
      if (seen !== undefined) await this.#write(seen, spec);
      else this.#remember(await this.#client.create(resource, ref.namespace, leaseObject(ref, spec)));
    } catch (error) {
      // Another process was faster; the next read shows it.
      if (hasReason(error, seen === undefined ? 'AlreadyExists' : 'Conflict')) return;
      throw error;
    }
    this.#renewedAt = sentAt;
    this.#state = 'Holding';
    log.info('Acquired Lease, became leader', { lease: `${ref.namespace}/${ref.name}` });
    this.#elected.resolve();
  }

  async #renew(): Promise<void> {
    const known = this.#known ?? (await this.#read());
    if (known?.holder !== this.#options.identity) return this.#lose(known);
    const sentAt = this.#now();
    try {
      await this.#write(known, renewedSpec(this.#renewal()));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return this.#lose(undefined);
      // It changed: read it now instead of at the next interval, to see who is the leader.
      if (hasReason(error, 'Conflict')) return this.#renew();
      throw error;
    }
    this.#renewedAt = sentAt;
  }

  #lose(seen: LeaseState | undefined): void {
    this.#state = 'Over';
    const { namespace, name } = this.#options.ref;
    const what =
      seen === undefined ? 'was deleted' : seen.holder === undefined ? 'was released' : `is held by ${seen.holder} now`;
    this.#lost.resolve(`the Lease ${namespace}/${name} ${what}`);
  }

  /** Undefined if there is none. */
  async #read(): Promise<LeaseState | undefined> {
    try {
      this.#remember(await this.#client.get(resource, this.#options.ref));
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
      this.#known = undefined;
    }
    return this.#known;
  }

  /** Stores it only if it is unchanged since `seen`. Its state is unknown until the response arrives. */
  async #write({ resourceVersion }: LeaseState, spec: object): Promise<void> {
    this.#known = undefined;
    const body = { metadata: { resourceVersion }, spec };
    this.#remember(await this.#client.patch(resource, this.#options.ref, { type: 'merge', body }));
  }

  #remember(stored: unknown): void {
    this.#known = readLease(stored);
    this.#uid = this.#known.uid;
  }

  #renewal(): LeaseRenewal {
    const { identity, times, clock } = this.#options;
    return { identity, duration: times.leaseDuration, at: clock.now() };
  }

  #now(): { readonly monotonic: number; readonly wall: number } {
    const { clock } = this.#options;
    return { monotonic: clock.monotonic(), wall: clock.now() };
  }
}

function leaseObject({ namespace, name }: ObjectRef, spec: object): object {
  const labels = { 'app.kubernetes.io/name': 'vps247-operator' };
  return { ...leaseKind, metadata: { namespace, name, labels }, spec };
}
