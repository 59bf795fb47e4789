import { anyObject, code, patchSpec, reconcileNow } from './commands.ts';
import { inProgress, noAction, type ReasonRow, stalled } from './reason-row.ts';

/** Reasons about the power of the VM. */
export const powerReasons = {
  Starting: {
    ...inProgress,
    meaning: 'The VM is being powered on.',
    remedy: noAction,
  },
  Stopping: {
    ...inProgress,
    meaning: 'The VM is being powered off: by a shutdown signal, or by cutting its power, depending on spec.powerOff.',
    remedy: noAction,
  },
  Restarting: {
    ...inProgress,
    meaning: 'The VM is being restarted, as spec.restartRequest requests.',
    remedy: noAction,
  },
  RestartSkipped: {
    ready: 'Keep',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning:
      'You set spec.restartRequest while the VM was halted. The request counts as handled, and nothing restarts. Reported as an event only.',
    remedy: 'To restart the VM when it runs, set spec.restartRequest to another text then.',
  },
  ProviderBusy: {
    ...inProgress,
    meaning: 'The provider is busy with the VM and accepts no further power request.',
    remedy: noAction,
  },
  PowerTransitionStuck: {
    ready: 'False',
    synced: 'True',
    progress: 'Stalled',
    event: 'Warning',
    blocksDeletion: true,
    meaning:
      'The VM did not reach the wanted power state in time, or the provider has refused a call for that long. The message says whether the operator sends the call again, with exponential backoff, or waits for the provider.',
    remedy: `Check the VM's console at the provider. To cut the power of a VM that doesn't halt: ${code(patchSpec(anyObject, { powerOff: { mode: 'Hard' } }))}. Delete a VM that can't be repaired at the provider.`,
  },
  PowerChangeFailed: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Warning',
    meaning:
      "The provider accepted a power change, and its task for that failed. The message names the task. The operator continues as if the call had no effect: it sends it again with exponential backoff, or cuts the power, depending on spec.powerOff.mode. It doesn't repeat a restart.",
    remedy:
      "If it keeps failing, check the VM's console at the provider, and ask its support. To repeat a restart, set another spec.restartRequest.",
  },
  StartBackoff: {
    ready: 'False',
    synced: 'True',
    progress: 'Reconciling',
    event: 'Warning',
    meaning: 'The VM halts soon after each start. The operator starts it again with exponential backoff.',
    remedy: `Check the VM's console at the provider: its guest doesn't stay up. To start the VM now: ${code(reconcileNow(anyObject))}.`,
  },
  PowerDrift: {
    ready: 'False',
    synced: 'True',
    progress: 'Settled',
    event: 'Warning',
    meaning: 'The power of the VM was changed outside the operator, and spec.powerDriftPolicy Report leaves it so.',
    remedy: `Set spec.powerState to the power state that you want. Or have the operator correct it: ${code(patchSpec(anyObject, { powerDriftPolicy: 'Correct' }))}.`,
  },
  HaltedBySchedule: {
    ready: 'True',
    synced: 'True',
    progress: 'Settled',
    event: 'Normal',
    meaning:
      'The VM is halted because spec.powerSchedule halts it now. The message and status.haltedUntil show until when.',
    remedy: 'No action needed. The message has the command that runs the VM now.',
  },
  InvalidSchedule: {
    ...stalled,
    meaning:
      "spec.powerSchedule has a time zone that doesn't exist, or a cron expression that isn't valid or never occurs. The operator doesn't create the VM and doesn't change its power. A deletion continues.",
    remedy: `Correct the field that the message names. To do without a schedule: ${code(patchSpec(anyObject, { powerSchedule: null }))}.`,
  },
} as const satisfies Readonly<Record<string, ReasonRow>>;
