import type { ReasonRow } from '../api/v1alpha1/reason-row.ts';
import { type Reason, reasons } from '../api/v1alpha1/reasons.ts';
import type { Condition, ConditionStatus, ConditionType, VirtualMachine } from '../api/v1alpha1/types.ts';
import { cutMessage } from '../domain/text.ts';
import type { StatusReason } from '../plan/action.ts';
import type { Comparison } from '../plan/as-specified.ts';
import type { CredentialsObservation } from '../plan/observed.ts';

/** The order in which conditions are stored and shown. */
const order: readonly ConditionType[] = [
  'Ready',
  'AsSpecified',
  'Synced',
  'CredentialsValid',
  'Reconciling',
  'Stalled',
  'Paused',
  'DeletionBlocked',
];

/** In bytes: enough for all commands of a message, with the longest names of an object. An event has a lower limit. */
const longestMessage = 2_048;

/** What conditions report in addition to the reason. */
export interface Circumstances {
  readonly credentials: CredentialsObservation;
  readonly generation: number;
  readonly isDeleting?: boolean;
  /** Whether the last known state of the VM is still valid. */
  readonly isHeld?: boolean;
  /** The comparison of VM and spec. */
  readonly comparison: Comparison;
  /** A problem beside the VM; Synced reports it if nothing else is wrong. */
  readonly trouble?: StatusReason | undefined;
}

/**
 * The conditions for a reason, given the previous ones. Pure. All but the first four exist only while they are true, as
 * kstatus requires. `lastTransitionTime` changes only when a condition's status does.
 */
export function conditionsFor(
  statusReason: StatusReason,
  { credentials, generation, isDeleting = false, isHeld = true, comparison, trouble }: Circumstances,
  now: number,
  before: readonly Condition[] = [],
): readonly Condition[] {
  const row = reasons[statusReason.reason];
  const whileTrue = (type: ConditionType, isTrue: boolean): Condition | undefined =>
    isTrue ? next(before, type, 'True', statusReason.reason, statusReason.message, generation, now) : undefined;
  const found: (Condition | undefined)[] = [
    ready(row, statusReason, isHeld, generation, now, before),
    asSpecified(comparison, generation, now, before),
    synced(row, statusReason, trouble, generation, now, before),
    credentialsValid(credentials, generation, now, before),
    whileTrue('Reconciling', row.progress === 'Reconciling'),
    whileTrue('Stalled', row.progress === 'Stalled'),
    whileTrue('Paused', row.shows === 'Paused'),
    whileTrue('DeletionBlocked', isDeleting && row.blocksDeletion === true),
  ];
  return found
    .filter((condition) => condition !== undefined)
    .toSorted((a, b) => order.indexOf(a.type) - order.indexOf(b.type));
}

/** Adds a problem beside the reason: Synced reports it after its own. */
export function withTrouble(
  conditions: readonly Condition[],
  trouble: StatusReason,
  now: number,
  before: readonly Condition[] = [],
): readonly Condition[] {
  return conditions.map((condition) => {
    const { type, status, message, observedGeneration } = condition;
    if (type !== 'Synced') return condition;
    return status === 'True'
      ? next(before, type, 'False', trouble.reason, trouble.message, observedGeneration, now)
      : { ...condition, message: cutMessage(`${message}; ${trouble.message}`, longestMessage) };
  });
}

/** The reasons of an object that is being deleted while nothing blocks that. */
const deleting: ReadonlySet<string> = new Set<Reason>(['Deleting', 'PowerTransitionStuck']);

/** Whether the status reports that the VM is being deleted, as it does before the first call is made for that. */
export function isDeletionOnRecord({ metadata, status }: VirtualMachine): boolean {
  const isReported = status?.conditions?.some(({ type, reason }) => type === 'Ready' && deleting.has(reason)) === true;
  return metadata.deletionTimestamp !== undefined && isReported;
}

function ready(
  row: ReasonRow,
  statusReason: StatusReason,
  isHeld: boolean,
  generation: number,
  now: number,
  before: readonly Condition[],
): Condition {
  return next(
    before,
    'Ready',
    readyStatus(row, isHeld, generation, before),
    statusReason.reason,
    statusReason.message,
    generation,
    now,
  );
}

/** `Keep`: unchanged. But after a change of the spec, the VM may not match it, and the VM may be deleted. */
function readyStatus(
  { ready: status }: ReasonRow,
  isHeld: boolean,
  generation: number,
  before: readonly Condition[],
): ConditionStatus {
  if (status !== 'Keep') return status;
  const previous = before.find((condition) => condition.type === 'Ready');
  if (previous === undefined) return 'False';
  const isCurrent = isHeld && previous.observedGeneration === generation;
  return previous.status === 'True' && !isCurrent ? 'Unknown' : previous.status;
}

/** Ready is about the power state: the operator can't change region or package of a VM to those of the spec. */
function asSpecified(
  { result, message }: Comparison,
  generation: number,
  now: number,
  before: readonly Condition[],
): Condition {
  const [status, reason] = (
    {
      Same: ['True', 'AsSpecified'],
      Different: ['False', 'DiffersFromSpec'],
      Unknown: ['Unknown', 'NotCompared'],
    } as const
  )[result];
  return next(before, 'AsSpecified', status, reason, message, generation, now);
}

function synced(
  row: ReasonRow,
  statusReason: StatusReason,
  trouble: StatusReason | undefined,
  generation: number,
  now: number,
  before: readonly Condition[],
): Condition {
  if (row.synced !== 'True')
    return next(before, 'Synced', row.synced, statusReason.reason, statusReason.message, generation, now);
  return trouble === undefined
    ? next(before, 'Synced', 'True', statusReason.reason, 'the last reconciliation succeeded', generation, now)
    : next(before, 'Synced', 'False', trouble.reason, trouble.message, generation, now);
}

function credentialsValid(
  credentials: CredentialsObservation,
  generation: number,
  now: number,
  before: readonly Condition[],
): Condition {
  switch (credentials.kind) {
    case 'Accepted':
      return next(before, 'CredentialsValid', 'True', 'Accepted', 'the provider accepts the API key', generation, now);
    case 'Missing':
      return next(before, 'CredentialsValid', 'False', 'CredentialsMissing', credentials.message, generation, now);
    case 'Rejected':
      return next(
        before,
        'CredentialsValid',
        'False',
        'CredentialsRejected',
        'the provider does not accept the API key',
        generation,
        now,
      );
    case 'Unverified':
    case 'TooMany': {
      const message = 'the provider has not answered a request with this API key yet';
      const previous = before.find((condition) => condition.type === 'CredentialsValid');
      return previous ?? next(before, 'CredentialsValid', 'Unknown', 'Unverified', message, generation, now);
    }
  }
}

function next(
  before: readonly Condition[],
  type: ConditionType,
  status: ConditionStatus,
  reason: Reason | 'Accepted' | 'Unverified' | 'AsSpecified' | 'NotCompared',
  message: string,
  observedGeneration: number,
  now: number,
): Condition {
  const previous = before.find((condition) => condition.type === type);
  const lastTransitionTime = previous?.status === status ? previous.lastTransitionTime : toSeconds(now);
  return { type, status, reason, message: cutMessage(message, longestMessage), observedGeneration, lastTransitionTime };
}

/** Kubernetes times have a resolution of one second. */
function toSeconds(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}
