/**
 * The custom resource as it is read from and written to Kubernetes. `schema.ts` beside this file describes the same as
 * OpenAPI; a test keeps the two in step. Ids are the provider's, positive safe integers.
 */
export type CatalogSelector = { readonly id: number } | { readonly name: string };

export type PowerState = 'Running' | 'Halted';
export type PowerOffMode = 'Soft' | 'Hard' | 'TrySoft';
export type PowerDriftPolicy = 'Correct' | 'Report';
export type ManagementPolicy = 'Manage' | 'Plan' | 'Observe';
export type AdoptionPolicy = 'Never' | 'IfExists' | 'MustExist';
export type ExternalDeletePolicy = 'Recreate' | 'Report';
export type InitialPasswordPolicy = 'Create' | 'None';
export type DeletionPolicy = 'Delete' | 'Retain';
/** How the object got its VM. */
export type Origin = 'Created' | 'Adopted';

/** Windows in which the VM is halted, although `powerState` is Running. Cron expressions of five fields. */
export interface PowerSchedule {
  readonly timeZone: string;
  readonly halted: readonly { readonly from: string; readonly to: string }[];
}

export interface VirtualMachineSpec {
  readonly region?: CatalogSelector;
  readonly package?: CatalogSelector;
  readonly osTemplate?: CatalogSelector;
  readonly ipv6: boolean;
  readonly privateNetworking: boolean;
  readonly sshKeyIds: readonly number[];
  readonly providerName?: string;
  readonly powerState: PowerState;
  readonly powerSchedule?: PowerSchedule;
  readonly powerOff: { readonly mode: PowerOffMode; readonly gracePeriodSeconds: number };
  /** A string that differs from the last handled one restarts the VM once. */
  readonly restartRequest?: string;
  readonly powerDriftPolicy: PowerDriftPolicy;
  readonly managementPolicy: ManagementPolicy;
  /** `id` or `name` at the provider of the VM to adopt: only with MustExist. */
  readonly adoption: { readonly policy: AdoptionPolicy; readonly id?: number; readonly name?: string };
  /** Undefined: Recreate for a VM that was created, Report for one that was adopted. */
  readonly onExternalDelete?: ExternalDeletePolicy;
  /** Undefined: Delete for a VM that was created, Retain for one that was adopted. */
  readonly deletionPolicy?: DeletionPolicy;
  readonly deletionProtection: boolean;
  readonly credentialsSecretRef: { readonly name: string; readonly key: string };
  /** Undefined name: `<object's name>-initial-password`; undefined policy: Create. */
  readonly initialPasswordSecret: { readonly name?: string; readonly policy?: InitialPasswordPolicy };
}

/** Options of a VM that the provider doesn't report. */
export type CreationOptions = Pick<VirtualMachineSpec, 'ipv6' | 'privateNetworking' | 'sshKeyIds'>;

export type ConditionStatus = 'True' | 'False' | 'Unknown';
export type ConditionType =
  'Ready' | 'AsSpecified' | 'Synced' | 'CredentialsValid' | 'Reconciling' | 'Stalled' | 'Paused' | 'DeletionBlocked';

export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; changes only with `status`. */
  readonly lastTransitionTime: string;
}

export interface CatalogStatus {
  readonly id: number;
  readonly name?: string;
}

export type OperationType = 'Start' | 'Stop' | 'Restart' | 'Kill';

/** The power operation in progress. `deadlineTime` is when the grace period of a stop in mode TrySoft ends. */
export interface OperationStatus {
  readonly type: OperationType;
  readonly startTime: string;
  readonly deadlineTime?: string;
  readonly attempts?: number;
  /**
   * The result of the last call: `Accepted`, or why the provider refused it. Missing while it is unknown. `Superseded`: it
   * was sent before the other power state was wanted.
   */
  readonly lastResult?: string;
  /** The `spec.restartRequest` that this restart is for. */
  readonly restartRequest?: string;
  /** The provider's time of the VM's last action before this restart. */
  readonly previousActionTime?: string;
}

/** A task of the provider on the VM, as the provider reports it. */
export interface TaskStatus {
  readonly id?: number;
  readonly name?: string;
  readonly status: string;
  readonly progress?: string;
}

/** One step that `managementPolicy: Plan` prevents. */
export interface PlannedAction {
  readonly operation: string;
  readonly message: string;
}

/** An unmanaged VM that may have belonged to a previous object of this name: same name, another object's suffix. */
export interface OrphanCandidate {
  readonly id: number;
  readonly name: string;
}

/** Internal bookkeeping of the operator. */
export interface InternalStatus {
  /** The object that `id`, `origin`, `providerName` and `ownerId` of the status were recorded for. */
  readonly objectUID?: string;
  /** A keyed hash of the object's UID, with the API key that the VM was last seen with. */
  readonly apiKeyHash?: string;
  /** The VM was last seen with the operator's default API key instead of one of the namespace. */
  readonly usesDefaultCredentials?: boolean;
  /** The power state in which the VM last matched the spec. */
  readonly lastSyncedPowerState?: PowerState;
}

export interface VirtualMachineStatus {
  readonly observedGeneration: number;
  readonly id?: number;
  readonly providerName?: string;
  readonly origin?: Origin;
  readonly ownerId?: number;
  /**
   * The policies in effect: those of the spec, otherwise the defaults for `origin`. Missing while they depend on a VM
   * that doesn't exist yet.
   */
  readonly deletionPolicy?: DeletionPolicy;
  readonly onExternalDelete?: ExternalDeletePolicy;
  readonly state?: 'Pending' | 'Starting' | 'Running' | 'Halting' | 'Halted' | 'Unknown';
  /** Until when `spec.powerSchedule` halts the VM; missing while it doesn't. */
  readonly haltedUntil?: string;
  /** When `spec.powerSchedule` next halts the VM; missing while it is halted, and if that isn't known. */
  readonly nextHaltTime?: string;
  readonly hostname?: string;
  readonly addresses?: readonly {
    readonly version: 4 | 6;
    readonly address?: string;
    readonly first?: string;
    readonly last?: string;
    readonly gateway?: string;
    readonly prefixLength?: number;
  }[];
  readonly region?: CatalogStatus;
  readonly package?: CatalogStatus;
  readonly osTemplate?: CatalogStatus;
  /** The options that the VM was created with; undefined if that isn't known, as for an adopted VM. */
  readonly ipv6?: boolean;
  readonly privateNetworking?: boolean;
  readonly sshKeyIds?: readonly number[];
  readonly diskIds?: readonly number[];
  readonly creationTime?: string;
  /** As of the last write: a change of it alone causes no write. */
  readonly updatedTime?: string;
  /** The Secret that the initial password was written to. */
  readonly initialPasswordSecret?: { readonly name: string };
  readonly operation?: OperationStatus;
  /** Present while it is in progress, and after it failed. */
  readonly lastTask?: TaskStatus;
  readonly startFailure?: { readonly count: number; readonly lastTime: string; readonly retryTime?: string };
  readonly lastRestartRequest?: string;
  readonly plannedActions?: readonly PlannedAction[];
  readonly orphanCandidates?: readonly OrphanCandidate[];
  readonly lastHandledReconcileAt?: string;
  readonly internal?: InternalStatus;
  readonly conditions?: readonly Condition[];
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
  /** `finalizers` contains only the operator's own, because there are too many. */
  readonly hasMoreFinalizers?: true;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** A small hash of the labels and annotations that are not kept; different maps may have the same. */
  readonly fingerprint?: number;
}

export interface VirtualMachine {
  readonly metadata: ObjectMeta;
  /**
   * `region`, `package` and `osTemplate` may be missing only with `adoption.policy` MustExist or `managementPolicy`
   * Observe.
   */
  readonly spec: VirtualMachineSpec;
  /**
   * Violations of the present schema in the stored spec, a sentence each; if there are any, `spec` isn't the desired
   * state.
   */
  readonly specErrors?: readonly string[];
  readonly status?: VirtualMachineStatus;
}
