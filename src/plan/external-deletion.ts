import { deleteObject, patchSpec } from '../api/v1alpha1/commands.ts';
import type { Identity } from '../api/v1alpha1/identity.ts';
import type { Requests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { type Decision, requeue } from './action.ts';
import { compareWithSpec } from './as-specified.ts';
import { isCreatable } from './catalog.ts';
import { create } from './create.ts';
import { externalDeletePolicyOf } from './defaults.ts';
import type { MachineObservation, Observed } from './observed.ts';

/** The rule for a VM on record that is confirmed deleted. */
export function externallyDeleted(o: Observed): Decision | undefined {
  const { identity } = o;
  if (identity.kind !== 'Known' || o.machine.kind !== 'Absent') return undefined;
  if (isRecreated(o.object, identity)) {
    const obstacle = recreationObstacle(o.object, identity.id);
    if (obstacle !== undefined)
      return requeue({
        reason: 'ExternallyDeleted',
        message: `VM ${identity.id} was deleted outside the operator; it is not recreated, because ${obstacle}`,
      });
    const decision = create(o);
    if (decision.statusReason?.reason === 'RecreationDelayed') return decision;
    const message = `VM ${identity.id} was deleted outside the operator; a new one is created`;
    return { ...decision, event: { reason: 'ExternallyDeleted', message } };
  }
  return requeue({
    reason: 'ExternallyDeleted',
    message: `VM ${identity.id} is not in the list and GET returns 404: it was deleted outside the operator; if it reappears, the object continues with it; for a new, empty VM: ${patchSpec(o.object.metadata, { onExternalDelete: 'Recreate' })}; to delete the object: ${deleteObject(o.object.metadata, o.object.spec.deletionProtection)}`,
  });
}

/**
 * Whether a rule may create a VM for the object: `creation`, or `externallyDeleted` with Recreate. Only then does a decision depend on
 * the catalog, on orphan candidates and on how long a VM has been absent.
 */
export function mayCreate(object: VirtualMachine, identity: Identity, machine: MachineObservation): boolean {
  if (machine.kind !== 'Absent' || object.metadata.deletionTimestamp !== undefined) return false;
  return identity.kind !== 'Known' || isRecreated(object, identity);
}

/** Whether a VM that is confirmed deleted is recreated. */
function isRecreated(object: VirtualMachine, identity: Identity): boolean {
  return identity.kind === 'Known' && externalDeletePolicyOf(object, identity.origin) === 'Recreate';
}

/**
 * What prevents recreating the VM on record although `spec.onExternalDelete` allows it: the operator doesn't know which
 * VM the user wants.
 */
function recreationObstacle(object: VirtualMachine, id: number): string | undefined {
  const { result, message: difference } = compareWithSpec(object, id, object.status ?? {});
  if (result === 'Different') return `it did not match the spec. ${difference}`;
  if (isCreatable(object.spec)) return undefined;
  return `the spec lacks its region, package or osTemplate; set them, or delete the object: ${deleteObject(object.metadata, object.spec.deletionProtection)}`;
}

/**
 * Whether the object counts towards the account's rate limit of recreations: not while a create request is only
 * planned.
 */
export function needsRecreationSlot(
  object: VirtualMachine,
  identity: Identity,
  { isPaused }: Requests,
): identity is Extract<Identity, { kind: 'Known' }> {
  if (object.spec.managementPolicy !== 'Manage' || isPaused || identity.kind !== 'Known') return false;
  return isRecreated(object, identity) && recreationObstacle(object, identity.id) === undefined;
}
