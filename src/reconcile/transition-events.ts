import type { ConditionType, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { StatusReason } from '../plan/action.ts';
import { isTrouble } from '../status/status.ts';

/** The events of a new status: one for each change of a reason, because an unchanged condition needs none. Pure. */
export function transitionEvents(
  before: VirtualMachineStatus | undefined,
  after: VirtualMachineStatus,
  statusReason: StatusReason,
): readonly StatusReason[] {
  const shown = reasonOf(before, 'Synced');
  const synced = after.conditions?.find(({ type }) => type === 'Synced');
  const asSpecified = after.conditions?.find(({ type }) => type === 'AsSpecified');
  const events: StatusReason[] = [];
  // A problem beside the VM hides what Synced would report of it.
  const shownOfVm = isTrouble(shown) ? reasonOf(before, 'Ready') : shown;
  if (shownOfVm !== statusReason.reason) events.push(statusReason);
  if (
    synced !== undefined &&
    isTrouble(synced.reason) &&
    synced.reason !== statusReason.reason &&
    shown !== synced.reason
  )
    events.push({ reason: synced.reason, message: synced.message });
  if (asSpecified?.reason === 'DiffersFromSpec' && reasonOf(before, 'AsSpecified') !== 'DiffersFromSpec')
    events.push({ reason: 'DiffersFromSpec', message: asSpecified.message });
  return events;
}

function reasonOf(status: VirtualMachineStatus | undefined, type: ConditionType): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.reason;
}
