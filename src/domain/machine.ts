import type { Secret } from './secret.ts';

/** Identifies a machine, region, package or template at the provider: a positive safe integer. */
export type ProviderId = number;

/** The provider's states; whatever it says beyond its documented set is `Unknown`, on which the operator never acts. */
export type MachineState = 'Pending' | 'Starting' | 'Running' | 'Halting' | 'Halted' | 'Unknown';

/** An IP address, or a range of them: `first` and `last`, and `address` if it is known which of them to connect to. */
export interface Address {
  readonly version: 4 | 6;
  readonly address?: string;
  readonly first?: string;
  readonly last?: string;
  readonly gateway?: string;
  readonly prefixLength?: number;
}

/** A catalogue entry as a machine refers to it; the provider may leave the name out. */
export interface CatalogueRef {
  readonly id: ProviderId;
  readonly name?: string;
}

/**
 * The provider's last task on a machine. `status` is an open set, kept as the provider spells it (lower-cased). `progress` has no
 * known unit.
 */
export interface LastTask {
  readonly id?: ProviderId;
  readonly name?: string;
  readonly status: string;
  readonly progress?: string;
}

/** One machine as the provider last described it. Addresses are sorted and free of duplicates; texts are sanitized. */
export interface Machine {
  readonly id: ProviderId;
  /** Exactly the provider's: a name that sanitizing would alter is not readable. */
  readonly name: string;
  readonly state: MachineState;
  readonly ownerId?: ProviderId;
  readonly hostname?: string;
  readonly addresses: readonly Address[];
  readonly region?: CatalogueRef;
  readonly package?: CatalogueRef;
  readonly osTemplate?: CatalogueRef;
  /** By the provider's clock, in UTC as `Date.toISOString` has it, so that the later of two comes later as text too. */
  readonly createdAt?: string;
  /** The same: the time of the last action. */
  readonly updatedAt?: string;
  readonly lastTask?: LastTask;
  readonly diskIds?: readonly ProviderId[];
  readonly initialPassword?: Secret;
  /** Hours run since the last billing cycle. */
  readonly unbilledHours?: number;
  /** Transfer of the month in MB: allocated and still left. */
  readonly transferTotal?: number;
  readonly transferRemaining?: number;
}

/**
 * A VM that is there, and of which no more is known for certain: it is never acted on and never counts as absent. Its name
 * is unknown where that is what can't be read.
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
  /** Missing when it can't be read; such a region can be chosen by its id. */
  readonly name?: string;
  /** Packages that can be had there; undefined when the provider does not say. */
  readonly packageIds?: readonly ProviderId[];
}

/** `amount` is the provider's decimal text: a number could not hold it exactly. */
export interface Price {
  readonly amount: string;
  readonly currency: 'EUR' | 'GBP' | 'USD';
  readonly per: 'hour' | 'month';
}

export interface Package {
  readonly id: ProviderId;
  readonly name?: string;
  /** Those that can be read; undefined when there is none. */
  readonly prices?: readonly Price[];
  /** Templates that fit this package; undefined when the provider does not say. */
  readonly osTemplateIds?: readonly ProviderId[];
}

export interface OsTemplate {
  readonly id: ProviderId;
  readonly name?: string;
}

/** Everything needed to create a machine; names are already resolved to ids. */
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

/** Whether the provider says a task is still at work on the machine. */
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

/** Whether the provider says that the task ended without doing what it was for. A status that this version doesn't know is none. */
export function isTaskFailed(task: LastTask | undefined): task is LastTask {
  return task !== undefined && failedTaskStatuses.has(task.status);
}
