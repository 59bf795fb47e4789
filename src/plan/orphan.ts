import { patchSpec } from '../api/v1alpha1/commands.ts';
import { type Decision, type StatusReason, perform, requeue } from './action.ts';
import { keptOperations } from './kept-operations.ts';
import type { Observed } from './observed.ts';
import { isObserving } from './policy.ts';

/**
 * Releases the finalizer and leaves the VM as it is, immediately: also during a shutdown, which can't be cancelled,
 * because starting the VM again would need a valid key. In the account of the operator's default key, the administrator
 * pays for such a VM.
 */
export function orphan(o: Observed): Decision {
  if (o.mayOrphan || o.machine.kind === 'Absent')
    return perform({ type: 'ReleaseFinalizer' }, undefined, { event: leftPoweredOff(o) });
  // The reads that show whether a VM exists, and in which account, are in flight.
  const isReading = o.machine.kind === 'Unknown' && o.machine.reason.kind === 'NotYetSeen';
  const hasKey = o.credentials.kind === 'Accepted' || o.credentials.kind === 'Unverified';
  if (isReading && hasKey) return requeue(undefined, { ...keptOperations(o), fastPolling: true });
  const what = isObserving(o) ? 'spec.managementPolicy Observe' : 'spec.deletionPolicy Retain';
  const deleted = patchSpec(o.object.metadata, { deletionPolicy: 'Delete', managementPolicy: 'Manage' });
  const message = `deleted, but ${what} would leave the VM running in the account of the operator's default API key; ask your cluster administrator to permit that (defaultCredentialsOrphanNamespaces), or have the VM deleted with all data: ${deleted}`;
  return requeue({ reason: 'OrphanNotPermitted', message }, keptOperations(o));
}

/** For a VM that is to run, and that the deletion had powered off before `deletionPolicy` kept it. */
function leftPoweredOff({ identity, machine, object }: Observed): StatusReason | undefined {
  if (identity.kind !== 'Known' || machine.kind !== 'Present' || object.spec.powerState !== 'Running') return undefined;
  const { id, state } = machine.machine;
  if (state !== 'Halting' && state !== 'Halted') return undefined;
  const message = `VM ${id} stays as it is, ${state.toLowerCase()}: deletionPolicy Retain doesn't start it again. Start it at the provider, or adopt it with another object`;
  return { reason: 'Stopping', message };
}
