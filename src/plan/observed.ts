import type { Identity, Intent } from '../api/v1alpha1/identity.ts';
import type { Requests } from '../api/v1alpha1/annotations.ts';
import type { OrphanCandidate, VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Failure } from '../domain/failure.ts';
import type { Action, StatusReason } from './action.ts';
import type { Machine, OsTemplate, Package, ProviderId, Region } from '../domain/machine.ts';

/** Why nothing can be said about the machine right now. */
export type UnknownReason =
  /** No list yet that started after our last change: one is on its way, nothing is wrong. */
  | { readonly kind: 'NotYetSeen' }
  /** A read failed; what was seen before may be outdated. */
  | { readonly kind: 'ReadFailed'; readonly failure: Failure }
  /** A create call may have taken effect and the evidence against it is not complete. */
  | { readonly kind: 'OutcomeUnknown' }
  /** A create call was announced with another key, and nothing shows that this one is of the same account. */
  | { readonly kind: 'OtherKey' }
  /** The operator's own key shows it, and its name doesn't carry this object's UID. */
  | { readonly kind: 'NotOwn' }
  /** Several VMs of the name that the object looks for. */
  | { readonly kind: 'DuplicateName'; readonly name: string; readonly ids: readonly ProviderId[] }
  /** The list lacks it, but a 404 or the account's proof is still missing. */
  | { readonly kind: 'AbsenceUnconfirmed' }
  /**
   * The provider lists this VM, and what it says of it can't be read. It is the object's by its id or name, or
   * (`isOurs` false) it may be, because its name is what can't be read.
   */
  | { readonly kind: 'Unreadable'; readonly id: ProviderId; readonly problem: string; readonly isOurs: boolean }
  /** It vanished together with many others: rather the list is wrong than all of them are gone. */
  | { readonly kind: 'MassAbsence'; readonly vanished: number; readonly of: number }
  /** It is gone by what was read until now; another one is not created in its place before `until` (epoch milliseconds). */
  | { readonly kind: 'AbsenceRecent'; readonly id: ProviderId; readonly until: number }
  /** The machines the key shows belong to another owner. */
  | { readonly kind: 'OtherAccount'; readonly ownerId: ProviderId };

/** Only `Present` and `Absent` allow a decision that changes something; `Unknown` carries no machine on purpose. */
export type MachineObservation =
  | { readonly kind: 'Present'; readonly machine: Machine }
  | { readonly kind: 'Absent' }
  | { readonly kind: 'Unknown'; readonly reason: UnknownReason };

export type CredentialsObservation =
  | { readonly kind: 'Accepted' }
  /** Not asked yet; the first read will tell. */
  | { readonly kind: 'Unverified' }
  | { readonly kind: 'Missing'; readonly message: string }
  /** There is a key, and so many others are in use that it is not tried. */
  | { readonly kind: 'TooMany'; readonly limit: 'TotalReached' | 'GroupReached' }
  | { readonly kind: 'Rejected'; readonly failure: Failure | undefined };

export type CatalogueObservation =
  | { readonly kind: 'NotNeeded' }
  /** On its way; when it is there the object is looked at again. */
  | { readonly kind: 'Reading' }
  | { readonly kind: 'Unavailable'; readonly failure: Failure }
  | {
      readonly kind: 'Read';
      readonly regions: readonly Region[] | undefined;
      readonly packages: readonly Package[] | undefined;
      readonly osTemplates: readonly OsTemplate[] | undefined;
    };

/**
 * What this process remembers of the object. Everything here may be lost in a crash without harm: it only spares a
 * repeated call or restarts a wait. Durations are milliseconds, times epoch milliseconds.
 */
export interface ObservedHistory {
  /** How long this process has known the object. */
  readonly knownFor: number;
  /** How long the machine has been seen in its present state. */
  readonly stateFor: number;
  /** How long the provider has been saying that a task is at work; 0 when it does not. */
  readonly taskBusyFor: number;
  /** How long the provider has been answering our calls for the machine with "busy"; 0 when it did not. */
  readonly refusedFor: number;
  /** What it said the first time. */
  readonly refusedWords?: string;
  /** When the machine was last seen starting or running. */
  readonly lastUpAt?: number;
  /** When it was last seen going down, down, or starting. */
  readonly lastDownAt?: number;
  /** Whether a user acted on the VM since it was last up, so that it did not go down by itself. */
  readonly wasActedOn: boolean;
  /** When DELETE was last accepted, and how often. */
  readonly deleteAcceptedAt?: number;
  readonly deletes: number;
  /** The provider's refusal of the create call for this very spec, key and annotations. */
  readonly refusal?: Failure;
  /** Kubernetes refused to store what this kind of action rests on; `until`: not tried again before (epoch milliseconds). */
  readonly writeRefusal?: { readonly action: Action['type']; readonly message: string; readonly until: number };
  /** The Secret that the initial password was just written to. */
  readonly passwordSecret?: string;
  /** Why the Secret for the initial password was not written; tried again now and then. */
  readonly passwordConflict?: StatusReason;
  /** The Secret with the initial password of an earlier VM, which is why. */
  readonly outdatedPasswordSecret?: string;
  /** Whether a call has waited for its turn for so long that this is to be reported, and is not yet. */
  readonly isQueued?: boolean;
  /** A call that must not be repeated before this time. */
  readonly notBefore?: number;
}

/** Patience and policy that come from the operator's settings; all in milliseconds. */
export interface Limits {
  readonly stuckAfter: number;
  /** How long the provider may take to show what it accepted. */
  readonly visibilityWindow: number;
  /** How long lists have to lack a VM before another one is created in its place. */
  readonly recreateAfter: number;
  /** The longest that a changing call can be in flight. */
  readonly callDeadline: number;
  /** Whether a machine that may be an object's from an earlier life holds up a create, or is only reported. */
  readonly orphanCandidates: 'Hold' | 'Report';
}

/** How many VMs a namespace may have, and which of those it has were left running by objects that are gone (ids, or names). */
export interface NamespaceLimit {
  readonly limit: number;
  readonly leftRunning: readonly string[];
}

/** Everything a decision may rest on, gathered by `observe` in one reconciliation and never changed afterwards. */
export interface Observed {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly object: VirtualMachine;
  /** The name of the object's machine: as recorded, else as it would be created. */
  readonly providerName: string;
  readonly identity: Identity;
  readonly intent: Intent | undefined;
  /** Whether the object as stored has the record: a status that the API server refuses is in memory only. */
  readonly isRecordStored: boolean;
  /** Create calls that led to no VM so far, one after the other, and when the last of them was announced (epoch milliseconds). */
  readonly fruitless: { readonly creates: number; readonly since: number } | undefined;
  /** Whether the intent was written by an operator that has the key in use, for this object and name. */
  readonly isIntentProven: boolean;
  /** Whether the provider refused the create call of that intent, by what this process remembers. */
  readonly isIntentRefused: boolean;
  readonly requests: Requests;
  /** Another object of the same account that goes before this one for the provider name, as `namespace/name`. */
  readonly nameConflict: string | undefined;
  /** Another object of the same account that the VM observed belongs to rather than to this one, as `namespace/name`. */
  readonly machineConflict: string | undefined;
  /** A keyed hash of the object's UID with the key in use. */
  readonly apiKeyHash: string | undefined;
  /** Whether the Secret holds another key by now, which the provider has not judged yet. */
  readonly isKeyChanging: boolean;
  /** Whether the key is the operator's own for whole namespaces, which gives no right to machines that exist. */
  readonly isDefaultKey: boolean;
  /** VMs that may be this object's from an earlier life; looked for before a create only, and not with the operator's own key. */
  readonly orphanCandidates: readonly OrphanCandidate[];
  /** The limit of VMs in this namespace, when it is reached. */
  readonly namespaceLimit: NamespaceLimit | undefined;
  /** Whether the object may go and leave its VM running: not in the account of the operator's own key without permission. */
  readonly mayOrphan: boolean;
  /** How long the operator's limit of deletes still holds the next one back. Milliseconds. */
  readonly deletesHeldFor: number;
  readonly credentials: CredentialsObservation;
  readonly machine: MachineObservation;
  readonly catalogue: CatalogueObservation;
  /** When the account's rate of recreations allows this one (epoch milliseconds); undefined unless a VM is to be created in place of one that is gone. */
  readonly recreationDueAt: number | undefined;
  /** Other VMs that have the name of the VM observed, which the object records. */
  readonly duplicates: readonly ProviderId[];
  /** How long the provider still asks the whole account to stay away; 0 when it does not. Milliseconds. */
  readonly rateLimitedFor: number;
  /** Whether the provider does not answer for now, so that no call is made for any object of the account. */
  readonly isProviderUnavailable: boolean;
  readonly history: ObservedHistory;
  readonly limits: Limits;
}
