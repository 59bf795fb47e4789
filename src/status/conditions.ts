import type { ReasonRow } from '../api/v1alpha1/reason-row.ts';
import { type Reason, reasons } from '../api/v1alpha1/reasons.ts';
import type { Condition, ConditionStatus, ConditionType, VirtualMachine } from '../api/v1alpha1/types.ts';
import { toTime } from '../domain/clock.ts';
import { cutMessage } from '../domain/text.ts';
import type { StatusReason } from '../plan/action.ts';
import type { Comparison } from '../plan/as-specified.ts';
import type { CredentialsObservation } from '../plan/observed.ts';

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
  const next: NextCondition = (type, status, reason) => nextCondition(before, type, status, reason, generation, now);
  const whileTrue = (type: ConditionType, isTrue: boolean): readonly Condition[] =>
    isTrue ? [next(type, 'True', statusReason)] : [];
  return [
    next('Ready', readyStatus(row, isHeld, generation, before), statusReason),
    asSpecified(comparison, next),
    synced(row, statusReason, trouble, next),
    credentialsValid(credentials, before, next),
    ...whileTrue('Reconciling', row.progress === 'Reconciling'),
    ...whileTrue('Stalled', row.progress === 'Stalled'),
    ...whileTrue('Paused', row.shows === 'Paused'),
    ...whileTrue('DeletionBlocked', isDeleting && row.blocksDeletion === true),
  ];
}

type NextCondition = (type: ConditionType, status: ConditionStatus, reason: ConditionReason) => Condition;

interface ConditionReason {
  readonly reason: Reason | 'Accepted' | 'Unverified' | 'AsSpecified' | 'NotCompared';
  readonly message: string;
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
      ? nextCondition(before, type, 'False', trouble, observedGeneration, now)
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
function asSpecified({ result, message }: Comparison, next: NextCondition): Condition {
  switch (result) {
    case 'Same':
      return next('AsSpecified', 'True', { reason: 'AsSpecified', message });
    case 'Different':
      return next('AsSpecified', 'False', { reason: 'DiffersFromSpec', message });
    case 'Unknown':
      return next('AsSpecified', 'Unknown', { reason: 'NotCompared', message });
  }
}

function synced(
  row: ReasonRow,
  statusReason: StatusReason,
  trouble: StatusReason | undefined,
  next: NextCondition,
): Condition {
  if (row.synced !== 'True') return next('Synced', row.synced, statusReason);
  return trouble === undefined
    ? next('Synced', 'True', { reason: statusReason.reason, message: 'the last reconciliation succeeded' })
    : next('Synced', 'False', trouble);
}

function credentialsValid(
  credentials: CredentialsObservation,
  before: readonly Condition[],
  next: NextCondition,
): Condition {
  const type = 'CredentialsValid';
  switch (credentials.kind) {
    case 'Accepted':
      return next(type, 'True', { reason: 'Accepted', message: 'the provider accepts the API key' });
    case 'Missing':
      return next(type, 'False', { reason: 'CredentialsMissing', message: credentials.message });
    case 'Rejected':
      return next(type, 'False', {
        reason: 'CredentialsRejected',
        message: 'the provider does not accept the API key',
      });
    case 'Unverified':
    case 'TooMany': {
      const message = 'the provider has not answered a request with this API key yet';
      const previous = before.find((condition) => condition.type === type);
      return previous ?? next(type, 'Unknown', { reason: 'Unverified', message });
    }
  }
}

/** The condition after this result, given the previous conditions of the object. */
export function nextCondition<Type extends string>(
  before: readonly { readonly type: Type; readonly status: ConditionStatus; readonly lastTransitionTime: string }[],
  type: Type,
  status: ConditionStatus,
  { reason, message }: { readonly reason: string; readonly message: string },
  observedGeneration: number,
  now: number,
) {
  const previous = before.find((condition) => condition.type === type);
  const lastTransitionTime = previous?.status === status ? previous.lastTransitionTime : toTime(now);
  return { type, status, reason, message: cutMessage(message, longestMessage), observedGeneration, lastTransitionTime };
}
