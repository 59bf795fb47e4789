import { type KnownMachine, readIdentity } from '../api/v1alpha1/identity.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { InternalStatus, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { equal } from '../domain/json.ts';
import { type Machine, type MachineState, isTaskBusy, isTaskFailed } from '../domain/machine.ts';
import type { Decision, StatusReason } from '../plan/action.ts';
import { actualOf, compareWithSpec } from '../plan/as-specified.ts';
import { recognize } from '../plan/create.ts';
import { deletionPolicyOf, externalDeletePolicyOf } from '../plan/defaults.ts';
import { desiredPowerState, haltedUntil, nextHalt } from '../plan/power.ts';
import type { Observed } from '../plan/observed.ts';
import { duplicateMachine } from '../plan/notes.ts';
import { toSeconds } from '../domain/clock.ts';
import { conditionsFor } from './conditions.ts';
import { type LastKnown, held, lastKnown } from './last-known.ts';

/** The result of a reconciliation, as far as the status reports it. */
export interface Report extends Pick<Decision, 'operation' | 'startFailure' | 'handledRestart' | 'plannedActions'> {
  readonly statusReason: StatusReason;
  /** The VM that this reconciliation found to be the object's. */
  readonly record?: KnownMachine | undefined;
  /** The machine, if the response to this reconciliation's call described it. */
  readonly machine?: Machine | undefined;
  /** The transitional state after an accepted power call; shown until the next read. */
  readonly state?: MachineState | undefined;
}

/**
 * The status after a reconciliation. Pure. What could not be observed keeps its last known value while that is valid
 * (last-known.ts): to remove an address because one list failed would be wrong, too. What was known of another VM is
 * removed.
 */
export function statusFor(o: Observed, report: Report): VirtualMachineStatus {
  const before = o.object.status;
  const machine =
    report.machine ?? (o.machine.kind === 'Present' && mayShow(o, report) ? o.machine.machine : undefined);
  const { standing, because } = machine === undefined && report.record === undefined ? lastKnown(o) : held;
  const isUnlisted = standing === 'Unlisted' || standing === 'Gone';
  const known = knownOf(o, report);
  const { objectUID, ...record } = recordOf(o, known);
  const id = record.id ?? shownId(o, machine);
  const kept = before?.id === undefined || before.id === id ? before : undefined;
  // The key in use shows the VM, or the VM was just created with it.
  const isKeyProven = machine !== undefined || report.record !== undefined;
  const last = standing === 'OfOther' ? undefined : kept;
  // A VM that differed from the spec isn't recreated as something else, so its fields stay on record. Otherwise the
  // spec describes the next VM.
  const isDropped = standing === 'Gone' && compareWithSpec(o.object, id, last ?? {}).result !== 'Different';
  const created =
    report.record === undefined
      ? last
      : { region: last?.region, package: last?.package, osTemplate: last?.osTemplate, ...report.record.options };
  const refs = isDropped ? {} : actualOf(machine, created);
  return compact<VirtualMachineStatus>({
    observedGeneration: o.object.metadata.generation,
    id,
    providerName: record.providerName ?? machine?.name ?? o.providerName,
    origin: record.origin,
    ownerId: machine?.ownerId ?? record.ownerId ?? kept?.ownerId,
    deletionPolicy: deletionPolicyOf(o.object, known?.origin),
    onExternalDelete: externalDeletePolicyOf(o.object, known?.origin),
    state: report.state ?? machine?.state ?? stateLeft(last?.state, standing),
    haltedUntil: timeOf(haltedUntil(o)),
    nextHaltTime: timeOf(nextHalt(o)),
    hostname: machine?.hostname ?? (isUnlisted ? undefined : last?.hostname),
    addresses: machine === undefined ? (isUnlisted ? undefined : last?.addresses) : machine.addresses,
    ...refs,
    diskIds: machine === undefined ? (isUnlisted ? undefined : last?.diskIds) : machine.diskIds,
    creationTime: machine?.createdAt ?? last?.creationTime,
    updatedTime: machine?.updatedAt ?? last?.updatedTime,
    initialPasswordSecret: secretOf(o, report, kept),
    operation: report.operation,
    lastTask: machine === undefined ? (isUnlisted ? undefined : last?.lastTask) : shownTask(machine),
    startFailure: report.startFailure,
    lastRestartRequest: report.handledRestart ?? before?.lastRestartRequest,
    plannedActions: report.plannedActions,
    orphanCandidates: o.orphanCandidates.length === 0 ? undefined : o.orphanCandidates,
    lastHandledReconcileAt: o.requests.reconcile ?? before?.lastHandledReconcileAt,
    internal: compactOrNone<InternalStatus>({
      objectUID,
      apiKeyHash: isKeyProven ? o.apiKeyHash : kept?.internal?.apiKeyHash,
      usesDefaultCredentials: (isKeyProven ? o.isDefaultKey : kept?.internal?.usesDefaultCredentials) || undefined,
      lastSyncedPowerState: isReached(o, report) ? desiredPowerState(o) : kept?.internal?.lastSyncedPowerState,
    }),
    conditions: conditionsFor(
      report.statusReason,
      {
        credentials: o.credentials,
        generation: o.object.metadata.generation,
        isDeleting: o.object.metadata.deletionTimestamp !== undefined,
        isHeld: standing === 'Held',
        comparison:
          because === undefined ? compareWithSpec(o.object, id, refs) : { result: 'Unknown', message: because },
        trouble: troubleOf(o),
      },
      o.now,
      before?.conditions,
    ),
  });
}

/** Kubernetes times have a resolution of one second, as schedules have. */
function timeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : toSeconds(milliseconds);
}

function stateLeft(
  before: VirtualMachineStatus['state'],
  standing: LastKnown['standing'],
): VirtualMachineStatus['state'] {
  if (standing === 'Held') return before;
  return standing === 'Gone' || before === undefined ? undefined : 'Unknown';
}

/** Whether the power state matches the spec. For a deletion, what blocks it is reported instead. */
function isReached(o: Observed, { statusReason: { reason }, operation }: Report): boolean {
  const { machine } = o;
  if (reason !== 'DeletionProtected') return reason === 'Available' || reason === 'HaltedBySchedule';
  const isAtRest = machine.kind === 'Present' && operation === undefined;
  return isAtRest && machine.machine.state === desiredPowerState(o);
}

/** A successful task isn't shown, because that would cost a write each time. */
function shownTask({ lastTask }: Machine): VirtualMachineStatus['lastTask'] {
  return isTaskBusy(lastTask) || isTaskFailed(lastTask) ? lastTask : undefined;
}

/** A VM on record stays on record until another VM replaces it there. */
function knownOf({ identity, object }: Observed, { record }: Report): KnownMachine | undefined {
  const known = identity.kind === 'None' ? readIdentity(object) : identity;
  return record ?? (known.kind === 'Known' ? known : undefined);
}

type StatusRecord = Pick<VirtualMachineStatus, 'id' | 'providerName' | 'origin' | 'ownerId'> &
  Pick<InternalStatus, 'objectUID'>;

/**
 * The record of the object's VM. A record with another object's UID stays unchanged, so that it is not acted on later
 * either.
 */
function recordOf(o: Observed, known: KnownMachine | undefined): StatusRecord {
  if (known !== undefined) {
    const { name: providerName, options: _, ...rest } = known;
    return { objectUID: o.object.metadata.uid, providerName, ...rest };
  }
  if (o.identity.kind !== 'OtherObject' || o.identity.isRecord !== true) return {};
  const { id, providerName, origin, ownerId } = o.object.status ?? {};
  return {
    objectUID: o.identity.uid,
    ...(id === undefined ? {} : { id }),
    ...(providerName === undefined ? {} : { providerName }),
    ...(origin === undefined ? {} : { origin }),
    ...(ownerId === undefined ? {} : { ownerId }),
  };
}

/** An id without an origin is only shown: it makes no record. */
function shownId(o: Observed, machine: Machine | undefined): number | undefined {
  return o.object.spec.managementPolicy === 'Observe' ? machine?.id : undefined;
}

/** Whether the observed VM is the object's, or will be after the next step. The status shows no other VM. */
function mayShow(o: Observed, report: Report): boolean {
  if (o.machine.kind !== 'Present') return false;
  const known = knownOf(o, report);
  if (known !== undefined) return known.id === o.machine.machine.id;
  return recognize(o, o.machine.machine).action.type === 'RecordIdentity';
}

function secretOf(
  { history }: Observed,
  report: Report,
  kept: VirtualMachineStatus | undefined,
): VirtualMachineStatus['initialPasswordSecret'] {
  if (kept?.initialPasswordSecret !== undefined) return kept.initialPasswordSecret;
  // What is remembered is about the machine before the one that this reconciliation created.
  const isRemembered = report.record === undefined && history.passwordSecret !== undefined;
  return isRemembered ? { name: history.passwordSecret } : undefined;
}

/** Reasons for problems beside the VM: Synced shows them while Ready stays about the VM. */
const troubles = [
  'DuplicateMachine',
  'InitialPasswordConflict',
  'InitialPasswordNotStored',
] as const satisfies readonly Reason[];

export function isTrouble(reason: string | undefined): reason is (typeof troubles)[number] {
  return troubles.some((trouble) => trouble === reason);
}

/** The problem beside the VM. */
function troubleOf(o: Observed): StatusReason | undefined {
  if (o.duplicates.length > 0) return duplicateMachine(o);
  return o.history.passwordConflict;
}

/**
 * Whether the status differs enough to be written. It doesn't if it is equal, or if only the state changes while a
 * reported operation is in progress: its end changes the conditions. It doesn't if the same problem is worded
 * differently, or an outage would write every object repeatedly. A task in progress is shown with the next write, or
 * each power change would cost another write; its end or failure is written. The time of the last action, which the
 * provider may change at any time, and the Secret with the password of a VM that is being provisioned are also stored
 * with the next write.
 */
export function isWorthWriting(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): boolean {
  if (before === undefined) return true;
  const flickers: Partial<Record<keyof VirtualMachineStatus, undefined>> = {
    ...(after.operation !== undefined && equal(before.operation, after.operation) ? { state: undefined } : {}),
    ...(isTaskBusy(after.lastTask) ? { lastTask: undefined } : {}),
    ...(after.state === 'Pending' ? { initialPasswordSecret: undefined } : {}),
    updatedTime: undefined,
  };
  return !equal({ ...withoutQuotes(before), ...flickers }, { ...withoutQuotes(after), ...flickers });
}

/**
 * Reasons whose message quotes the provider, which may word the same problem differently each time (request ids,
 * times).
 */
const quoting: ReadonlySet<string> = new Set<Reason>([
  'ProviderUnavailable',
  'ProtocolError',
  'CredentialsRejected',
  'RateLimited',
]);

function withoutQuotes(status: VirtualMachineStatus): VirtualMachineStatus {
  if (status.conditions === undefined) return status;
  return {
    ...status,
    conditions: status.conditions.map((condition) =>
      quoting.has(condition.reason) ? { ...condition, message: '' } : condition,
    ),
  };
}

/** Removes undefined fields. */
function compact<T>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  // `as`: only undefined values were removed, which is the difference between the two types.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as T;
}

function compactOrNone<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T | undefined {
  const known = compact<T>(fields);
  return Object.keys(known).length === 0 ? undefined : known;
}
