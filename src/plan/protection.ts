import { patchSpec } from '../api/v1alpha1/commands.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { type Decision, type StatusReason, keptOperations, requeue } from './action.ts';
import type { Observed } from './observed.ts';

/** Whether the operator is to delete the VM: the object is being deleted, and `spec.deletionProtection` doesn't block that. */
export function isToBeDeleted({ metadata, spec }: VirtualMachine): boolean {
  return metadata.deletionTimestamp !== undefined && !spec.deletionProtection;
}

/** Whether the object was deleted although it is protected, as in a cluster without the admission policy. */
export function isDeletionProtected({ metadata, spec }: VirtualMachine): boolean {
  return metadata.deletionTimestamp !== undefined && spec.deletionProtection;
}

/** What blocks the deletion, and what the command that lifts the protection does. `meanwhile` is about the VM. */
export function deletionRefused({ metadata }: VirtualMachine, meanwhile?: StatusReason): StatusReason {
  if (meanwhile?.reason === 'DeletionProtected') return meanwhile;
  const vm =
    meanwhile === undefined || meanwhile.reason === 'Available' || meanwhile.reason === 'HaltedBySchedule'
      ? ''
      : `${meanwhile.message}; `;
  const lift = patchSpec(metadata, { deletionProtection: false });
  const message = `${vm}spec.deletionProtection blocks the deletion. This deletes the object and its VM with all data: ${lift}`;
  return { reason: 'DeletionProtected', message };
}

/** The VM stays, and its power is managed as before: a protected VM is in use. */
export function protectedDeletion({ object }: Observed, power: Decision | undefined): Decision {
  const { conditions = [] } = object.status ?? {};
  const statusReason = deletionRefused(object, power?.statusReason);
  if (power === undefined) return requeue(statusReason, keptOperations({ object }));
  if (power.statusReason !== undefined) return { ...power, statusReason };
  const isReported = conditions.some(({ reason }) => reason === 'DeletionProtected');
  return isReported ? power : { ...power, ...keptOperations({ object }), statusReason };
}
