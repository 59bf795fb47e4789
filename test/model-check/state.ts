import type { VirtualMachine } from '../../src/api/v1alpha1/types.ts';
import type { Failure, Operation } from '../../src/domain/failure.ts';
import type { Machine, MachineState, ProviderId } from '../../src/domain/machine.ts';
import type { Account, Snapshot, TimedRead } from '../../src/provider/account/account.ts';

/** The whole world at one moment. Never changed; states share what they have in common. */
export interface State {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly cluster: Cluster;
  readonly providerState: ProviderState;
  readonly operator: Operator;
  /** How often each misfortune may still happen. */
  readonly left: Budget;
  /** When the last create call was sent, if no answer has certainly reported its result. */
  readonly doubtSince: number | undefined;
  /** The call that the last step sent to the provider. For judging that step, and no part of what makes states differ. */
  readonly sent: SentCall | undefined;
}

/** The API server. */
export interface Cluster {
  /** Undefined: gone for good. */
  readonly object: VirtualMachine | undefined;
  /** As it was when it went. */
  readonly gone: VirtualMachine | undefined;
  /** The newest resourceVersion. */
  readonly version: number;
  readonly secret: Secret;
}

/** The Secret that the object names. */
export interface Secret {
  /** Whose key is in it; undefined: the Secret does not exist. */
  readonly keyOf: AccountName | undefined;
  /** It was deleted together with the object, which is deleted next, and is not restored. */
  readonly isUninstalled?: true;
  /** Its version: a new one each time a user writes a key. */
  readonly version: number;
}

/** Accounts at the provider: the one in which the object's VM is created, and another one for which a user has a key. */
export type AccountName = 'own' | 'other';
export const ownerIds: Readonly<Record<AccountName, number>> = { own: 1, other: 2 };

/** The provider. */
export interface ProviderState {
  readonly machines: readonly ProviderMachine[];
  /** Calls whose caller has given up on them, but which may still be carried out. */
  readonly adrift: readonly Adrift[];
  readonly nextId: number;
  /** Whether it accepts no key. */
  readonly isRejecting: boolean;
  /** The requests for which the VM was restarted. */
  readonly restarts: readonly string[];
  /** The account that the last create call for the object came to. */
  readonly createdWith: AccountName | undefined;
  /** Whether names are unique, as promised; if not, a second machine of one name is made. */
  readonly refusesTwins: boolean;
}

export interface ProviderMachine {
  readonly id: number;
  readonly name: string;
  readonly owner: AccountName;
  /** Made by a create call of the object under test. */
  readonly isOurs: boolean;
  readonly state: MachineState | 'Gone';
  /** What lists show of it, and `GET` while it is not shown at all. */
  readonly shown: MachineState | 'Nothing';
  /** A delete was accepted and is yet to be carried out. */
  readonly isDoomed: boolean;
  /** Lists and `GET` have denied it, though it was there. */
  readonly wasDenied: boolean;
  /** When `state` changed: lists may lag behind it for the visibility window. */
  readonly changedAt: number;
  readonly madeAt: number;
  /** The last action on it, by any client: the provider's `updated_at`. */
  readonly actedAt: number;
}

export interface ProviderCall {
  readonly operation: Operation;
  readonly account: AccountName;
  readonly id?: number;
  readonly name?: string;
  /** Of a restart: the request that it is for, as it is on record. */
  readonly request?: string | undefined;
}

export interface Adrift extends ProviderCall {
  readonly sentAt: number;
}

/** A changing call as it reaches the provider. */
export interface SentCall extends ProviderCall {
  /** The machine it is for, as it was before; undefined when there is none. */
  readonly machine: ProviderMachine | undefined;
  /** What the reconciliation was shown of that machine. */
  readonly seen: MachineState | undefined;
  /** The object that the reconciliation decided on. */
  readonly object: VirtualMachine | undefined;
  readonly at: number;
  /** As in the state before. */
  readonly doubtSince: number | undefined;
}

/** The operator's process: all of it is lost in a crash. */
export interface Operator {
  readonly leadingSince: number;
  /** The object as the watch, or the answer to its own write, reported it last. */
  readonly cache: VirtualMachine | undefined;
  /** The object waits in the queue. */
  readonly isDue: boolean;
  /** When it is added to the queue by itself. */
  readonly dueAt: number | undefined;
  readonly objectState: Remembered | undefined;
  readonly accounts: Partial<Record<AccountName, AccountState>>;
  readonly reconciliation: Reconciliation | undefined;
}

/** The fields of a `ObjectState`; an account in it is replaced by a reference. */
export type Remembered = Readonly<Record<string, unknown>>;

/** The fields of an object, and of the objects that it consists of. */
export type Parts = Readonly<Record<string, unknown>>;

/** The account of src/provider/account between two steps: see world/account.ts. */
export interface AccountState {
  readonly parts: Parts;
  readonly snapshot: Snapshot | undefined;
  /** A read of a single VM in flight. */
  readonly read: PendingRead | undefined;
  /** A list in flight, with its future result. */
  readonly listing: List | undefined;
  // What the steps decide on. All of it follows from the fields above.
  readonly isSubscribed: boolean;
  readonly credentialStatus: Account['credentialStatus'];
  readonly lastFailure: Failure | undefined;
  /** When a call was refused for its key: the next list shows whether the key is accepted. */
  readonly suspectedAt: number | undefined;
  readonly pausedUntil: number | undefined;
  /** A list that starts no earlier requeues the object. */
  readonly listRequestedAt: number | undefined;
  /** The newest read of the single VM. */
  readonly machineRead:
    { readonly id: ProviderId; readonly result: TimedRead<Machine | undefined> | undefined } | undefined;
}

export interface PendingRead {
  readonly id: ProviderId;
  readonly startedAt: number;
}

export interface List {
  readonly startedAt: number;
  readonly machines: readonly Machine[];
}

/** A reconciliation that waits for an answer, and may be run again from its start with all answers so far: see reconciliation.ts. */
export interface Reconciliation {
  readonly startedAt: number;
  /** The cache and the Secret when it started. */
  readonly object: VirtualMachine | undefined;
  readonly secret: Secret;
  readonly answers: readonly Answer[];
  readonly asks: Request;
}

/** What a reconciliation asks of the world. */
export type Request =
  | { readonly kind: 'Read' }
  | { readonly kind: 'Patch'; readonly subresource: 'status' | undefined; readonly body: unknown }
  | { readonly kind: 'Call'; readonly call: ProviderCall };

/** `error`: a KubeError's reason. `cache`: the operator's, as the watch had filled it by then. */
export type Answer = { readonly at: number; readonly cache: VirtualMachine | undefined } & (
  | { readonly value: unknown }
  | { readonly error: 'Conflict' | 'Invalid' | 'Forbidden' | 'NotFound' | 'Unavailable' | 'Timeout' }
);

/** Everything that may go wrong, or that others may do, each so many times. */
export type Misfortune =
  /** The operator's process ends and another one starts. */
  | 'crash'
  /** The answer of a changing call is lost; the call may be carried out until the response deadline. */
  | 'lostAnswer'
  /** A create call is answered without the VM's id. */
  | 'noId'
  /** A changing call certainly is not carried out: not sent, busy, too many calls, or refused. */
  | 'refusal'
  /** A list or a read of one VM fails. */
  | 'failedRead'
  /** A write to Kubernetes fails, stored or not. */
  | 'kubeFault'
  /** A create call is refused and carried out all the same: a proxy sent it twice. */
  | 'refusedEffect'
  /** An admission policy alters or refuses a write to Kubernetes. */
  | 'policy'
  /** Lists do not show at once what happened. */
  | 'lag'
  /** The provider denies a VM in lists and by its id, for less than the operator waits before it recreates one. */
  | 'denial'
  /** It denies the VM for another tick, so that the operator recreates it. */
  | 'longDenial'
  /** A list leaves a VM out that others show. */
  | 'gap'
  /** A list takes so long that other things happen between its start and its end. */
  | 'slowList'
  /** The clock moves on while the operator has something to do. */
  | 'stall'
  /** A transition takes another tick. */
  | 'slow'
  /** The guest ignores a shutdown signal, or falls back to halted while booting. */
  | 'guest'
  /** A console user starts, stops or deletes the VM at the provider. */
  | 'person'
  /** A console user creates a VM with the object's name. */
  | 'namesake'
  /** A user changes spec.powerState. */
  | 'powerState'
  /** A user changes spec.powerOff.mode. */
  | 'mode'
  /** A user requests a restart. */
  | 'restart'
  /** A user pauses the object for a while. */
  | 'pause'
  /** A user sets managementPolicy to Observe for a while. */
  | 'observe'
  /** A user protects the VM from deletion for a while. */
  | 'protection'
  /** A user says that the object's deletion leaves the VM running. */
  | 'retention'
  /** A user deletes the object. */
  | 'deletion'
  /** An update takes finalizers and annotations away. */
  | 'replace'
  /** A user writes another VM's id into the object's identity. */
  | 'tampering'
  /** The Secret is gone, or holds a key of another account. */
  | 'otherKey'
  /** The Secret and the object are deleted together, the Secret first. */
  | 'uninstall'
  /** The provider accepts no key for a while. */
  | 'rejection';

export type Budget = Readonly<Partial<Record<Misfortune, number>>>;
