import { annotate, resetStatus } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import { compareHint, hasFinalizer, isNameOwn } from '../api/v1alpha1/identity.ts';
import type { Origin } from '../api/v1alpha1/types.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, perform, requeue, keptOperations } from './action.ts';
import { machineHeldByOther, nameHeldByOther, identityUnusable } from './conflicts.ts';
import { recognize, create, isInDoubt } from './create.ts';
import { deletionPolicyOf } from './defaults.ts';
import { externallyDeleted } from './external-deletion.ts';
import { missing, rejected } from './failure-status.ts';
import { deferCalls, unwritable, isObserving, underPolicy, queued, explained, untilScheduleChange } from './filters.ts';
import { orphan } from './orphan.ts';
import { retainHint, withNotes, duplicateMachine } from './notes.ts';
import type { Observed } from './observed.ts';
import { passwordUnwritten } from './password.ts';
import { correctOrReport } from './power.ts';
import { protectedDeletion, isDeletionProtected } from './protection.ts';
import { deleteMachine } from './delete.ts';
import { handledWithoutRestart } from './restart.ts';
import { unknownMachine } from './unknown-machine.ts';

/** How often a missing Secret without the label, which isn't watched, is read. */
const secretRetry = 15_000;

/** How often an object retries that is over the limit of API keys. */
const keyRetry = 60_000;

/** How often a Secret that blocks the initial password is checked. */
const passwordRetry = 5 * 60_000;

/** How many mistakes in a spec are reported at once. */
const maxSpecErrors = 5;

type Rule = (o: Observed) => Decision | undefined;

/**
 * The decision, as an ordered list: the first rule that returns a decision wins. Each rule may rely on none of the
 * earlier ones having applied. No rule may act on a VM that was not observed: an unknown VM ends the list before any
 * rule that could.
 */
export const rules = {
  nothingToDelete,
  paused,
  specUnreadable,
  releaseWithoutDelete,
  deletionProtected,
  identityUnusable,
  credentialsUnusable,
  nameHeldByOther,
  machineUnknown,
  machineHeldByOther,
  identityMismatch,
  duplicatedDeletion,
  deletion,
  unrecordedMachine,
  creation,
  externallyDeleted,
  identityIncomplete,
  initialPassword,
  powerState,
} as const satisfies Readonly<Record<string, Rule>>;

/** In bytes: a namespace and a name. */
const longestAccount = 320;

/** Decides what to do about one object. Pure: the same observation always gives the same decision. */
export function plan(o: Observed): Decision {
  for (const rule of Object.values<Rule>(rules)) {
    const decision = rule(o);
    if (decision !== undefined) return concluded(o, decision);
  }
  return concluded(o, requeue(undefined));
}

function concluded(o: Observed, decision: Decision): Decision {
  const due = unwritable(o, queued(o, deferCalls(o, underPolicy(o, decision))));
  return untilScheduleChange(o, explained(o, due));
}

/** The finalizer is stored before anything billable, so an object without it has nothing to delete. */
function nothingToDelete(o: Observed): Decision | undefined {
  return isDeleting(o) && !hasFinalizer(o.object) ? requeue(undefined) : undefined;
}

function paused(o: Observed): Decision | undefined {
  if (!o.requests.isPaused) return o.pausedBy === undefined ? undefined : pausedByAccount(o, o.pausedBy);
  const what = isDeleting(o) ? 'the deletion is ' : '';
  const resume = annotate(o.object.metadata, { [annotations.paused]: undefined });
  const message = `${what}paused by the annotation ${annotations.paused}; to continue${isDeleting(o) ? ' the deletion' : ''}: ${resume}`;
  return requeue({ reason: 'Paused', message }, keptOperations(o));
}

function pausedByAccount(o: Observed, by: string): Decision {
  const what = isDeleting(o) ? 'the deletion is ' : '';
  // With the operator's default key, the Account is that of the cluster administrator.
  const remedy = o.isDefaultKey
    ? "paused for all VMs of the operator's default API key; ask your cluster administrator"
    : `paused by Account ${quoted(by, longestAccount)} (spec.paused), for all VMs of its API key; to continue, set spec.paused of the Account to false`;
  return requeue({ reason: 'Paused', message: `${what}${remedy}` }, keptOperations(o));
}

/**
 * Stored under an earlier schema, so the desired state isn't fully known. A deletion needs no more of it than Retain.
 */
function specUnreadable(o: Observed): Decision | undefined {
  const { specErrors = [] } = o.object;
  const isRetained = isDeleting(o) && o.object.spec.deletionPolicy === 'Retain';
  if (specErrors.length === 0 || isRetained) return undefined;
  const message = `${specErrors.slice(0, maxSpecErrors).join('; ')}; the operator does nothing until that is fixed${retainHint(o)}`;
  return requeue({ reason: 'InvalidSpec', message }, keptOperations(o));
}

/**
 * What the schedule would have the VM do isn't known, so its power isn't changed and it isn't created. A deletion needs
 * no schedule.
 */
function scheduleUnreadable(o: Observed): Decision | undefined {
  if (o.schedule?.kind !== 'Invalid') return undefined;
  const message = `${o.schedule.message}; the operator doesn't change the power of the VM, and doesn't create one, until that is fixed`;
  return requeue({ reason: 'InvalidSchedule', message }, keptOperations(o));
}

/** The user wants to keep the VM. No call is made, so nothing has to be known about the VM. */
function releaseWithoutDelete(o: Observed): Decision | undefined {
  if (!isDeleting(o)) return undefined;
  return deletionPolicyOf(o.object, originOf(o)) === 'Retain' ? orphan(o) : undefined;
}

function deletionProtected(o: Observed): Decision | undefined {
  if (!isDeletionProtected(o.object)) return undefined;
  const isManaged = o.identity.kind === 'Known';
  return protectedDeletion(
    o,
    isManaged
      ? (credentialsUnusable(o) ?? machineUnknown(o) ?? machineHeldByOther(o) ?? identityMismatch(o) ?? powerState(o))
      : undefined,
  );
}

function credentialsUnusable(o: Observed): Decision | undefined {
  if (o.credentials.kind === 'Missing') {
    return requeue(missing(o, o.credentials.message), { ...keptOperations(o), after: secretRetry });
  }
  if (o.credentials.kind === 'TooMany') {
    const { namespace } = o.object.metadata;
    const message =
      o.credentials.limit === 'GroupReached'
        ? `the objects of namespace ${quoted(namespace)} use as many API keys as they may (maxApiKeysPerNamespace); use one key for several objects, or ask your cluster administrator for more`
        : 'as many API keys are in use as the operator may use (maxApiKeys); ask your cluster administrator for more';
    return requeue({ reason: 'ApiKeyLimitReached', message }, { ...keptOperations(o), after: keyRetry });
  }
  if (o.credentials.kind === 'Rejected') {
    return requeue(rejected(o, o.credentials.failure), { ...keptOperations(o), after: secretRetry });
  }
  return undefined;
}

function machineUnknown(o: Observed): Decision | undefined {
  return o.machine.kind === 'Unknown' ? unknownMachine(o, o.machine.reason) : undefined;
}

/** The provider can't rename a VM, so the operator did not record an id whose VM has another name. */
function identityMismatch(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machine.kind !== 'Present') return undefined;
  const { machine } = o.machine;
  if (machine.name === o.providerName) return undefined;
  const remedy = `if the status was edited, a cluster administrator resets it: ${resetStatus(o.object.metadata)}`;
  const message = `VM ${machine.id} on record is named ${quoted(machine.name)} at the provider, not ${quoted(o.providerName)}; ${remedy}${retainHint(o)}`;
  return requeue({ reason: 'IdentityMismatch', message });
}

/**
 * Deleting only the recorded VM would leave the other one behind, and the operator doesn't know which one contains the
 * data.
 */
function duplicatedDeletion(o: Observed): Decision | undefined {
  if (!isDeleting(o) || o.duplicates.length === 0 || !isNameOwn(o.object)) return undefined;
  return requeue(duplicateMachine(o), keptOperations(o));
}

function deletion(o: Observed): Decision | undefined {
  if (!isDeleting(o)) return undefined;
  if (o.machine.kind === 'Absent') return perform({ type: 'ReleaseFinalizer' }, undefined);
  if (o.machine.kind !== 'Present') return undefined;
  if (o.identity.kind === 'Known') return deleteMachine(o, o.machine.machine);
  const recognized = recognize(o, o.machine.machine);
  if (isInDoubt(o, o.machine.machine)) return recognized;
  if (recognized.action.type !== 'RecordIdentity') return perform({ type: 'ReleaseFinalizer' }, undefined);
  const { origin } = recognized.action.machine;
  // A VM that never belonged to the object doesn't block its deletion, and isn't adopted only to be deleted or
  // orphaned.
  const isAdopted = o.identity.kind === 'Unproven' && deletionPolicyOf(o.object, origin) === 'Delete';
  return origin === 'Created' || isAdopted ? recognized : perform({ type: 'ReleaseFinalizer' }, undefined);
}

function unrecordedMachine(o: Observed): Decision | undefined {
  if (o.identity.kind === 'Known' || o.machine.kind !== 'Present') return undefined;
  const recognized = recognize(o, o.machine.machine);
  // With Observe, the next rules compare its power state.
  return isObserving(o) && recognized.action.type === 'RecordIdentity' ? undefined : recognized;
}

function creation(o: Observed): Decision | undefined {
  return o.identity.kind !== 'Known' && o.machine.kind === 'Absent' ? (scheduleUnreadable(o) ?? create(o)) : undefined;
}

/** The VM is on record, but the finalizer or the hint is missing or wrong, or the create intent still exists. */
function identityIncomplete(o: Observed): Decision | undefined {
  const { identity, object } = o;
  // The intent remains until the record is stored, because a crash would lose the proof otherwise.
  if (identity.kind !== 'Known' || !o.isRecordStored || isObserving(o)) return undefined;
  const hasIntent = object.metadata.annotations?.[annotations.createPending] !== undefined;
  if (hasFinalizer(object) && !hasIntent && compareHint(object, identity) === 'Equal') return undefined;
  return perform({ type: 'CompleteIdentity', machine: identity }, undefined, {
    ...keptOperations(o),
    fastPolling: true,
  });
}

function initialPassword(o: Observed): Decision | undefined {
  return o.machine.kind === 'Present' && !isObserving(o) ? passwordUnwritten(o, o.machine.machine) : undefined;
}

function powerState(o: Observed): Decision | undefined {
  if (o.machine.kind !== 'Present') return undefined;
  const { machine } = o.machine;
  const decision = scheduleUnreadable(o) ?? correctOrReport(o, machine);
  const handledRestart = decision.handledRestart ?? handledWithoutRestart(o, machine);
  const after =
    o.history.passwordConflict === undefined ? decision.after : Math.min(decision.after ?? Infinity, passwordRetry);
  return { ...decision, statusReason: withNotes(o, decision.statusReason), handledRestart, after };
}

function isDeleting(o: Observed): boolean {
  return o.object.metadata.deletionTimestamp !== undefined;
}

function originOf({ identity }: Observed): Origin | undefined {
  return identity.kind === 'Known' ? identity.origin : undefined;
}
