import type { ConditionType, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import { quoted } from '../domain/text.ts';
import type { StatusReason } from '../plan/action.ts';
import { equal, isTrouble } from '../status/status.ts';

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
  // A deletion that the reason now holds up, and a plan with other steps, are news although the reason is the same.
  const isNews = shownOfVm !== statusReason.reason || isDeletionHeldUp(before, after) || isOtherPlan(before, after);
  if (isNews) events.push(statusReason);
  if (
    synced !== undefined &&
    isTrouble(synced.reason) &&
    synced.reason !== statusReason.reason &&
    shown !== synced.reason
  )
    events.push({ reason: synced.reason, message: synced.message });
  if (asSpecified?.reason === 'DiffersFromSpec' && reasonOf(before, 'AsSpecified') !== 'DiffersFromSpec')
    events.push({ reason: 'DiffersFromSpec', message: asSpecified.message });
  const skipped = skippedRestart(before, after);
  if (skipped !== undefined) events.push({ reason: 'RestartSkipped', message: skipped });
  return events;
}

/** A request that counts as handled because the VM was halted. A restart that was carried out was on record before. */
function skippedRestart(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): string | undefined {
  const { lastRestartRequest: request, id, state } = after;
  const isNew = before?.origin === undefined;
  if (isNew || request === undefined || request === before.lastRestartRequest) return undefined;
  if (state !== 'Halted' || before.operation?.type === 'Restart') return undefined;
  return `spec.restartRequest ${quoted(request)} has no effect, because VM ${id} is halted; to restart it when it runs, set another text then`;
}

function isDeletionHeldUp(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): boolean {
  const type = 'DeletionBlocked';
  return !isTrue(before, type) && isTrue(after, type);
}

function isOtherPlan(before: VirtualMachineStatus | undefined, after: VirtualMachineStatus): boolean {
  return after.plannedActions !== undefined && !equal(before?.plannedActions, after.plannedActions);
}

function isTrue(status: VirtualMachineStatus | undefined, type: ConditionType): boolean {
  return status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
}

function reasonOf(status: VirtualMachineStatus | undefined, type: ConditionType): string | undefined {
  return status?.conditions?.find((condition) => condition.type === type)?.reason;
}
