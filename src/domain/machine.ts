import type { Secret } from './secret.ts';

/** Identifies a machine, region, package or template at the provider: a positive safe integer. */
export type ProviderId = number;

/** The provider's states. `Unknown` is any state outside of its documented set; the operator never acts on it. */
export type MachineState = 'Pending' | 'Starting' | 'Running' | 'Halting' | 'Halted' | 'Unknown';

/** An IP address, or a range from `first` to `last`. `address` is the one to connect to, if that is known. */
export interface Address {
  readonly version: 4 | 6;
  readonly address?: string;
  readonly first?: string;
  readonly last?: string;
  readonly gateway?: string;
  readonly prefixLength?: number;
}

/** A catalog entry that a machine refers to. The provider may omit the name. */
export interface CatalogRef {
  readonly id: ProviderId;
  readonly name?: string;
}

/**
 * The provider's last task on a machine. `status` can have any value; it is the provider's, in lower case. `progress`
 * has no documented unit.
 */
export interface LastTask {
  readonly id?: ProviderId;
  readonly name?: string;
  readonly status: string;
  readonly progress?: string;
}

/** A machine as the provider last described it. Addresses are sorted and unique; texts are sanitized. */
export interface Machine {
  readonly id: ProviderId;
  /** Exactly as the provider returned it. A machine whose name sanitizing would alter counts as unreadable. */
  readonly name: string;
  readonly state: MachineState;
  readonly ownerId?: ProviderId;
  readonly hostname?: string;
  readonly addresses: readonly Address[];
  readonly region?: CatalogRef;
  readonly package?: CatalogRef;
  readonly osTemplate?: CatalogRef;
  /** By the provider's clock, as `Date.toISOString` formats it: texts sort by time. */
  readonly createdAt?: string;
  /** The time of the last action, in the same form. */
  readonly updatedAt?: string;
  readonly lastTask?: LastTask;
  readonly diskIds?: readonly ProviderId[];
  readonly initialPassword?: Secret;
  /** Hours run since the last billing cycle. */
  readonly unbilledHours?: number;
  /** Transfer of the current month in MB: the allowance and what is left of it. */
  readonly transferTotal?: number;
  readonly transferRemaining?: number;
}

/**
 * A VM that exists, but whose entry can't be read: the operator never acts on it and never counts it as absent. `name`
 * is missing if that is the unreadable part.
 */
export interface UnreadableMachine {
  readonly id: ProviderId;
  readonly name?: string;
  /** Whether the name has characters that can't be shown: no name that the operator creates has one. */
  readonly isNameUnprintable?: true;
  /** What can't be read, such as "its name is missing". */
  readonly problem: string;
}

/** An entry of the provider's list. */
export type ListedMachine = Machine | UnreadableMachine;

export function isReadable(listed: ListedMachine): listed is Machine {
  return !('problem' in listed);
}

export interface Region {
  readonly id: ProviderId;
  /** Missing if it can't be read. The region can still be chosen by its id. */
  readonly name?: string;
  /** The packages that this region offers; undefined if the provider doesn't report them. */
  readonly packageIds?: readonly ProviderId[];
}

/** `amount` is the provider's decimal text, because a number isn't exact. */
export interface Price {
  readonly amount: string;
  readonly currency: 'EUR' | 'GBP' | 'USD';
  readonly per: 'hour' | 'month';
}

export interface Package {
  readonly id: ProviderId;
  readonly name?: string;
  /** The readable ones; undefined if there are none. */
  readonly prices?: readonly Price[];
  /** The templates for this package; undefined if the provider doesn't report them. */
  readonly osTemplateIds?: readonly ProviderId[];
}

export interface OsTemplate {
  readonly id: ProviderId;
  readonly name?: string;
}

/** Everything needed to create a machine. Names are already resolved to ids. */
export interface CreateRequest {
  readonly name: string;
  readonly regionId: ProviderId;
  readonly packageId: ProviderId;
  readonly osTemplateId: ProviderId;
  readonly ipv6: boolean;
  readonly privateNetworking: boolean;
  readonly sshKeyIds: readonly ProviderId[];
}

const busyTaskStatuses: ReadonlySet<string> = new Set(['pending', 'queued', 'running']);

/** Whether the provider reports that the task is in progress. */
export function isTaskBusy(task: LastTask | undefined): boolean {
  return task !== undefined && busyTaskStatuses.has(task.status);
}

const failedTaskStatuses: ReadonlySet<string> = new Set([
  'failed',
  'failure',
  'error',
  'errored',
  'aborted',
  'cancelled',
  'canceled',
]);

/** Whether the provider reports that the task failed. An unknown status doesn't count as failed. */
export function isTaskFailed(task: LastTask | undefined): task is LastTask {
  return task !== undefined && failedTaskStatuses.has(task.status);
}
