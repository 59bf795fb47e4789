import type { Failure, Outcome } from '../../domain/failure.ts';
import type { Machine, OsTemplate, Package, ProviderId, Region, UnreadableMachine } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';
import type { CallStats } from './admission/call-admission.ts';
import type { CallPriority } from './admission/call-scheduler.ts';

/** A complete list of the account's machines. Times are monotonic milliseconds. */
export interface Snapshot {
  /** When the request was sent. The list may lack later changes. */
  readonly startedAt: number;
  readonly answeredAt: number;
  readonly machines: readonly Machine[];
  /** The VMs whose entries can't be read. */
  readonly unreadable: ReadonlyMap<ProviderId, UnreadableEntry>;
  /** The distinct owners, ascending; empty if the list is empty or names no owner. */
  readonly ownerIds: readonly ProviderId[];
  byId(id: ProviderId): Machine | undefined;
  /** Whether the list shows the VM, readable or not. */
  has(id: ProviderId): boolean;
  byName(name: string): readonly Machine[];
  /** Machines named `head` with a hyphen and eight hexadecimal digits, as generated names are. */
  withSuffix(head: string): readonly Machine[];
  /** The newest time in the list, in epoch milliseconds by the provider's clock; undefined if there is none. */
  readonly newestTime: number | undefined;
}

/** A VM whose entry can't be read, with its last known name, if any. */
export interface UnreadableEntry extends UnreadableMachine {
  /** When the first of the consecutive lists started that show it unreadable. */
  readonly since: number;
}

/** A machine, and when the read that showed it started (monotonic milliseconds). */
export interface CachedMachine {
  readonly startedAt: number;
  readonly machine: Machine;
}

/** A call that changes something: its machine (provider name), priority, and flow. */
export interface ProviderWrite {
  readonly machineName: string;
  readonly priority: Exclude<CallPriority, 'Read' | 'List'>;
  /** Within a priority, flows get slots round-robin, however many calls of each wait. An opaque string. */
  readonly flow: string;
  /** Aborts a call that still waits for a slot. */
  readonly signal?: AbortSignal;
}

/** What the provider offers. A list is undefined if the provider has no such endpoint. */
export interface Catalog {
  readonly regions: readonly Region[] | undefined;
  readonly packages: readonly Package[] | undefined;
  readonly osTemplates: readonly OsTemplate[] | undefined;
}

/** So many machines disappeared from the list at once that their absence proves nothing yet. */
export interface MassDisappearance {
  readonly vanished: number;
  /** How many machines the list should have shown. */
  readonly of: number;
  /** They count as deleted after a list that starts at or after this time (monotonic). */
  readonly until: number;
}

/** Consecutive complete lists that lacked a VM while a key was subscribed to it, and no single read showed it. */
export interface Absence {
  /** When the first of them started (monotonic milliseconds). */
  readonly since: number;
  readonly lists: number;
}

/** A read, and when its request was sent (monotonic milliseconds). */
export interface TimedRead<T> {
  readonly startedAt: number;
  readonly outcome: Outcome<T>;
}

/**
 * The account of one API key, shared by all objects that use the key. It reads one list for all of them, records when
 * the operator last changed which machine, and wakes the keys that are subscribed to a changed machine. It knows
 * nothing of Kubernetes: a key is an opaque string.
 */
export interface Account {
  /**
   * Whether the provider accepted the key for the last list. A single call that a proxy or a missing permission refuses
   * doesn't reject the key. A new account is `Unverified`.
   */
  readonly credentialStatus: 'Unverified' | 'Accepted' | 'Rejected';
  /** Why the key counts as rejected: the failure of the newest list. */
  readonly rejection: Failure | undefined;
  /** Why the last list failed; undefined after a successful one. */
  readonly lastFailure: Failure | undefined;
  /** When (monotonic) the rate-limit pause ends; undefined without one. */
  readonly rateLimitedUntil: number | undefined;
  /**
   * Whether the circuit breaker is open, after several provider errors in a row. No call is sent until a list succeeds,
   * which wakes the keys that requested one.
   */
  readonly isUnavailable: boolean;
  /** The state of its admission control, for metrics. */
  readonly callStats: CallStats;
  /** The owner in the responses to this key, once known. */
  readonly ownerId: ProviderId | undefined;
  /** How many consecutive newest snapshots showed no machine at all. */
  readonly emptyLists: number;
  /** The newest complete list. */
  readonly snapshot: Snapshot | undefined;
  /** No list has succeeded or failed yet. */
  readonly isFirstListDue: boolean;
  /** The newest unresolved mass disappearance. While there is one, a name that the list lacks proves nothing either. */
  readonly massDisappearance: MassDisappearance | undefined;

  /**
   * The machine in the newest read: the newest list, or a later read of this machine alone. A machine that no read
   * showed can exist nevertheless.
   */
  cachedMachine(id: ProviderId): CachedMachine | undefined;

  /**
   * Sends one call that changes something: waits for a slot, then calls. `beforeCall` runs once the slot is acquired,
   * directly before the call, and prevents it by returning false. The result is undefined if no call was sent:
   * prevented, aborted, stopped, or rejected because of a rate limit or outage. After a call that was refused for its
   * key, all others wait until a list has shown whether the key is still accepted. Calls for one machine are sent one
   * after the other.
   */
  write<T>(
    write: ProviderWrite,
    call: (provider: Provider) => Promise<Outcome<T>>,
    beforeCall?: () => Promise<boolean>,
  ): Promise<Outcome<T> | undefined>;
  /**
   * When the response to the operator's last change of the machine arrived (monotonic). A read that started earlier
   * proves nothing about the machine. `Infinity` while a write is in flight.
   */
  lastWriteAt(machineName: string): number | undefined;
  /**
   * The result of a `GET` of this machine that started at or after `notBefore` (monotonic), or that `key` has not
   * received yet. Undefined: the read is in flight, and `key` is woken when it ends. A failure is a result, too, for
   * five seconds. Use it only as evidence of absence, and the snapshot for everything else.
   */
  readMachine(key: string, id: ProviderId, notBefore: number): TimedRead<Machine | undefined> | undefined;
  /**
   * The catalog, read at most once every ten minutes. Undefined: the read is in flight, and `key` is woken when it
   * ends.
   */
  catalog(key: string): Outcome<Catalog> | undefined;

  /**
   * Wakes `key` whenever the machine of that name or id changes, appears or disappears from one read to the next.
   * `isDeleting`: the object records that its deletion had begun before the key subscribed, so the absence is expected.
   * `group` is the flow of its machine reads; the key itself by default.
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
   * Since when (monotonic) `key` has been subscribed to its present machine. Lists that started earlier didn't count
   * this machine when they were checked for a mass disappearance, so it can exist although such a list lacks it.
   */
  subscribedSince(key: string): number | undefined;
  /** Undefined while the newest list or a later read shows the VM, and for a VM that no key is subscribed to. */
  absenceOf(id: ProviderId): Absence | undefined;
  /** Limits the rate at which deleted VMs are recreated. */
  readonly recreations: Recreations;
  /**
   * The mass disappearance that includes this machine; undefined once the machine is back, or lists have agreed for
   * long enough.
   */
  massDisappearanceOf(id: ProviderId): MassDisappearance | undefined;
  /**
   * While any key polls fast, the machines of those keys are read at the fast polling interval: each by itself or all
   * by a list, whichever is cheaper.
   */
  setFastPolling(key: string, isFast: boolean): void;
  /**
   * Requests a list that starts at or after `after` (monotonic), and wakes `key` when it ends. A key that already waits
   * for an earlier list is woken by that one, and requests another one if it still needs it.
   */
  requestList(key: string, after: number): void;
  /**
   * The same for the machine of `key`: a read of that machine alone is as good as a list, unless it doesn't show the
   * machine.
   */
  requestMachine(key: string, after: number): void;
  /**
   * HMAC-SHA256 of the text with the account's key: 128 bits in base64url. Equal for equal keys, whichever Secret
   * contains them.
   */
  keyedHash(text: string): string;
  /** Tries a rejected key immediately, because it was just written to a Secret. */
  retryKey(): void;
  /** Forgets everything about `key`. */
  unsubscribe(key: string): void;
  /** Ends polling, aborts reads, and waits for writes in flight. */
  stop(): Promise<void>;
}

/** When each key may recreate a deleted VM (monotonic). */
export interface Recreations {
  /** In the past, or when the key's slot starts. Without a slot: the next free one. */
  dueAt(key: string): number;
  /** Reserves a slot for `key`, if it has none, and returns when it may create. */
  reserve(key: string): number;
  /** Uses the slot of `key`, if it may create now. */
  use(key: string): boolean;
  /** `key` used its slot and sent nothing: it keeps the slot. */
  giveBack(key: string): void;
  /** The key needs its slot no longer: the later ones move up. */
  forget(key: string): void;
}

/** An account with the methods that only the registry uses. */
export interface RegisteredAccount extends Account {
  /** How many keys are subscribed. */
  readonly subscriberCount: number;
  /** Whether a key of this group is subscribed. */
  hasSubscribersIn(group: string): boolean;
}
