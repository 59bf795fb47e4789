/**
 * The custom resource as it is read from and written to Kubernetes. `schema.ts` beside this file is the same thing as
 * OpenAPI; a test holds the two together. Ids are the provider's, positive safe integers.
 */
export type CatalogueSelector = { readonly id: number } | { readonly name: string };

export type PowerState = 'Running' | 'Halted';
export type PowerOffMode = 'Soft' | 'Hard' | 'TrySoft';

export interface VirtualMachineSpec {
  readonly region: CatalogueSelector;
  readonly package: CatalogueSelector;
  readonly osTemplate: CatalogueSelector;
  readonly ipv6: boolean;
  readonly privateNetworking: boolean;
  readonly sshKeyIds: readonly number[];
  readonly providerName?: string;
  readonly powerState: PowerState;
  /** `gracePeriod` is a Go duration such as `5m` or `1h30m`. */
  readonly powerOff: { readonly mode: PowerOffMode; readonly gracePeriod: string };
  readonly credentialsSecretRef: { readonly name: string; readonly key: string };
}

export type ConditionStatus = 'True' | 'False' | 'Unknown';
export type ConditionType = 'Ready' | 'Synced' | 'CredentialsValid' | 'Reconciling' | 'Stalled';

export interface Condition {
  readonly type: ConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; moves only when `status` does. */
  readonly lastTransitionTime: string;
}

export interface CatalogueStatus {
  readonly id: number;
  readonly name?: string;
}

export type OperationType = 'Start' | 'Stop' | 'Kill' | 'Delete';

/** The power operation in flight. `deadline` is when patience ends (kill for a stop, stuck for the rest). */
export interface OperationStatus {
  readonly type: OperationType;
  readonly startedAt: string;
  readonly deadline?: string;
  readonly attempts?: number;
  /** The provider's last refusal, when there was one. */
  readonly code?: string;
}

export interface VirtualMachineStatus {
  readonly observedGeneration: number;
  readonly id?: number;
  readonly providerName?: string;
  readonly origin?: 'Created';
  readonly ownerId?: number;
  readonly state?: 'Pending' | 'Starting' | 'Running' | 'Halting' | 'Halted' | 'Unknown';
  readonly hostname?: string;
  readonly addresses?: readonly {
    readonly version: 4 | 6;
    readonly address: string;
    readonly gateway?: string;
    readonly prefixLength?: number;
  }[];
  readonly region?: CatalogueStatus;
  readonly package?: CatalogueStatus;
  readonly osTemplate?: CatalogueStatus;
  readonly createdAt?: string;
  readonly operation?: OperationStatus;
  readonly startFailure?: { readonly count: number; readonly lastAt: string; readonly retryAfter?: string };
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
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface VirtualMachine {
  readonly metadata: ObjectMeta;
  readonly spec: VirtualMachineSpec;
  readonly status?: VirtualMachineStatus;
}
