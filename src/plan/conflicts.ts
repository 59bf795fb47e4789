import { deleteKeepingVm, deleteObject, patchSpec } from '../api/v1alpha1/commands.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, requeue } from './action.ts';
import { keptOperations } from './kept-operations.ts';
import { retainHint } from './retain-hint.ts';
import type { Observed } from './observed.ts';

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
