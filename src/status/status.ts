import type { KnownMachine } from '../api/v1alpha1/identity.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { InternalStatus, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { isRecord } from '../domain/json.ts';
import { type Machine, type MachineState, isTaskBusy, isTaskFailed } from '../domain/machine.ts';
import type { Decision, StatusReason } from '../plan/action.ts';
import { actualOf, compareWithSpec } from '../plan/as-specified.ts';
import { recognize } from '../plan/create.ts';
import { deletionPolicyOf, externalDeletePolicyOf } from '../plan/defaults.ts';
import type { Observed } from '../plan/observed.ts';
import { duplicateMachine } from '../plan/duplicate-machine.ts';
import { conditionsFor } from './conditions.ts';
import { type LastKnown, held, lastKnown } from './last-known.ts';

/** The result of a reconciliation, as far as the status reports it. */
export interface Report extends Pick<Decision, 'operation' | 'startFailure' | 'handledRestart' | 'plannedActions'> {
  readonly statusReason: StatusReason;
  /** The VM that this reconciliation learned to be the object's. */
  readonly record?: KnownMachine | undefined;
  /** The machine when this reconciliation's own call described it. */
  readonly machine?: Machine | undefined;
  /** The state an accepted power call leads through; shown until the next read. */
  readonly state?: MachineState | undefined;
}

/**
 * The status after a reconciliation. Pure. What could not be observed keeps its last known value as long as that holds
 * (last-known.ts): to forget an address because one list failed would be untrue as well. What was known of another VM is not kept.
 */
export function statusFor(o: Observed, report: Report): VirtualMachineStatus {
  const before = o.object.status;
  const machine = report.machine ?? (o.machine.kind === 'Present' && mayShow(o) ? o.machine.machine : undefined);
  const { standing, because } = machine === undefined && report.record === undefined ? lastKnown(o) : held;
  const isUnlisted = standing === 'Unlisted' || standing === 'Gone';
  const known = knownOf(o, report);
  const { objectUID, ...record } = recordOf(o, known);
  const id = record.id ?? shownId(o, machine);
  const kept = before?.id === undefined || before.id === id ? before : undefined;
  // The key in use shows the VM, or the VM was just created with it.
  const isKeyProven = machine !== undefined || report.record !== undefined;
  const last = standing === 'OfOther' ? undefined : kept;
  // What differed from the spec is not recreated as something else, so it stays on record. Else the spec may say what is to come.
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
      lastSyncedPowerState: isReached(o, report) ? o.object.spec.powerState : kept?.internal?.lastSyncedPowerState,
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

function stateLeft(
  before: VirtualMachineStatus['state'],
  standing: LastKnown['standing'],
): VirtualMachineStatus['state'] {
  if (standing === 'Held') return before;
  return standing === 'Gone' || before === undefined ? undefined : 'Unknown';
}

/** Whether the VM's power is that of the spec. What holds up a deletion is reported in place of that. */
function isReached({ object, machine }: Observed, { statusReason, operation }: Report): boolean {
  if (statusReason.reason !== 'DeletionProtected') return statusReason.reason === 'Available';
  const isAtRest = machine.kind === 'Present' && operation === undefined;
  return isAtRest && machine.machine.state === object.spec.powerState;
}

/** A task that ended well isn't shown: it would cost a write each time. */
function shownTask({ lastTask }: Machine): VirtualMachineStatus['lastTask'] {
  return isTaskBusy(lastTask) || isTaskFailed(lastTask) ? lastTask : undefined;
}

function knownOf({ identity }: Observed, { record }: Report): KnownMachine | undefined {
  return record ?? (identity.kind === 'Known' ? identity : undefined);
}

type StatusRecord = Pick<VirtualMachineStatus, 'id' | 'providerName' | 'origin' | 'ownerId'> &
  Pick<InternalStatus, 'objectUID'>;

/** The record of the object's VM. One that came with another object's UID stays as it is, so that it is not acted on later either. */
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

/** Whether the VM observed is the object's, or would be with the next step: of no other one the status shows anything. */
function mayShow(o: Observed): boolean {
  if (o.machine.kind !== 'Present') return false;
  return o.identity.kind === 'Known' || recognize(o, o.machine.machine).action.type === 'RecordIdentity';
}

function secretOf(
  { history }: Observed,
  report: Report,
  kept: VirtualMachineStatus | undefined,
): VirtualMachineStatus['initialPasswordSecret'] {
  if (kept?.initialPasswordSecret !== undefined) return kept.initialPasswordSecret;
  // What is remembered is of the machine before the one that this reconciliation made.
  const isRemembered = report.record === undefined && history.passwordSecret !== undefined;
  return isRemembered ? { name: history.passwordSecret } : undefined;
}

/** Reasons of trouble beside the VM: Synced shows them while Ready stays that of the VM. */
const troubles = [
  'DuplicateMachine',
  'InitialPasswordConflict',
  'InitialPasswordNotStored',
] as const satisfies readonly Reason[];

export function isTrouble(reason: string | undefined): reason is (typeof troubles)[number] {
  return troubles.some((trouble) => trouble === reason);
}

/** What went wrong beside the machine. */
function troubleOf(o: Observed): StatusReason | undefined {
  if (o.duplicates.length > 0) return duplicateMachine(o);
  return o.history.passwordConflict;
}

/**
 * Whether the status is worth a write. Equal ones are not, and neither is a state that merely flickers while an
 * operation that is already reported is in progress: what matters then is its end, which changes the conditions. Nor is the
 * same trouble in other words, or an outage would write every object again and again. A task in progress is shown with what else is
 * written, or each power change would take a write more; that it ended or failed is written. So is the time of the last action, which
 * the provider may change with anything, and the Secret with the password of a VM that is being provisioned, whose end is written.
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

/** Reasons whose message quotes the provider, which may word the same problem differently each time (request ids, times). */
const quoting: ReadonlySet<string> = new Set<Reason>(['ProviderUnavailable', 'ProtocolError', 'CredentialsRejected']);

function withoutQuotes(status: VirtualMachineStatus): VirtualMachineStatus {
  if (status.conditions === undefined) return status;
  return {
    ...status,
    conditions: status.conditions.map((condition) =>
      quoting.has(condition.reason) ? { ...condition, message: '' } : condition,
    ),
  };
}

/** Deep equality of plain data; an undefined field equals a missing one. */
export function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]))
    );
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => equal(a[key], b[key]));
}

/**
 * The JSON merge patch (RFC 7386) that makes `before` into `after`: only what differs, null for what goes, lists whole.
 */
export function mergePatch(before: unknown, after: unknown): unknown {
  if (!isRecord(before) || !isRecord(after)) return after;
  const patch: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (equal(before[key], after[key])) continue;
    patch[key] = after[key] === undefined ? null : mergePatch(before[key], after[key]);
  }
  return patch;
}

/** Drops undefined fields, so that the status holds what is known and nothing else. */
function compact<T>(fields: { readonly [K in keyof T]: T[K] | undefined }): T {
  // Only undefined values were removed, which is exactly the difference between the two types.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as T;
}

function compactOrNone<T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T | undefined {
  const known = compact<T>(fields);
  return Object.keys(known).length === 0 ? undefined : known;
}
