import { readIdentity } from '../../api/v1alpha1/identity.ts';
import { annotations } from '../../api/v1alpha1/constants.ts';
import type { VirtualMachine, VirtualMachineStatus } from '../../api/v1alpha1/types.ts';
import { quoted } from '../../domain/text.ts';
import type { StatusReason, Action } from '../../plan/action.ts';
import { type Comparison, compareWithSpec } from '../../plan/as-specified.ts';
import type { Observed } from '../../plan/observed.ts';
import type { KubeError } from '../../kubernetes/errors.ts';
import { conditionsFor } from '../../status/conditions.ts';
import { ofOther } from '../../status/last-known.ts';

/** The user's remedy for a refused write. */
export const writeRemedy =
  "change the object so that it is admitted, or exempt the operator's service account from the policy";

/**
 * The status after a refused or altered write: what the operator doesn't do because of it, why, and the remedy. Pure.
 */
export function writeRefused(o: Observed, action: Action, error: KubeError): StatusReason {
  return {
    reason: 'WriteRefused',
    message: `${consequence(o, action)}: ${error.words ?? error.message}; ${writeRemedy}`,
  };
}

/**
 * The status of an object that isn't reconciled because the annotation with this installation can't be stored. Pure.
 */
export function ownershipNotStored(
  object: VirtualMachine,
  before: VirtualMachineStatus | undefined,
  error: KubeError,
  now: number,
): { readonly statusReason: StatusReason; readonly status: VirtualMachineStatus } {
  const { generation } = object.metadata;
  const message = `the object is not reconciled, because the annotation ${annotations.managedBy} cannot be stored: ${error.words ?? error.message}; ${writeRemedy}`;
  const statusReason = { reason: 'WriteRefused', message } as const;
  const comparison: Comparison =
    readIdentity(object).kind === 'OtherObject'
      ? { result: 'Unknown', message: ofOther.because }
      : compareWithSpec(object, before?.id, before ?? {});
  const circumstances = { credentials: { kind: 'Unverified' }, generation, comparison } as const;
  const conditions = conditionsFor(statusReason, circumstances, now, before?.conditions);
  return { statusReason, status: { ...before, observedGeneration: generation, conditions } };
}

function consequence(o: Observed, action: Action): string {
  switch (action.type) {
    case 'Create':
      return `VM ${quoted(action.request.name)} is not created, because finalizer and create intent cannot be stored`;
    case 'RecordIdentity':
      return `VM ${action.machine.id} cannot be recorded in the object`;
    case 'WithdrawIntent':
      return 'the provider refused to create the VM, but finalizer and create intent cannot be removed';
    case 'CompleteIdentity':
      return `finalizer and annotations for VM ${action.machine.id} cannot be stored in the object`;
    case 'ReleaseFinalizer':
      return o.machine.kind === 'Absent'
        ? 'the VM is gone, but the finalizer cannot be removed from the object'
        : 'no VM is left to delete for this object, but its finalizer cannot be removed';
    case 'Restart':
    case 'Kill':
      return `VM ${action.id} is left as it is, because the ${action.operation.type.toLowerCase()} cannot be recorded in the status first`;
    default:
      return 'the status cannot be stored';
  }
}
