import { isNameOwn, providerName } from '../api/v1alpha1/identity.ts';
import { adoptVm, annotate, deleteKeepingVm, deleteObject, patchSpec } from '../api/v1alpha1/commands.ts';
import { annotations } from '../api/v1alpha1/constants.ts';
import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { Origin } from '../api/v1alpha1/types.ts';
import { exponentialDelay } from '../domain/backoff.ts';
import type { Failure } from '../domain/failure.ts';
import type { Machine } from '../domain/machine.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, type StatusReason, perform, requeue } from './action.ts';
import { heldByAccount } from './account/limits.ts';
import { isCreatable, resolve } from './catalog.ts';
import type { Limits, NamespaceLimit, Observed } from './observed.ts';
import { fromFailure } from './failure-status.ts';
import { retainHint } from './notes.ts';
import { toSeconds } from '../domain/clock.ts';
import { unproven } from './conflicts.ts';

/**
 * A refusal may depend on something outside the object (a quota, the catalog), so the operator retries after this
 * time.
 */
export const refusedRetry = 30 * 60_000;

/** How often an object that waits for its slot looks whether it got an earlier one. */
const recreationRecheck = 10 * 60_000;

/** The longest pause between create calls that led to no VM. */
const longestRepeat = 6 * 60 * 60_000;

/** How many VMs a message names. */
const maxLeftNamed = 10;

/** How long a new leader usually takes to read all Accounts. */
const limitsReadWithin = 5_000;

/** How often an object is requeued whose namespace is full or whose name an orphan candidate has. */
const conflictRetry = 60_000;

/**
 * For an object whose VM is confirmed not to exist and that needs one. Everything that the provider would refuse is
 * detected before the call; `execute` guards the call itself: it stores finalizer and create intent first.
 */
export function create(o: Observed): Decision {
  const { spec } = o.object;
  if (o.isDefaultKey && asksForOthers(o)) return notWithDefaultKey(o);
  if (o.identity.kind !== 'Known' && spec.adoption.policy === 'MustExist' && o.intent?.isOwn !== true)
    return missing(o);
  if (!isCreatable(spec)) return missing(o);
  if (o.identity.kind === 'Unproven') return unproven(o);
  if (o.history.refusal !== undefined) {
    const isIntentStored = o.object.metadata.annotations?.[annotations.createPending] !== undefined;
    const rest = { after: refusedRetry };
    return isIntentStored
      ? perform({ type: 'WithdrawIntent' }, refused(o.history.refusal), rest)
      : requeue(refused(o.history.refusal), rest);
  }
  const { createsWithoutVm } = o;
  const dueAt =
    createsWithoutVm === undefined ? o.now : createsWithoutVm.since + repeatAfter(createsWithoutVm.creates, o.limits);
  if (createsWithoutVm !== undefined && dueAt > o.now) {
    const message = `${createsWithoutVm.creates} create requests for ${quoted(o.providerName)} led to no VM of that name; the next one is sent at ${toSeconds(dueAt)}. If the provider has the VM under another name, delete it there`;
    return requeue({ reason: 'CreateBackoff', message }, { after: dueAt - o.now });
  }
  const doubt = o.orphanCandidates.length > 0 && !o.requests.ignoresOrphanCandidates ? orphanCandidate(o) : undefined;
  if (doubt !== undefined && o.limits.orphanCandidates === 'Hold') return requeue(doubt, { after: conflictRetry });
  if (o.namespaceLimit !== undefined) return namespaceFull(o, o.namespaceLimit);
  const held = o.accountLimits && heldByAccount(o.accountLimits, o.isDefaultKey);
  if (held !== undefined) return heldBack(o, held);
  if (o.catalog.kind === 'NotRead') return requeue(undefined);
  if (o.catalog.kind === 'Unavailable') return requeue(fromFailure(o, o.catalog.failure), { after: 10_000 });

  const resolution = resolve(spec, o.catalog);
  if (!resolution.ok) return requeue(resolution.statusReason, { after: refusedRetry });
  if (o.recreation !== undefined && o.recreation.dueAt > o.now) return delayed(o.recreation, o.now);
  const name = providerName(o.object);
  return perform(
    {
      type: 'Create',
      request: {
        name,
        regionId: resolution.regionId,
        packageId: resolution.packageId,
        osTemplateId: resolution.osTemplateId,
        ipv6: spec.ipv6,
        privateNetworking: spec.privateNetworking,
        sshKeyIds: spec.sshKeyIds,
      },
    },
    { reason: 'Creating', message: `creating VM ${quoted(name)}` },
    // The provider boots every new VM.
    { fastPolling: true, handledRestart: spec.restartRequest, event: doubt },
  );
}

/**
 * The provider may create a VM under another name than requested, or never list it: each further create call may then
 * be billed. The first call is repeated as soon as lists have confirmed that no VM exists, later ones with exponential
 * backoff.
 */
function repeatAfter(creates: number, { recreateAfter }: Limits): number {
  const delays = { first: recreateAfter, longest: Math.max(recreateAfter, longestRepeat) };
  return creates < 2 ? 0 : exponentialDelay(creates - 2, delays);
}

function delayed({ id, dueAt }: NonNullable<Observed['recreation']>, now: number): Decision {
  const message = `VM ${id} was deleted outside the operator; VMs of one API key are recreated one by one, this one at ${toSeconds(dueAt)}`;
  // Others may no longer need their slots, and it moves up.
  return requeue({ reason: 'RecreationDelayed', message }, { after: Math.min(dueAt - now, recreationRecheck) });
}

/** Whether the spec asks for a VM that this object did not create. */
function asksForOthers({ identity, object }: Observed): boolean {
  const { policy, id } = object.spec.adoption;
  if (identity.kind === 'Known' || policy === 'Never') return false;
  return policy === 'MustExist' || id !== undefined || identity.kind === 'OtherObject';
}

/** The message is the same for any VM, because a tenant could otherwise probe which VMs exist. */
function notWithDefaultKey(o: Observed): Decision {
  const secret = o.object.spec.credentialsSecretRef.name;
  const message = `spec.adoption can't be used with the operator's default API key, which gives no right to VMs that exist; put an API key of your own into Secret ${quoted(secret)}, or, for a new VM: ${patchSpec(o.object.metadata, { adoption: { policy: 'Never', id: null, name: null } })}`;
  return requeue({ reason: 'AdoptionNotPermitted', message }, { after: refusedRetry });
}

function missing(o: Observed): Decision {
  const { id } = o.object.spec.adoption;
  const what = id === undefined ? `named ${quoted(o.providerName)}` : `with id ${id}`;
  if (!isCreatable(o.object.spec)) {
    const none = `the account has no VM ${what}; correct spec.adoption, or, to create a VM instead, set spec.adoption.policy to IfExists without id and name, and add region, package and osTemplate`;
    return requeue({ reason: 'AdoptionTargetNotFound', message: none }, { after: refusedRetry });
  }
  const instead = patchSpec(o.object.metadata, { adoption: { policy: 'IfExists', id: null, name: null } });
  const message = `spec.adoption.policy is MustExist, and the account has no VM ${what}; correct spec.adoption, or, to create a VM instead: ${instead}`;
  return requeue({ reason: 'AdoptionTargetNotFound', message }, { after: refusedRetry });
}

function namespaceFull({ object, isDefaultKey }: Observed, { limit, leftRunning }: NamespaceLimit): Decision {
  const { namespace } = object.metadata;
  const remedy = isDefaultKey
    ? 'ask your cluster administrator to delete them'
    : 'adopt them, or delete them at the provider';
  const left =
    leftRunning.length === 0
      ? 'delete an object, or ask your cluster administrator for more'
      : `deleted objects left ${leftRunning.slice(0, maxLeftNamed).join(', ')} running: ${remedy}`;
  const message = `namespace ${quoted(namespace)} has reached its limit of ${limit} VMs (maxMachinesPerNamespace); ${left}`;
  return requeue({ reason: 'NamespaceLimitReached', message }, { after: conflictRetry });
}

/** A wait that usually ends within seconds after a start isn't reported. */
function heldBack({ history }: Observed, held: StatusReason): Decision {
  if (held.reason === 'AccountLimitReached') return requeue(held, { after: conflictRetry });
  return history.knownFor < limitsReadWithin ? requeue(undefined, { after: 500 }) : requeue(held, { after: 5_000 });
}

function orphanCandidate(o: Observed): StatusReason {
  const { metadata } = o.object;
  const found = o.orphanCandidates.map((machine) => `${quoted(machine.name)} (id ${machine.id})`).join(', ');
  const adopt = adoptVm(metadata, o.orphanCandidates[0]?.id);
  const ignore = annotate(metadata, { [annotations.ignoreOrphanCandidates]: 'true' });
  const message = `no object manages ${found}, which may be the VM of an earlier object of this name; to adopt it: ${adopt}; for a new VM: ${ignore}`;
  return { reason: 'OrphanCandidateFound', message };
}

/** Tolerance for a provider clock that is corrected now and then. */
const clockTolerance = 60_000;

/**
 * For an object without a VM on record, while a VM exists that may be its VM. Worked table, first row that applies:
 *
 * | found by | and                                              | then                                          |
 * | -------- | ------------------------------------------------ | --------------------------------------------- |
 * | name     | the name carries this object's UID               | ours                                          |
 * | name     | its create call was refused, and the provider does not say when the VM was created | IdentityUnproven |
 * | name     | an intent of this key is there, VM no older      | ours, unless another object records it: the name was confirmed free before |
 * | any      | adoption Never                                   | NameTaken; IdentityFromOtherObject comes before |
 * | any      | another object records it                        | HeldByOtherObject                             |
 * | id       | spec.providerName says another name              | AdoptionMismatch                              |
 * | any      | the namespace has as many VMs as it may          | NamespaceLimitReached                         |
 * | any      |                                                  | adopted                                       |
 */
export function recognize(o: Observed, machine: Machine): Decision {
  const isNamed = machine.name === providerName(o.object);
  if (isNamed && isNameOwn(o.object)) return record(o, machine, 'Created');
  if (isNamed && isFromIntent(o, machine))
    return o.machineConflict === undefined ? record(o, machine, 'Created') : heldByOther(o, o.machineConflict, machine);
  const { adoption, providerName: wantedName } = o.object.spec;
  if (adoption.policy === 'Never' && isInDoubt(o, machine)) return doubtful(o, machine);
  if (adoption.policy === 'Never') return nameTaken(o, machine);
  if (o.isDefaultKey) return notWithDefaultKey(o);
  if (o.machineConflict !== undefined) return heldByOther(o, o.machineConflict, machine);
  if (wantedName !== undefined && machine.name !== wantedName) {
    const byName = patchSpec(o.object.metadata, { adoption: { id: null, name: null } });
    const message = `VM ${machine.id} is named ${quoted(machine.name)}, but spec.providerName is ${quoted(wantedName)}; correct spec.adoption, or, to adopt the VM of that name: ${byName}`;
    return requeue({ reason: 'AdoptionMismatch', message }, { after: conflictRetry });
  }
  if (o.namespaceLimit !== undefined) return namespaceFull(o, o.namespaceLimit);
  return record(o, machine, 'Adopted');
}

type IntentOwner = Pick<Observed, 'object' | 'intent' | 'isIntentProven' | 'isIntentRefused'>;

/**
 * Whether a VM of a configured name may be the object's or another one's: the provider refused to create it, possibly
 * because the name was taken, and doesn't report when the existing VM was created.
 */
export function isInDoubt({ object, intent, isIntentRefused }: IntentOwner, machine: Machine): boolean {
  const isNamed = machine.name === providerName(object) && !isNameOwn(object);
  return isNamed && intent?.isOwn === true && isIntentRefused && machine.createdAt === undefined;
}

function doubtful(o: Observed, { id, name }: Machine): Decision {
  const { metadata } = o.object;
  const remedy =
    metadata.deletionTimestamp === undefined
      ? `if it is this object's, adopt it: ${adoptVm(metadata, id)}; if not: ${deleteKeepingVm(metadata, o.object.spec.deletionProtection)}`
      : `if it is this object's, delete it at the provider${retainHint(o, 'leave it running')}`;
  const message = `the provider refused to create ${quoted(name)} and lists VM ${id} of that name without the time of its creation, so it may be this object's or not; ${remedy}`;
  return requeue({ reason: 'IdentityUnproven', message }, { after: conflictRetry });
}

function nameTaken({ object: { metadata, spec } }: Observed, { id, name }: Machine): Decision {
  const message = `VM ${id} at the provider already has the name ${quoted(name)} and was not created for this object; to adopt it: ${adoptVm(metadata, id)}; for a VM with another spec.providerName, delete this object and apply it again: ${deleteObject(metadata, spec.deletionProtection)}`;
  return requeue({ reason: 'NameTaken', message }, { after: conflictRetry });
}

/**
 * Whether the VM is the one that the create intent was written for: a user can write the annotation, but not its proof.
 */
export function isFromIntent(o: IntentOwner, machine: Machine): boolean {
  const { intent, isIntentProven } = o;
  if (intent?.isOwn !== true || !isIntentProven) return false;
  if (isInDoubt(o, machine)) return false;
  const createdAt = Date.parse(machine.createdAt ?? '');
  // Both times are from the provider's clock. Where it reports none, the intent alone decides.
  return !(createdAt < (intent.after ?? -Infinity) - clockTolerance);
}

function record(o: Observed, { id, name, ownerId }: Machine, origin: Origin): Decision {
  const options = origin === 'Created' && o.isIntentProven && o.intent?.isOwn === true ? o.intent.options : undefined;
  const machine = {
    id,
    name,
    origin,
    ...(ownerId === undefined ? {} : { ownerId }),
    ...(options === undefined ? {} : { options }),
  };
  const statusReason: StatusReason =
    origin === 'Created'
      ? { reason: 'Creating', message: `VM ${id} is being provisioned` }
      : { reason: 'Adopting', message: `adopting VM ${id} (${quoted(name)})` };
  return perform({ type: 'RecordIdentity', machine }, statusReason, {
    fastPolling: true,
    // A restart request from before the VM was on record is outdated; after a lost status, repeating the restart would
    // do harm.
    handledRestart: o.object.spec.restartRequest,
    operation: o.object.status?.operation,
    startFailure: o.object.status?.startFailure,
  });
}

function heldByOther({ object: { metadata, spec } }: Observed, other: string, { id }: Machine): Decision {
  const { adoption } = spec;
  const isNamed = adoption.id !== undefined || adoption.name !== undefined;
  const another = isNamed ? '; to adopt another VM, change spec.adoption' : '';
  const message = `VM ${id} belongs to the object ${other}; delete this object, which keeps the VM: ${deleteObject(metadata, spec.deletionProtection)}${another}`;
  return requeue({ reason: 'HeldByOtherObject', message }, { after: conflictRetry });
}

/** Why the provider refused a create call, as a status. */
export function refused(failure: Failure): StatusReason {
  const reason: Reason = failure.status === 402 ? 'QuotaExceeded' : 'CreateRefused';
  const words = failure.text === '' ? failure.code : failure.text;
  return {
    reason,
    message: `the provider refused to create the VM (${failure.status ?? failure.code}): ${words}`,
  };
}
