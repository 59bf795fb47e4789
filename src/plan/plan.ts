import {
  annotate,
  deleteKeepingVm,
  deleteObject,
  patchSpec,
  replaceApiKey,
  resetStatus,
} from '../api/v1alpha1/commands.ts';
import { annotations, finalizer } from '../api/v1alpha1/names.ts';
import { type Identity, compareHint, isNameOwn, providerName } from '../api/v1alpha1/identity.ts';
import type { Origin, VirtualMachine } from '../api/v1alpha1/types.ts';
import { type Decision, type Verdict, act, wait } from './action.ts';
import { compareWithSpec } from './as-specified.ts';
import { isCreatable } from './catalogue.ts';
import { claim, create, isInDoubt } from './create.ts';
import { deletionPolicyOf, externalDeletePolicyOf } from './defaults.ts';
import { fromFailure, missing, rejected } from './failure.ts';
import { heldBack, unwritable } from './held-back.ts';
import { leavingVm } from './leaving.ts';
import { toSeconds } from './moment.ts';
import type { Observed, UnknownReason } from './observed.ts';
import { explained } from './observing.ts';
import { passwordUnwritten } from './password.ts';
import { isObserving, underPolicy } from './policy.ts';
import { correctOrReport } from './power.ts';
import { heldUp, isHeldUp } from './protection.ts';
import { remove } from './remove.ts';
import { handledWithoutRestart } from './restart.ts';
import { identityUnusable } from './unproven.ts';
import { duplicateMachine } from './twins.ts';

/** How often a missing Secret without the label that has it watched is looked for. */
const secretRetry = 15_000;

/** How often it is tried whether there is room for one more API key. */
const keyRetry = 60_000;

/** How often a name is tried that another object claims. */
const conflictRetry = 15_000;

/** How often a key of another account is looked at anew, in case nobody watches its Secret for us. */
const accountRetry = 60_000;

/** How often a Secret that stood in the way of the initial password is looked at again. */
const passwordRetry = 5 * 60_000;

/** How many things wrong with a spec are told at once. */
const mostFlaws = 5;

const leavingToOther = 'delete this object and leave the VM to that one';
type Rule = (o: Observed) => Decision | undefined;

/**
 * The decision, as an ordered list: the first rule that has something to say wins. Each rule may rely on none of the
 * earlier ones having applied. What no rule may do is act on a machine that was not observed: an unknown one ends the
 * list before any rule that could.
 */
export const rules = {
  notOurs,
  paused,
  specUnreadable,
  letGo,
  deletionProtected,
  identityUnusable,
  credentialsUnusable,
  nameHeldByOther,
  machineUnknown,
  machineHeldByOther,
  identityMismatch,
  duplicatedDeletion,
  deletion,
  unclaimedMachine,
  creation,
  externallyDeleted,
  identityIncomplete,
  initialPassword,
  powerState,
} as const satisfies Readonly<Record<string, Rule>>;

/** Decides what to do about one object. Pure: the same observation always gives the same decision. */
export function plan(o: Observed): Decision {
  for (const rule of Object.values<Rule>(rules)) {
    const decision = rule(o);
    if (decision !== undefined) return explained(o, unwritable(o, heldBack(o, underPolicy(o, decision))));
  }
  return explained(o, wait(undefined));
}

/** Our finalizer is stored before anything billable, so without it there is nothing of ours to delete. */
function notOurs(o: Observed): Decision | undefined {
  return isDeleting(o) && !hasFinalizer(o) ? wait(undefined) : undefined;
}

function paused(o: Observed): Decision | undefined {
  if (!o.requests.isPaused) return undefined;
  const what = isDeleting(o) ? 'deleted, but the deletion is ' : '';
  return wait({ reason: 'Paused', message: `${what}paused by the annotation ${annotations.paused}` }, kept(o));
}

/** Stored under an earlier schema: what it wants is not known in full. A deletion needs no more of it than Retain. */
function specUnreadable(o: Observed): Decision | undefined {
  const { flaws = [] } = o.object;
  const isRetained = isDeleting(o) && o.object.spec.deletionPolicy === 'Retain';
  if (flaws.length === 0 || isRetained) return undefined;
  const message = `${flaws.slice(0, mostFlaws).join('; ')}; correct it, nothing is done until then${leavingVm(o)}`;
  return wait({ reason: 'InvalidSpec', message }, kept(o));
}

/** The object goes and its machine stays: somebody wants it so. No call is made, so nothing has to be known of the machine. */
function letGo(o: Observed): Decision | undefined {
  if (!isDeleting(o)) return undefined;
  return isObserving(o) || deletionPolicyOf(o.object, originOf(o)) === 'Retain' ? orphan(o) : undefined;
}

/** In the account of the operator's own key a VM that nobody deletes is the administrator's to pay for. */
function orphan(o: Observed): Decision {
  if (o.mayOrphan || o.machine.kind === 'Absent') return act({ type: 'ReleaseFinalizer' }, undefined);
  // Whether there is a VM, and whose key shows it, is on its way.
  const isReading = o.machine.kind === 'Unknown' && o.machine.reason.kind === 'NotYetSeen';
  const hasKey = o.credentials.kind === 'Accepted' || o.credentials.kind === 'Unverified';
  if (isReading && hasKey) return wait(undefined, { ...kept(o), urgent: true });
  const what = isObserving(o) ? 'spec.managementPolicy Observe' : 'spec.deletionPolicy Retain';
  const deleted = patchSpec(o.object.metadata, { deletionPolicy: 'Delete', managementPolicy: 'Manage' });
  const message = `deleted, but ${what} would leave the VM running in the account of the operator's default API key; ask your cluster administrator to permit that (defaultCredentialsOrphanNamespaces), or have the VM deleted with all data: ${deleted}`;
  return wait({ reason: 'OrphanNotPermitted', message }, kept(o));
}

function deletionProtected(o: Observed): Decision | undefined {
  if (!isHeldUp(o.object)) return undefined;
  const isManaged = o.identity.kind === 'Known';
  return heldUp(
    o,
    isManaged
      ? (credentialsUnusable(o) ?? machineUnknown(o) ?? machineHeldByOther(o) ?? identityMismatch(o) ?? powerState(o))
      : undefined,
  );
}

function credentialsUnusable(o: Observed): Decision | undefined {
  if (o.credentials.kind === 'Missing') {
    return wait(missing(o, o.credentials.message), { ...kept(o), after: secretRetry });
  }
  if (o.credentials.kind === 'TooMany') {
    const { namespace } = o.object.metadata;
    const message =
      o.credentials.limit === 'GroupReached'
        ? `the objects of namespace "${namespace}" use as many API keys as they may (maxApiKeysPerNamespace); use one key for several objects, or ask your cluster administrator for more`
        : 'as many API keys are in use as the operator may use (maxApiKeys); ask your cluster administrator for more';
    return wait({ reason: 'ApiKeyLimitReached', message }, { ...kept(o), after: keyRetry });
  }
  if (o.credentials.kind === 'Rejected') {
    return wait(rejected(o, o.credentials.failure), { ...kept(o), after: secretRetry });
  }
  return undefined;
}

/** Two objects of one name would share a machine; the one that came first keeps it. */
function nameHeldByOther(o: Observed): Decision | undefined {
  if (o.nameHeldBy === undefined || o.identity.kind === 'Known') return undefined;
  if (isDeleting(o)) return unprovenInDeletion(o, o.nameHeldBy);
  return wait(
    {
      reason: 'NameConflict',
      message: `the object ${o.nameHeldBy} already claims the provider name "${o.providerName}"; choose another spec.providerName: delete this object and apply it again: ${deleteObject(o.object.metadata)}`,
    },
    { after: conflictRetry },
  );
}

/** An object that creates nothing any more needs no name. But either of the two may have created a VM of the name. */
function unprovenInDeletion(o: Observed, holder: string): Decision | undefined {
  if (o.machine.kind !== 'Present' || o.machineHeldBy !== undefined) return undefined;
  const message = `VM ${o.machine.machine.id} has the provider name "${o.providerName}", which the object ${holder} claims too, and no object records it${leavingVm(o, leavingToOther)}`;
  return wait({ reason: 'IdentityUnproven', message }, { ...kept(o), after: conflictRetry });
}

function machineUnknown(o: Observed): Decision | undefined {
  return o.machine.kind === 'Unknown' ? unknown(o, o.machine.reason) : undefined;
}

function unknown(o: Observed, reason: UnknownReason): Decision {
  switch (reason.kind) {
    case 'NotYetSeen':
      return wait(undefined, { urgent: (o.object.status?.operation ?? o.intent) !== undefined || isDeleting(o) });
    case 'ReadFailed':
      return wait(fromFailure(o, reason.failure), kept(o));
    case 'OutcomeUnknown':
      return wait(
        {
          reason: 'CreateOutcomeUnknown',
          message: `a create call for "${o.providerName}" was sent or may have been, and its answer is not known; complete lists will tell`,
        },
        { urgent: true },
      );
    case 'OtherKey': {
      const secret = o.object.spec.credentialsSecretRef.name;
      const message = `a create call for "${o.providerName}" was made with an earlier key of Secret "${secret}", and nothing shows that the present one is of the same account; put the earlier key back, or, if the provider has no machine of that name, remove the create intent: ${annotate(o.object.metadata, { [annotations.createPending]: undefined })}`;
      return wait({ reason: 'AccountMismatch', message }, { ...kept(o), after: accountRetry });
    }
    case 'NotOwn':
      return wait({
        reason: 'AccountMismatch',
        message: `with the operator's default API key only the VM named "${providerName(o.object)}" is this object's; put the API key that the recorded VM was seen with into Secret "${o.object.spec.credentialsSecretRef.name}", and run: ${annotate(o.object.metadata, { [annotations.defaultCredentials]: undefined })}`,
      });
    case 'DuplicateName':
      return wait({
        reason: 'DuplicateMachine',
        message: `the provider has ${reason.ids.length} machine(s) named "${providerName(o.object)}" (ids ${reason.ids.join(', ')}); no call is made before one alone has the name, or none`,
      });
    case 'AbsenceUnconfirmed':
      return wait(
        {
          reason: 'AbsenceUnconfirmed',
          message:
            'the machine is not in the list, but the evidence that it is gone is not complete: a 404, a complete list, and proof that both are of its account',
        },
        kept(o),
      );
    case 'AbsenceRecent':
      return wait(
        {
          reason: 'RecreationDelayed',
          message: `VM ${reason.id} is not in the list and GET returns 404; if that lasts, a new VM is created, not before ${toSeconds(reason.until)}`,
        },
        kept(o),
      );
    case 'Unreadable': {
      const held = reason.isOurs ? 'no call is made for it' : `it may be "${o.providerName}", so no VM is created`;
      // With the operator's own key it may be another tenant's.
      const isHidden = o.isDefaultKey && !reason.isOurs;
      const which = isHidden ? "a VM that can't be read" : `VM ${reason.id}, but ${reason.problem}`;
      const message = `the provider lists ${which}; ${held} until the provider's answer can be read`;
      return wait({ reason: 'ProtocolError', message }, kept(o));
    }
    case 'MassAbsence': {
      const many = o.isDefaultKey ? 'many' : `${reason.vanished} of the account's ${reason.of}`;
      return wait(
        {
          reason: 'AbsenceUnconfirmed',
          message: `${many} machines vanished from the list at once; nothing counts as gone before complete lists have agreed for five minutes`,
        },
        kept(o),
      );
    }
    case 'OtherAccount':
      return wait(
        {
          reason: 'AccountMismatch',
          message: `the API key shows VMs of owner ${reason.ownerId}, but this VM belongs to owner ${ownerOf(o) ?? 'unknown'}; put a key of that owner there: ${replaceApiKey(o.object.metadata.namespace, o.object.spec.credentialsSecretRef)}`,
        },
        { ...kept(o), after: accountRetry },
      );
  }
}

/** Two objects never act on one machine, whatever their annotations say. */
function machineHeldByOther(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machineHeldBy === undefined) return undefined;
  const { metadata } = o.object;
  // Released without a word, the VM would go on running, and nobody would know which of the two was right.
  const retained = o.mayOrphan ? `; to ${leavingToOther}: ${deleteKeepingVm(metadata)}` : '';
  const remedy = isDeleting(o) ? leavingVm(o, leavingToOther) : retained;
  const message = `VM ${o.identity.id} belongs to the object ${o.machineHeldBy}, which records it too${remedy}`;
  return wait({ reason: 'HeldByOtherObject', message }, { ...kept(o), after: conflictRetry });
}

/** The provider cannot rename a machine, so an id whose machine has another name was not recorded by us. */
function identityMismatch(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machine.kind !== 'Present') return undefined;
  const { machine } = o.machine;
  if (machine.name === o.providerName) return undefined;
  const remedy = `if the status was edited, a cluster administrator resets it: ${resetStatus(o.object.metadata)}`;
  const message = `VM ${machine.id} on record is named "${machine.name}" at the provider, not "${o.providerName}"; ${remedy}${leavingVm(o)}`;
  return wait({ reason: 'IdentityMismatch', message });
}

/** As recorded with the machine, or with the announcement of its create call; else as it was last seen. */
function ownerOf({ identity, intent, object }: Observed): number | undefined {
  const recorded = identity.kind === 'Known' || identity.kind === 'Foreign' ? identity.ownerId : intent?.ownerId;
  return recorded ?? object.status?.ownerId;
}

/** Deleting the recorded VM alone would leave the other one behind, and which one holds the data is not known. */
function duplicatedDeletion(o: Observed): Decision | undefined {
  if (!isDeleting(o) || o.twins.length === 0 || !isNameOwn(o.object)) return undefined;
  return wait(duplicateMachine(o), kept(o));
}

function deletion(o: Observed): Decision | undefined {
  if (!isDeleting(o)) return undefined;
  if (o.machine.kind === 'Absent') return act({ type: 'ReleaseFinalizer' }, undefined);
  if (o.machine.kind !== 'Present') return undefined;
  if (o.identity.kind === 'Known') return remove(o, o.machine.machine);
  const claimed = claim(o, o.machine.machine);
  if (isInDoubt(o, o.machine.machine)) return claimed;
  if (claimed.action.type !== 'RecordIdentity') return act({ type: 'ReleaseFinalizer' }, undefined);
  const { origin } = claimed.action.machine;
  // A VM that was never ours does not keep our object from going, and is not adopted only to be deleted, or only to be left running.
  const isAdopted = o.identity.kind === 'Unproven' && deletionPolicyOf(o.object, origin) === 'Delete';
  return origin === 'Created' || isAdopted ? claimed : act({ type: 'ReleaseFinalizer' }, undefined);
}

function unclaimedMachine(o: Observed): Decision | undefined {
  if (o.identity.kind === 'Known' || o.machine.kind !== 'Present') return undefined;
  const claimed = claim(o, o.machine.machine);
  // Who only observes goes on to look at its power.
  return isObserving(o) && claimed.action.type === 'RecordIdentity' ? undefined : claimed;
}

function creation(o: Observed): Decision | undefined {
  return o.identity.kind !== 'Known' && o.machine.kind === 'Absent' ? create(o) : undefined;
}

function externallyDeleted(o: Observed): Decision | undefined {
  const { identity } = o;
  if (identity.kind !== 'Known' || o.machine.kind !== 'Absent') return undefined;
  if (isRecreated(o.object, identity)) {
    const { result, message: difference } = compareWithSpec(o.object, identity.id, o.object.status ?? {});
    if (result === 'Different')
      return wait({
        reason: 'ExternallyDeleted',
        message: `VM ${identity.id} was deleted outside the operator; it is not recreated, because it was not as the spec says. ${difference}`,
      });
    if (!isCreatable(o.object.spec))
      return wait({
        reason: 'ExternallyDeleted',
        message: `VM ${identity.id} was deleted outside the operator; it is not recreated, because the spec lacks its region, package or osTemplate`,
      });
    const decision = create(o);
    const dueAt = o.recreationDueAt ?? o.now;
    if (decision.action.type === 'Create' && dueAt > o.now) {
      const turn = `VM ${identity.id} was deleted outside the operator; VMs of one API key are recreated one by one, this one at ${toSeconds(dueAt)}`;
      return wait({ reason: 'RecreationDelayed', message: turn }, { after: dueAt - o.now });
    }
    const message = `VM ${identity.id} was deleted outside the operator; a new one is created`;
    return { ...decision, event: { reason: 'ExternallyDeleted', message } };
  }
  return wait({
    reason: 'ExternallyDeleted',
    message: `VM ${identity.id} is not in the list and GET returns 404: it was deleted outside the operator. Set spec.onExternalDelete to Recreate for a new, empty VM, or delete the object. If the VM reappears, the object continues with it`,
  });
}

/** Whether a VM that is confirmed deleted is created again. */
export function isRecreated(object: VirtualMachine, identity: Identity): boolean {
  return identity.kind === 'Known' && externalDeletePolicyOf(object, identity.origin) === 'Recreate';
}

/** The VM is on record, but the finalizer or the hint is missing or wrong, or the create intent is still there. */
function identityIncomplete(o: Observed): Decision | undefined {
  const { identity, object } = o;
  // The intent stays until the record is stored, or a crash would lose the proof.
  if (identity.kind !== 'Known' || !o.isRecordStored || isObserving(o)) return undefined;
  const hasIntent = object.metadata.annotations?.[annotations.createPending] !== undefined;
  if (hasFinalizer(o) && !hasIntent && compareHint(object, identity) === 'Equal') return undefined;
  return act({ type: 'CompleteIdentity', machine: identity }, undefined, {
    ...kept(o),
    urgent: true,
  });
}

function initialPassword(o: Observed): Decision | undefined {
  return o.machine.kind === 'Present' && !isObserving(o) ? passwordUnwritten(o, o.machine.machine) : undefined;
}

function powerState(o: Observed): Decision | undefined {
  if (o.machine.kind !== 'Present') return undefined;
  const { machine } = o.machine;
  const decision = correctOrReport(o, machine);
  const handledRestart = decision.handledRestart ?? handledWithoutRestart(o, machine);
  const after =
    o.history.passwordConflict === undefined ? decision.after : Math.min(decision.after ?? Infinity, passwordRetry);
  return { ...decision, verdict: withOutdatedPassword(o, decision.verdict), handledRestart, after };
}

/** Whoever waits for Ready reads the Secret next. */
function withOutdatedPassword({ history }: Observed, verdict: Verdict | undefined): Verdict | undefined {
  const { outdatedPasswordSecret: secret } = history;
  if (secret === undefined || verdict?.reason !== 'Available') return verdict;
  return { ...verdict, message: `${verdict.message}; Secret "${secret}" holds the password of an earlier VM` };
}

/** What the status says of operations stays as it is when nothing could be observed. */
function kept(o: Observed): Pick<Decision, 'operation' | 'startFailure'> {
  return { operation: o.object.status?.operation, startFailure: o.object.status?.startFailure };
}

function isDeleting(o: Observed): boolean {
  return o.object.metadata.deletionTimestamp !== undefined;
}

function hasFinalizer(o: Observed): boolean {
  return o.object.metadata.finalizers?.includes(finalizer) ?? false;
}

function originOf({ identity }: Observed): Origin | undefined {
  return identity.kind === 'Known' ? identity.origin : undefined;
}
