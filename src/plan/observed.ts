import type { AccountLimits } from './account/limits.ts';
import type { Identity, Intent } from '../api/v1alpha1/identity.ts';
import type { Requests } from '../api/v1alpha1/annotations.ts';
import type { OrphanCandidate, VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Failure } from '../domain/failure.ts';
import type { Action, StatusReason } from './action.ts';
import type { Machine, OsTemplate, Package, ProviderId, Region } from '../domain/machine.ts';

/** Why nothing is known about the VM right now. */
export type UnknownReason =
  /**
   * No list yet that started after our last change; the next one is in flight. `unlisted`: the list lacks the VM to adopt,
   * which may be too new for it until `until` (epoch milliseconds).
   */
  | {
      readonly kind: 'NotYetSeen';
      readonly unlisted?: { readonly id: ProviderId; readonly until: number };
    }
  /** A read failed; earlier observations may be outdated. */
  | { readonly kind: 'ReadFailed'; readonly failure: Failure }
  /** A create call may have taken effect, and the evidence against it is not complete. */
  | { readonly kind: 'OutcomeUnknown' }
  /** The create intent was written with another key, and nothing shows that this one belongs to the same account. */
  | { readonly kind: 'OtherKey' }
  /** Listed with the operator's default key, and its name doesn't carry this object's UID. */
  | { readonly kind: 'NotOwn' }
  /** Several VMs have the name that the object looks for. */
  | { readonly kind: 'DuplicateName'; readonly name: string; readonly ids: readonly ProviderId[] }
  /** The list lacks it, but the proof of the account is still missing. `namesake`: another VM has its name. */
  | { readonly kind: 'AbsenceUnconfirmed'; readonly namesake?: ProviderId }
  /**
   * The provider lists this VM, but the entry can't be read. It is the object's by its id or name, or (`isOurs` false)
   * may be, because its name can't be read. `until` (epoch milliseconds): how long it delays a create at the longest.
   */
  | {
      readonly kind: 'Unreadable';
      readonly id: ProviderId;
      readonly problem: string;
      readonly isOurs: boolean;
      readonly until?: number;
    }
  /** It disappeared together with many others, so the list is more likely wrong than all of them deleted. */
  | { readonly kind: 'MassAbsence'; readonly vanished: number; readonly of: number }
  /** It is deleted by all evidence so far; no VM replaces it before `until` (epoch milliseconds). */
  | { readonly kind: 'AbsenceRecent'; readonly id: ProviderId; readonly until: number }
  /** The key lists VMs of another owner. */
  | { readonly kind: 'OtherAccount'; readonly ownerId: ProviderId };

/** Only `Present` and `Absent` allow a decision with an effect; `Unknown` carries no VM on purpose. */
export type MachineObservation =
  | { readonly kind: 'Present'; readonly machine: Machine }
  | { readonly kind: 'Absent' }
  | { readonly kind: 'Unknown'; readonly reason: UnknownReason };

export type CredentialsObservation =
  | { readonly kind: 'Accepted' }
  /** Not checked yet; the first read shows it. */
  | { readonly kind: 'Unverified' }
  | { readonly kind: 'Missing'; readonly message: string }
  /** There is a key, but it isn't tried because the limit of keys is reached. */
  | { readonly kind: 'TooMany'; readonly limit: 'TotalReached' | 'GroupReached' }
  | { readonly kind: 'Rejected'; readonly failure: Failure | undefined };

export type CatalogObservation =
  /** In flight, and its arrival requeues the object; or no decision about the object depends on it. */
  | { readonly kind: 'NotRead' }
  | { readonly kind: 'Unavailable'; readonly failure: Failure }
  | {
      readonly kind: 'Read';
      readonly regions: readonly Region[] | undefined;
      readonly packages: readonly Package[] | undefined;
      readonly osTemplates: readonly OsTemplate[] | undefined;
    };

/**
 * What spec.powerSchedule says; the same until `validUntil`. `until` and `haltsAt`: when the halt ends, and when the next
 * one begins, if that is known. Epoch milliseconds.
 */
export type ScheduleObservation =
  | { readonly kind: 'Running'; readonly haltsAt: number | undefined; readonly validUntil: number }
  | { readonly kind: 'Halted'; readonly until: number | undefined; readonly validUntil: number }
  | { readonly kind: 'Invalid'; readonly message: string; readonly validUntil: number };

/**
 * What this process remembers of the object. All of it may be lost in a crash without harm: it only prevents a repeated
 * call or restarts a wait. Durations are milliseconds, times epoch milliseconds.
 */
export interface ObservedHistory {
  /** How long this process has known the object. */
  readonly knownFor: number;
  /** How long the VM has been observed in its present state. */
  readonly stateFor: number;
  /** How long the provider has reported a task in progress; 0 if it reports none. */
  readonly taskBusyFor: number;
  /** How long the provider has refused our calls for the VM as busy; 0 if it accepts them. */
  readonly refusedFor: number;
  /** The text of its first refusal. */
  readonly refusedWords?: string;
  /** When the VM was last observed starting or running. */
  readonly lastUpAt?: number;
  /** When it was last observed halting, halted, or starting. */
  readonly lastDownAt?: number;
  /** The operation in the status, by its `startTime`, and for how long it has been in progress by the monotonic clock. */
  readonly operation?: { readonly startTime: string; readonly age: number };
  /** Whether a user acted on the VM since it last ran, so that it did not halt by itself. */
  readonly wasActedOn: boolean;
  /** When a DELETE was last accepted, and how many were. */
  readonly deleteAcceptedAt?: number;
  readonly deletes: number;
  /** The provider's refusal of the create call for exactly this spec, key and annotations. */
  readonly refusal?: Failure;
  /**
   * Kubernetes refused to store what this kind of action depends on; not retried before `until` (epoch milliseconds).
   */
  readonly writeRefusal?: { readonly action: Action['type']; readonly message: string; readonly until: number };
  /** The Secret that the initial password was just written to. */
  readonly passwordSecret?: string;
  /** Why the Secret for the initial password was not written; retried periodically. */
  readonly passwordConflict?: StatusReason;
  /** The Secret that holds the initial password of an earlier VM, which is why. */
  readonly outdatedPasswordSecret?: string;
  /** Whether a call has waited for a slot for so long that the status has to report it, and doesn't yet. */
  readonly isQueued?: boolean;
  /** A call that must not be repeated before this time. */
  readonly notBefore?: number;
}

/** Timeouts and policies from the operator's settings; all times in milliseconds. */
export interface Limits {
  readonly stuckAfter: number;
  /** How long the provider may take to show the effect of an accepted call. */
  readonly visibilityWindow: number;
  /** How long lists have to lack a VM before it is recreated. */
  readonly recreateAfter: number;
  /** The longest that a call with an effect can be in flight. */
  readonly callDeadline: number;
  /** Whether an orphan candidate blocks a create, or is only reported. */
  readonly orphanCandidates: 'Hold' | 'Report';
}

/**
 * How many VMs a namespace may have, and which of those it has were left running by deleted objects (ids, or names).
 */
export interface NamespaceLimit {
  readonly limit: number;
  readonly leftRunning: readonly string[];
}

/** Everything a decision may depend on, gathered by `observe` in one reconciliation and never changed afterwards. */
export interface Observed {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly object: VirtualMachine;
  /** The provider name of the VM: as recorded, otherwise as it would be created. */
  readonly providerName: string;
  readonly identity: Identity;
  readonly intent: Intent | undefined;
  /** Whether the stored object contains the record: a status that the API server refuses exists only in memory. */
  readonly isRecordStored: boolean;
  /** Create calls in a row that led to no VM, and when the intent of the last one was written (epoch milliseconds). */
  readonly createsWithoutVm: { readonly creates: number; readonly since: number } | undefined;
  /** Whether an operator with the key in use wrote the intent, for this object and name. */
  readonly isIntentProven: boolean;
  /** Whether this process remembers that the provider refused the create call of this intent. */
  readonly isIntentRefused: boolean;
  readonly requests: Requests;
  /** Undefined without a schedule. */
  readonly schedule: ScheduleObservation | undefined;
  /**
   * When the schedule halts a VM that it lets run now, or that keep-running-until keeps running, if that is known. Epoch
   * milliseconds.
   */
  readonly nextHaltAt: number | undefined;
  /** Another object of the same account that takes precedence for the provider name, as `namespace/name`. */
  readonly nameConflict: string | undefined;
  /** Another object of the same account that the observed VM belongs to, as `namespace/name`. */
  readonly machineConflict: string | undefined;
  /** A keyed hash of the object's UID with the key in use. */
  readonly apiKeyHash: string | undefined;
  /** Whether the Secret now contains another key, which the provider has not accepted or rejected yet. */
  readonly isKeyChanging: boolean;
  /** Whether the key is the operator's default key, which gives no right to existing VMs. */
  readonly isDefaultKey: boolean;
  /**
   * VMs that may have belonged to a previous object of this name; looked for only before a create, and never with the
   * operator's default key.
   */
  readonly orphanCandidates: readonly OrphanCandidate[];
  /** The limit of VMs in this namespace, if it is reached. */
  readonly namespaceLimit: NamespaceLimit | undefined;
  /** The Account that pauses all objects of the account, as `namespace/name`. */
  readonly pausedBy: string | undefined;
  /** Whether all Accounts were read. Until then, one may pause the object. */
  readonly isPauseKnown: boolean;
  /** What limits creates in the account at the provider; undefined: nothing. */
  readonly accountLimits: AccountLimits | undefined;
  /**
   * Whether the object may be deleted while its VM keeps running: with the operator's default key only with permission.
   */
  readonly mayOrphan: boolean;
  /** How long the rate limit of deletions delays the next one. Milliseconds. */
  readonly deletesHeldFor: number;
  readonly credentials: CredentialsObservation;
  readonly machine: MachineObservation;
  readonly catalog: CatalogObservation;
  /**
   * The VM on record that is deleted and to be recreated, and when the account's rate limit of recreations allows that
   * (epoch milliseconds).
   */
  readonly recreation: { readonly id: ProviderId; readonly dueAt: number } | undefined;
  /** Other VMs with the same name as the observed VM, which the object records. */
  readonly duplicates: readonly ProviderId[];
  /** How long the provider's Retry-After pauses the whole account; 0 if it doesn't. Milliseconds. */
  readonly rateLimitedFor: number;
  /** Whether the circuit breaker is open, so that no call is made for any object of the account. */
  readonly isProviderUnavailable: boolean;
  readonly history: ObservedHistory;
  readonly limits: Limits;
}
