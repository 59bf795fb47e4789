import { patchSpec } from '../api/v1alpha1/commands.ts';
import { quoted } from '../domain/text.ts';
import { type Decision, type StatusReason, perform, requeue, keptOperations } from './action.ts';
import { desiredPowerState } from './power.ts';
import type { Observed } from './observed.ts';
import { isObserving } from './filters.ts';

/**
 * Releases the finalizer and leaves the VM as it is, immediately: also during a shutdown, which can't be canceled,
 * because starting the VM again would need a valid key. In the account of the operator's default key, the administrator
 * pays for such a VM.
 */
export function orphan(o: Observed): Decision {
  if (o.mayOrphan || o.machine.kind === 'Absent')
    return perform({ type: 'ReleaseFinalizer' }, undefined, { event: retained(o) });
  // The reads that show whether a VM exists, and in which account, are in flight.
  const isReading = o.machine.kind === 'Unknown' && o.machine.reason.kind === 'NotYetSeen';
  const hasKey = o.credentials.kind === 'Accepted' || o.credentials.kind === 'Unverified';
  if (isReading && hasKey) return requeue(undefined, { ...keptOperations(o), fastPolling: true });
  const what = isObserving(o) ? 'spec.managementPolicy Observe' : 'spec.deletionPolicy Retain';
  const deleted = patchSpec(o.object.metadata, { deletionPolicy: 'Delete', managementPolicy: 'Manage' });
  const message = `deleted, but ${what} would leave the VM running in the account of the operator's default API key; ask your cluster administrator to permit that (defaultCredentialsOrphanNamespaces), or have the VM deleted with all data: ${deleted}`;
  return requeue({ reason: 'OrphanNotPermitted', message }, keptOperations(o));
}

/** What stays at the provider, and that it costs money: the object, whose status showed it, is gone. */
function retained(o: Observed): StatusReason | undefined {
  const { identity, machine, intent, providerName: name } = o;
  if (machine.kind === 'Absent') return undefined;
  if (identity.kind !== 'Known') {
    const message = `if the create request for ${quoted(name)} led to a VM, it stays at the provider and incurs charges; delete it there, or adopt it with another object`;
    return intent === undefined ? undefined : { reason: 'Retained', message };
  }
  const state = machine.kind === 'Present' ? machine.machine.state : undefined;
  const isLeftOff = desiredPowerState(o) === 'Running' && (state === 'Halting' || state === 'Halted');
  const shown = state === undefined ? '' : `, ${state.toLowerCase()}`;
  // Whether a halted VM is billed isn't documented.
  const charges = state === 'Halted' ? 'may incur charges' : 'incurs charges';
  const next = isLeftOff
    ? "deletionPolicy Retain doesn't start it again. Start it at the provider, or adopt it with another object"
    : 'to manage it again, adopt it with another object';
  return { reason: 'Retained', message: `VM ${identity.id} stays as it is${shown}, and ${charges}; ${next}` };
}
