import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import {
  createLeaderElector,
  type LeaderElection,
  type LeaderElectionTimes,
  type LeaseClient,
} from '../../../src/kubernetes/leader-election/leader-elector.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import type { ManualClock } from '../../support/clock.ts';

export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly leaseTransitions?: number;
}

/** What happens to one request, in milliseconds: when it takes effect and when its answer is there; `Infinity`: never. */
export interface Journey {
  readonly arrivesAfter: number;
  readonly answeredAfter: number;
}

interface Attempt {
  readonly identity: string;
  readonly verb: string;
  /** Milliseconds. */
  readonly deadline: number;
}

const straight: Journey = { arrivesAfter: 0, answeredAfter: 0 };

/** One Lease on an API server in memory, with a wire between it and each candidate. Time is the manual clock's. */
export class LeaseFixture {
  readonly clock: ManualClock;
  readonly times: LeaderElectionTimes;
  /** `identity verb` of every request that arrived. */
  readonly requests: string[] = [];
  /** How the next request of this candidate fares. */
  journeyOf: (identity: string, verb: string) => Journey = () => straight;
  #stored: { readonly resourceVersion: number; readonly spec: LeaseSpec } | undefined;
  #versions = 0;
  readonly #frozenUntil = new Map<string, number>();

  constructor(
    clock: ManualClock,
    times: LeaderElectionTimes = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000 },
  ) {
    this.clock = clock;
    this.times = times;
  }

  get spec(): LeaseSpec | undefined {
    return this.#stored?.spec;
  }

  /** Stores a Lease as a user or another program would; undefined deletes it. */
  store(spec: LeaseSpec | undefined): void {
    this.#stored = spec && { resourceVersion: (this.#versions += 1), spec };
  }

  /** Stops a process for so long, in the middle of whatever it does: it hears no answer and no timer, but time passes. */
  freeze(identity: string, milliseconds: number): void {
    this.#frozenUntil.set(identity, this.clock.monotonic() + milliseconds);
  }

  /** The clock of a process's own machine, which runs `rate` times as fast as the room's. */
  clockOf(identity: string, rate = 1): Clock {
    return {
      now: () => this.clock.now() * rate,
      monotonic: () => this.clock.monotonic() * rate,
      schedule: (milliseconds, callback) =>
        this.clock.schedule(milliseconds / rate, () => this.#wake(identity, callback)),
    };
  }

  candidate(identity: string, clock: Clock = this.clock, random: () => number = () => 0.5): LeaderElection {
    return createLeaderElector({
      connect: (deadline) => this.#connect(identity, deadline),
      ref: { namespace: 'system', name: 'operator' },
      identity,
      times: this.times,
      clock,
      random,
      log: silentLog,
    });
  }

  #connect(identity: string, deadline: number): LeaseClient {
    const call = (verb: string, arrive: () => unknown) => this.#travel({ identity, verb, deadline }, arrive);
    return {
      get: () => call('get', () => this.#answer()),
      create: (_resource, _namespace, body) =>
        call('create', () => {
          if (this.#stored !== undefined) throw error('AlreadyExists');
          // What leader-elector.ts writes, here and below.
          this.store((body as { readonly spec: LeaseSpec }).spec);
          return this.#answer();
        }),
      patch: (_resource, _ref, { body }) =>
        call('patch', () => {
          const { metadata, spec } = body as {
            readonly metadata: { readonly resourceVersion: string };
            readonly spec: LeaseSpec;
          };
          if (this.#stored === undefined) throw error('NotFound');
          if (String(this.#stored.resourceVersion) !== metadata.resourceVersion) throw error('Conflict');
          this.store({ ...this.#stored.spec, ...spec });
          return this.#answer();
        }),
    };
  }

  #answer(): unknown {
    if (this.#stored === undefined) throw error('NotFound');
    const { resourceVersion, spec } = this.#stored;
    return { metadata: { resourceVersion: String(resourceVersion) }, spec };
  }

  /** As the transport: abandoned after the deadline, whatever becomes of the request on its way. */
  #travel({ identity, verb, deadline }: Attempt, arrive: () => unknown): Promise<unknown> {
    const { arrivesAfter, answeredAfter } = this.journeyOf(identity, verb);
    return new Promise((resolve, reject) => {
      const hear = (callback: () => void) => () => this.#wake(identity, callback);
      this.#after(
        deadline,
        hear(() => reject(error('Timeout'))),
      );
      this.#after(arrivesAfter, () => {
        this.requests.push(`${identity} ${verb}`);
        const answer = attempt(arrive);
        this.#after(
          answeredAfter,
          hear(() => ('value' in answer ? resolve(answer.value) : reject(answer.error))),
        );
      });
    });
  }

  /** Now, or when the process is thawed. */
  #wake(identity: string, callback: () => void): void {
    const left = (this.#frozenUntil.get(identity) ?? 0) - this.clock.monotonic();
    if (left <= 0) callback();
    else this.clock.schedule(left, () => this.#wake(identity, callback));
  }

  #after(milliseconds: number, callback: () => void): void {
    if (milliseconds === 0) callback();
    else if (Number.isFinite(milliseconds)) this.clock.schedule(milliseconds, callback);
  }
}

function attempt(work: () => unknown): { readonly value: unknown } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (thrown) {
    return { error: thrown };
  }
}

function error(reason: KubeErrorReason): KubeError {
  return new KubeError(`lease: ${reason}`, { reason });
}

/** Whether a promise has resolved by now. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const nothing = Symbol('nothing');
  return (await Promise.race([promise, Promise.resolve(nothing)])) !== nothing;
}
