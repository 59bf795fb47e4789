import type { CatalogStatus, ConditionStatus, ObjectMeta, VirtualMachineStatus } from './types.ts';

export const accountKind = 'Account';
export const accountPlural = 'accounts';

/** The currencies that the provider's catalog has prices in. */
export type Currency = 'EUR' | 'GBP' | 'USD';

export interface AccountSpec {
  readonly credentialsSecretRef: { readonly name: string; readonly key: string };
  /** The currency of `status.estimate`. Undefined: the only one in which the packages have prices. */
  readonly currency?: Currency;
  /** Pauses all VirtualMachines of the account. */
  readonly paused?: boolean;
  /** What holds creates in the account. */
  readonly limits?: { readonly machines?: number };
}

export type AccountConditionType =
  'Ready' | 'CredentialsValid' | 'InventoryComplete' | 'WithinLimits' | 'Reconciling' | 'Stalled';

export interface AccountCondition {
  readonly type: AccountConditionType;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339; changes only with `status`. */
  readonly lastTransitionTime: string;
}

/** A VM of the account that no object manages. */
export interface UnmanagedMachine {
  readonly id: number;
  readonly name: string;
  readonly state: NonNullable<VirtualMachineStatus['state']>;
  readonly region?: CatalogStatus;
  readonly package?: CatalogStatus;
  readonly address?: string;
}

/** A package of the catalog. A price is the provider's decimal text. */
export interface CatalogPackage extends CatalogStatus {
  readonly prices?: readonly CatalogPrice[];
}

export interface CatalogPrice {
  readonly currency: Currency;
  readonly perMonth?: string;
  readonly perHour?: string;
}

export interface AccountCatalog {
  readonly regions?: readonly CatalogStatus[];
  readonly packages?: readonly CatalogPackage[];
  readonly osTemplates?: readonly CatalogStatus[];
  /** How many entries are left out, because the status would be too large. */
  readonly omitted?: number;
}

export interface Estimate {
  /** A decimal text. Missing if the sum isn't known in one currency. */
  readonly monthlyPrice?: string;
  readonly currency?: Currency;
  /** How many VMs the sum doesn't contain, because their price isn't known. */
  readonly unpriced: number;
  /** Why the sum is missing. */
  readonly message?: string;
}

/** What the newest complete list shows of the account. */
export interface AccountInventory {
  readonly ownerId?: number;
  readonly machines?: { readonly total: number; readonly managed: number; readonly unmanaged: number };
  readonly unmanaged?: readonly UnmanagedMachine[];
  readonly catalog?: AccountCatalog;
  readonly estimate?: Estimate;
}

export interface AccountStatus extends AccountInventory {
  readonly observedGeneration: number;
  readonly conditions?: readonly AccountCondition[];
}

/** An Account as the operator keeps it: a digest stands for the inventory, which can have hundreds of kilobytes. */
export interface Account {
  readonly metadata: Pick<ObjectMeta, 'name' | 'namespace' | 'uid' | 'resourceVersion' | 'generation'> & {
    readonly creationTimestamp: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: AccountSpec;
  readonly status: {
    readonly observedGeneration: number;
    readonly conditions: readonly AccountCondition[];
    readonly ownerId?: number;
    /** Of each field of the inventory that is stored. */
    readonly digests: Readonly<Partial<Record<keyof AccountInventory, string>>>;
  };
}
