import { patchSpec } from '../api/v1alpha1/commands.ts';
import { type Decision, type StatusReason, perform, requeue } from './action.ts';
import { kept } from './kept.ts';
import type { Observed } from './observed.ts';
import { isObserving } from './policy.ts';

/**
 * Releases the object and leaves its VM as it is, at once: also in a shutdown, which can't be cancelled, and to start the VM again
 * would take a valid key. In the account of the operator's own key a VM that no one deletes is the administrator's to pay for.
 */
export function orphan(o: Observed): Decision {
  if (o.mayOrphan || o.machine.kind === 'Absent')
    return perform({ type: 'ReleaseFinalizer' }, undefined, { event: leftPoweredOff(o) });
  // Whether there is a VM, and whose key shows it, is on its way.
  const isReading = o.machine.kind === 'Unknown' && o.machine.reason.kind === 'NotYetSeen';
  const hasKey = o.credentials.kind === 'Accepted' || o.credentials.kind === 'Unverified';
  if (isReading && hasKey) return requeue(undefined, { ...kept(o), fastPolling: true });
  const what = isObserving(o) ? 'spec.managementPolicy Observe' : 'spec.deletionPolicy Retain';
  const deleted = patchSpec(o.object.metadata, { deletionPolicy: 'Delete', managementPolicy: 'Manage' });
  const message = `deleted, but ${what} would leave the VM running in the account of the operator's default API key; ask your cluster administrator to permit that (defaultCredentialsOrphanNamespaces), or have the VM deleted with all data: ${deleted}`;
  return requeue({ reason: 'OrphanNotPermitted', message }, kept(o));
}

/** Of a VM that is to run, and that the deletion powered off before `deletionPolicy` kept it. */
function leftPoweredOff({ identity, machine, object }: Observed): StatusReason | undefined {
  if (identity.kind !== 'Known' || machine.kind !== 'Present' || object.spec.powerState !== 'Running') return undefined;
  const { id, state } = machine.machine;
  if (state !== 'Halting' && state !== 'Halted') return undefined;
  const message = `VM ${id} stays as it is, ${state.toLowerCase()}: deletionPolicy Retain doesn't start it again. Start it at the provider, or adopt it with another object`;
  return { reason: 'Stopping', message };
}
