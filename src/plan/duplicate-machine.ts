import type { StatusReason } from './action.ts';
import { retainHint } from './retain-hint.ts';
import type { Observed } from './observed.ts';

/** What is reported while other VMs have the same name as the recorded one. */
export function duplicateMachine(o: Observed): StatusReason {
  const { duplicates, machine, object } = o;
  const current = machine.kind === 'Present' ? machine.machine.id : 'unknown';
  const others = `VM ${duplicates.join(', ')}`;
  const message =
    object.metadata.deletionTimestamp === undefined
      ? `${others} has the same name at the provider as VM ${current}, which this object manages; delete the one that you do not need at the provider`
      : `VM ${current} and ${others} have the same name at the provider, so neither is deleted; delete one of them at the provider${retainHint(o, 'keep both')}`;
  return { reason: 'DuplicateMachine', message };
}
