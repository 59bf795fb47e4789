import { deleteKeepingVm, deleteObject, patchSpec } from '../api/v1alpha1/commands.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, requeue } from './action.ts';
import { kept } from './kept.ts';
import { leavingVm } from './retain-hint.ts';
import type { Observed } from './observed.ts';

/** How often a name or a VM of another object is tried again. */
const conflictRetry = 15_000;

const leavingToOther = 'delete this object and leave the VM to that one';

/**
 * Another object of the account reserves the provider name, and goes before this one. Worked table, for an object without a VM:
 *
 * | this object         | VM of the name                | then                                             |
 * | ------------------- | ----------------------------- | ------------------------------------------------ |
 * | is being deleted    | there, and on no record       | IdentityUnproven: either may have created it     |
 * | may adopt           | there, on record of the other | HeldByOtherObject, by `claim`                    |
 * | only adopts         | there, and on no record       | NameConflict: the other one may have created it  |
 * | only adopts         | absent or unknown             | as without the conflict: it creates nothing      |
 * | may create          | otherwise                     | NameConflict                                     |
 */
export function nameHeldByOther(o: Observed): Decision | undefined {
  const { nameConflict: holder, machine, object } = o;
  if (holder === undefined || o.identity.kind === 'Known') return undefined;
  if (object.metadata.deletionTimestamp !== undefined) return unprovenInDeletion(o, holder);
  const { policy } = object.spec.adoption;
  if (policy !== 'Never' && machine.kind === 'Present' && o.machineConflict !== undefined) return undefined;
  const isAdoptionOnly = policy === 'MustExist' && o.intent?.isOwn !== true;
  if (isAdoptionOnly && machine.kind !== 'Present') return undefined;
  const message = `the object ${holder} already claims the provider name ${quoted(o.providerName)}; ${remedyFor(o)}`;
  return requeue({ reason: 'NameConflict', message }, { after: conflictRetry });
}

/** `spec.adoption` can be changed until the object has a VM; `spec.providerName` can't. */
function remedyFor({ object: { metadata, spec }, machine }: Observed): string {
  return spec.adoption.name !== undefined && machine.kind === 'Present'
    ? `if the VM isn't that object's, adopt it by its id: ${patchSpec(metadata, { adoption: { id: machine.machine.id, name: null } })}`
    : `choose another spec.providerName: delete this object and apply it again: ${deleteObject(metadata)}`;
}

/** An object that creates nothing any more needs no name. But either of the two may have created a VM of the name. */
function unprovenInDeletion(o: Observed, holder: string): Decision | undefined {
  if (o.machine.kind !== 'Present' || o.machineConflict !== undefined) return undefined;
  const message = `VM ${o.machine.machine.id} has the provider name ${quoted(o.providerName)}, which the object ${holder} claims too, and no object records it${leavingVm(o, leavingToOther)}`;
  return requeue({ reason: 'IdentityUnproven', message }, { ...kept(o), after: conflictRetry });
}

/** Two objects never act on one VM, whatever their annotations say. */
export function machineHeldByOther(o: Observed): Decision | undefined {
  if (o.identity.kind !== 'Known' || o.machineConflict === undefined) return undefined;
  const { metadata } = o.object;
  // Released silently, the VM would continue to run, and no one would know which of the two was right.
  const retained = o.mayOrphan ? `; to ${leavingToOther}: ${deleteKeepingVm(metadata)}` : '';
  const remedy = metadata.deletionTimestamp === undefined ? retained : leavingVm(o, leavingToOther);
  const message = `VM ${o.identity.id} belongs to the object ${o.machineConflict}, which records it too${remedy}`;
  return requeue({ reason: 'HeldByOtherObject', message }, { ...kept(o), after: conflictRetry });
}
