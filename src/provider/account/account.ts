import type { Failure, Outcome } from '../../domain/failure.ts';
import type { Machine, OsTemplate, Package, ProviderId, Region, UnreadableMachine } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';
import type { Absence } from './absence.ts';
import type { RecreationRate } from './admission/recreation-rate.ts';
import type { CallStats } from './admission/call-admission.ts';
import type { CallPriority } from './admission/call-scheduler.ts';

/** A complete list of the account's machines, as one request answered it. Times are monotonic milliseconds. */
export interface Snapshot {
  /** When the request was sent: what happened later may be missing. */
  readonly startedAt: number;
  readonly answeredAt: number;
  readonly machines: readonly Machine[];
  /** The VMs that are there and can't be read. */
  readonly unreadable: ReadonlyMap<ProviderId, UnreadableEntry>;
  /** The distinct owners shown, ascending; empty when the list is empty or names no owner. */
  readonly ownerIds: readonly ProviderId[];
  byId(id: ProviderId): Machine | undefined;
  /** Whether the list shows it, readable or not. */
  has(id: ProviderId): boolean;
  byName(name: string): readonly Machine[];
  /** Machines named `head` with a hyphen and eight hexadecimal digits, the generated form of a name. */
  withSuffix(head: string): readonly Machine[];
  /** The newest time in the list, epoch milliseconds by the provider's clock; undefined when it has none. */
  readonly newestTime: number | undefined;
}

/** A VM that can't be read. Its name is the one that it was last seen with, if it was. */
export interface UnreadableEntry extends UnreadableMachine {
  /** When the first of the lists started that have shown it like this without a break. */
  readonly since: number;
}

/** A machine as a read showed it that started then (monotonic milliseconds). */
export interface CachedMachine {
  readonly startedAt: number;
  readonly machine: Machine;
}

/** A changing call: for which machine (its provider name), with which priority, and in which flow. */
export interface ProviderWrite {
  readonly machineName: string;
  readonly priority: Exclude<CallPriority, 'Read' | 'List'>;
  /** Within a priority, flows get slots round-robin, however many calls each has waiting. An opaque string. */
  readonly flow: string;
  /** Aborts a call that still waits for a slot. */
  readonly signal?: AbortSignal;
}

/** What the provider offers; an undefined list means it has no such endpoint. */
export interface Catalogue {
  readonly regions: readonly Region[] | undefined;
  readonly packages: readonly Package[] | undefined;
  readonly osTemplates: readonly OsTemplate[] | undefined;
}

/** So many machines vanished from the list at once that their absence from it proves nothing for now. */
export interface MassDisappearance {
  readonly vanished: number;
  /** How many the list should have shown. */
  readonly of: number;
  /** Not before a list that starts then (monotonic) are they taken for gone. */
  readonly until: number;
}

/** A read, and when its request was sent (monotonic milliseconds). */
export interface TimedRead<T> {
  readonly startedAt: number;
  readonly outcome: Outcome<T>;
}

/**
 * The account behind one API key, shared by every object that uses the key. It reads the list once for all of them,
 * remembers when the operator last changed which machine, and wakes the keys that are subscribed to a machine that changed.
 * It knows nothing of Kubernetes: a key is an opaque string.
 */
export interface Account {
  /**
   * Whether the provider accepted the key when last asked for a list: one call refused by a proxy, or for want of a
   * permission, doesn't reject the key. A new account is `Unverified`.
   */
  readonly credentialStatus: 'Unverified' | 'Accepted' | 'Rejected';
  /** Why the key counts as rejected: what the newest list was answered. */
  readonly rejection: Failure | undefined;
  /** Why the last list could not be had; undefined after a good one. */
  readonly lastFailure: Failure | undefined;
  /** When (monotonic) the rate-limit pause ends; undefined without one. */
  readonly rateLimitedUntil: number | undefined;
  /**
   * Whether the circuit breaker is open: several calls in a row failed on the provider's side. Then no call is
   * made before a list succeeds, which wakes the keys that requested one.
   */
  readonly isUnavailable: boolean;
  /** How its calls get through, for metrics. */
  readonly callStats: CallStats;
  /** The owner that answers to this key have shown, once one was seen. */
  readonly ownerId: ProviderId | undefined;
  /** How many of the newest snapshots in a row showed no machine at all. */
  readonly emptyLists: number;
  /** The newest complete list. */
  readonly snapshot: Snapshot | undefined;
  /** No list has succeeded or failed yet. */
  readonly isFirstListDue: boolean;
  /** The newest mass disappearance that is not settled; while there is one, that a list lacks a name proves nothing either. */
  readonly massDisappearance: MassDisappearance | undefined;

  /**
   * The machine as the newest read showed it: the newest list, or a later read of that machine alone. A machine that
   * no read showed may exist nevertheless.
   */
  cachedMachine(id: ProviderId): CachedMachine | undefined;

  /**
   * Makes one changing call: waits for a slot, then calls. `beforeCall` runs once the slot is acquired, directly before the
   * call, and may refuse it by returning false. The result is undefined when no call was made: refused so, aborted, stopped, or the
   * provider is rate-limited or unavailable, when waiting calls are rejected. After a call that was refused for its key all
   * others wait until a list has shown whether the key still is accepted. Calls for one machine are made one after the other.
   */
  write<T>(
    write: ProviderWrite,
    call: (provider: Provider) => Promise<Outcome<T>>,
    beforeCall?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined>;
  /**
   * When the operator's last change of the machine was answered (monotonic), whatever the answer was; a read that started before says
   * nothing about it. `Infinity` while a write is in flight.
   */
  lastWriteAt(machineName: string): number | undefined;
  /**
   * What a `GET` of this machine answered that was sent at or after `notBefore` (monotonic), or whose answer `key` has
   * not had yet. Undefined: it is being read, and `key` is woken when there is an answer. A failure is an answer too, for
   * five seconds. For evidence of absence only; everything else reads the snapshot.
   */
  readMachine(key: string, id: ProviderId, notBefore: number): TimedRead<Machine | undefined> | undefined;
  /**
   * The catalogue, read at most once per ten minutes. Undefined: it is being read, and `key` is woken when it is there or
   * could not be had.
   */
  catalogue(key: string): Outcome<Catalogue> | undefined;

  /**
   * `key` is woken whenever the machine of that name or id changes, comes or goes, from one read to the next.
   * `isDeleting`: the object records that its deletion had begun before the key subscribed, so that its absence is
   * expected. `group` is the flow of its machine reads; the key itself by default.
   */
  subscribe(
    key: string,
    target: {
      readonly name: string;
      readonly id?: ProviderId | undefined;
      readonly isDeleting?: boolean;
      readonly group?: string | undefined;
    },
  ): void;
  /**
   * Since when (monotonic) `key` has been subscribed to its present machine. A list that started earlier was not judged for
   * how many subscribed machines it lacks, so this machine may exist although that list lacks it.
   */
  subscribedSince(key: string): number | undefined;
  /** Undefined while the newest list, or a later read, shows the VM, and for a VM that no key is subscribed to. */
  absenceOf(id: ProviderId): Absence | undefined;
  /** At which rate VMs that are gone are created again. */
  readonly recreations: Pick<RecreationRate, 'dueAt' | 'reserve' | 'use'>;
  /** The mass disappearance in which this machine vanished; undefined once it is back or lists have agreed for long enough. */
  massDisappearanceOf(id: ProviderId): MassDisappearance | undefined;
  /**
   * While any key polls fast, the machines of those that do are read at the fast polling interval instead of once per idle poll: each
   * by itself or all by a list, whichever is cheaper.
   */
  setFastPolling(key: string, isFast: boolean): void;
  /**
   * Asks for a list that starts at or after `after` (monotonic); `key` is woken when it is there or could not be had.
   * A key that already waits for an earlier one is woken by that, once: it looks, and asks again for what it still lacks.
   */
  requestList(key: string, after: number): void;
  /**
   * The same for the machine that `key` is subscribed to: a read of that machine alone does as well as a
   * list, unless it does not show it.
   */
  requestMachine(key: string, after: number): void;
  /** HMAC-SHA256 of the text with the account's key, 128 bits in base64url: the same for the same key, whatever Secret it is in. */
  keyedHash(text: string): string;
  /** Tries a rejected key immediately, because it was just stored in a Secret. */
  retryKey(): void;
  /** Drops everything held for `key`. */
  unsubscribe(key: string): void;
  /** Ends polling, aborts reads, and waits for writes in flight. */
  stop(): Promise<void>;
}

/** An account together with what the registry has to know of it. */
export interface RegisteredAccount extends Account {
  /** How many keys are subscribed to a machine of it. */
  readonly subscriberCount: number;
  /** Whether a key of this group is. */
  hasSubscribersIn(group: string): boolean;
}
