import { deleteKeepingVm, deleteObject, patchSpec, adoptVm, annotate } from '../api/v1alpha1/commands.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, requeue, keptOperations, perform } from './action.ts';
import { retainHint } from './notes.ts';
import type { Observed } from './observed.ts';
import { isNameOwn } from '../api/v1alpha1/identity.ts';
import { annotations } from '../api/v1alpha1/constants.ts';

/** How often an object retries that conflicts with another one about a name or a VM. */
const conflictRetry = 15_000;

const leaveToOther = 'delete this object and leave the VM to that one';

/**
 * Another object of the account reserves the provider name and takes precedence. Worked table, for an object without a VM:
 *
 * | this object         | VM of the name                | then                                             |
 * | ------------------- | ----------------------------- | ------------------------------------------------ |
 * | is being deleted    | there, and on no record       | IdentityUnproven: either may have created it     |
 * | may adopt           | there, on record of the other | HeldByOtherObject, by `recognize`                |
 * | only adopts         | there, and on no record       | NameConflict: the other one may have created it  |
 * | only adopts         | absent or unknown             | as without the conflict: it creates nothing      |
 * | may create          | otherwise                     | NameConflict                                     |
 */
export function nameHeldByOther(o: Observed): Decision | undefined {
  const { nameConflict: other, machine, object } = o;
  if (other === undefined || o.identity.kind === 'Known') return undefined;
  if (object.metadata.deletionTimestamp !== undefined) return unprovenInDeletion(o, other);
  const { policy } = object.spec.adoption;
  if (policy !== 'Never' && machine.kind === 'Present' && o.machineConflict !== undefined) return undefined;
  const isAdoptionOnly = policy === 'MustExist' && o.intent?.isOwn !== true;
  if (isAdoptionOnly && machine.kind !== 'Present') return undefined;
  const message = `the object ${other} has already reserved the provider name ${quoted(o.providerName)}; ${remedyFor(o)}`;
  return requeue({ reason: 'NameConflict', message }, { after: conflictRetry });
}

/** `spec.adoption` can be changed until the object has a VM; `spec.providerName` can't. */
function remedyFor({ object: { metadata, spec }, machine }: Observed): string {
  return spec.adoption.name !== undefined && machine.kind === 'Present'
    ? `if the VM isn't that object's, adopt it by its id: ${patchSpec(metadata, { adoption: { id: machine.machine.id, name: null } })}`
    : `choose another spec.providerName: delete this object and apply it again: ${deleteObject(metadata, spec.deletionProtection)}`;
}

/** An object that creates nothing any more needs no name. But either of the two may have created a VM of this name. */
function unprovenInDeletion(o: Observed, other: string): Decision | undefined {
  if (o.machine.kind !== 'Present' || o.machineConflict !== undefined) return undefined;
  const message = `VM ${o.machine.machine.id} has the provider name ${quoted(o.providerName)}, which the object ${other} has reserved too, and no object records it${retainHint(o, leaveToOther)}`;
  return requeue({ reason: 'IdentityUnproven', message }, { ...keptOperations(o), after: conflictRetry });
}

/** Two objects never manage one VM, whatever their annotations contain. */
export function machineHeldByOther(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machineConflict === undefined) return undefined;
  const { metadata } = o.object;
  // If the finalizer were released without this message, the VM would continue to run unnoticed.
  const retained = o.mayOrphan
    ? `; to ${leaveToOther}: ${deleteKeepingVm(metadata, o.object.spec.deletionProtection)}`
    : '';
  const remedy = metadata.deletionTimestamp === undefined ? retained : retainHint(o, leaveToOther);
  const message = `VM ${o.identity.id} belongs to the object ${o.machineConflict}, which records it too${remedy}`;
  return requeue({ reason: 'HeldByOtherObject', message }, { ...keptOperations(o), after: conflictRetry });
}

/**
 * Restored, copied or edited: the VM on record was recorded for another object, so the operator doesn't touch it
 * without the user's consent.
 */
export function identityUnusable(o: Observed): Decision | undefined {
  const { identity } = o;
  const { adoption } = o.object.spec;
  if (identity.kind === 'OtherObject') {
    if (o.object.metadata.deletionTimestamp !== undefined) return perform({ type: 'ReleaseFinalizer' }, undefined);
    if (adoption.policy !== 'Never') return undefined;
    const { metadata, spec } = o.object;
    const what = identity.id === undefined ? 'the create intent was written' : `VM ${identity.id} was recorded`;
    const adopt = o.isDefaultKey
      ? `to adopt the VM, put an API key of your own into Secret ${quoted(spec.credentialsSecretRef.name)} and set spec.adoption.policy to MustExist`
      : `if no other object and no other cluster manages the VM, adopt it: ${adoptVm(metadata)}`;
    // Without a cluster administrator, only deleting the object removes what the status records; that keeps the VM.
    const renew =
      identity.isRecord === true
        ? `for a new VM, delete this object, which keeps VM ${identity.id}, and apply it again: ${deleteObject(metadata, o.object.spec.deletionProtection)}`
        : `for a new VM: ${annotate(metadata, { [annotations.machine]: undefined, [annotations.createPending]: undefined })}`;
    const remedy = `${adopt}; ${renew}`;
    return requeue({
      reason: 'IdentityFromOtherObject',
      message: `${what} for the object with UID ${identity.uid}, not for this one; ${remedy}`,
    });
  }
  // A name with the object's UID is a proof; the annotation isn't.
  const isLookedFor = isNameOwn(o.object) || adoption.policy !== 'Never';
  return identity.kind === 'Unproven' && !isLookedFor ? unproven(o) : undefined;
}

/**
 * The annotation hints at a VM that isn't proven to be the object's: the operator neither acts on it nor creates
 * another one.
 */
export function unproven(o: Observed): Decision {
  const { metadata } = o.object;
  const id = o.identity.kind === 'Unproven' ? o.identity.id : undefined;
  const what = id === undefined ? "can't be read" : `names VM ${id}`;
  const adopt = id === undefined ? 'set spec.adoption to adopt the VM' : `to adopt the VM: ${adoptVm(metadata, id)}`;
  const otherwise =
    metadata.deletionTimestamp === undefined
      ? `; for a new VM: ${annotate(metadata, { [annotations.machine]: undefined })}`
      : retainHint(o);
  return requeue({
    reason: 'IdentityUnproven',
    message: `the annotation ${annotations.machine} ${what}, but the status has no record of it, and an annotation alone proves nothing; ${adopt}${otherwise}`,
  });
}
