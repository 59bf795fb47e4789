import type { OperationStatus, OperationType } from '../api/v1alpha1/types.ts';
import { type LastTask, type Machine, isTaskBusy, isTaskFailed } from '../domain/machine.ts';
import type { StatusReason } from './action.ts';
import type { Observed } from './observed.ts';

/**
 * Only `VmKill` is a documented name; the others are inferred. A task of any other name may come from outside the
 * operator, so its failure doesn't count as that of the operation.
 */
const namesOf: Readonly<Record<OperationType, RegExp>> = {
  Start: /(?<!re)(?:start|boot)|power.?on/i,
  Stop: /stop|shut|halt|power.?off/i,
  Restart: /re(?:start|boot|set)/i,
  Kill: /kill|reset|power.?off/i,
};

/** For a VM that is pending: the failed task was to provision it. */
export function provisioningFailed({ id, lastTask }: Machine): StatusReason | undefined {
  if (!isTaskFailed(lastTask)) return undefined;
  const message = `VM ${id} isn't provisioned: its last task at the provider failed (${wordsOf(lastTask)}). The operator creates and deletes nothing because of that. Check the VM at the provider; for another VM, delete this object and apply it again`;
  return { reason: 'ProvisioningFailed', message };
}

/** Reports that the task of an operation in progress failed. `isRepeated`: the same call follows. */
export function powerChangeFailed(
  o: Observed,
  machine: Machine,
  operation: OperationStatus | undefined,
  isRepeated: boolean,
): StatusReason | undefined {
  const words = failedTaskOf(o, machine, operation);
  if (words === undefined || operation === undefined) return undefined;
  const next = isRepeated
    ? '; the operator sends it again with exponential backoff'
    : operation.type === 'Restart'
      ? '; to repeat it, set another spec.restartRequest'
      : '';
  const message = `${operation.type.toLowerCase()} of VM ${machine.id} failed at the provider (${words})${next}`;
  return { reason: 'PowerChangeFailed', message };
}

/** The failed task of an operation, as text. While the next attempt is in progress, the previous one counts. */
export function failedTaskOf(
  { object }: Observed,
  { lastTask }: Machine,
  operation: OperationStatus | undefined,
): string | undefined {
  if (operation === undefined) return undefined;
  const isNextInProgress = isTaskBusy(lastTask) && (operation.attempts ?? 1) > 1;
  const task = isNextInProgress ? object.status?.lastTask : lastTask;
  return isTaskFailed(task) && namesOf[operation.type].test(task.name ?? '') ? wordsOf(task) : undefined;
}

/** Appended to the message that the VM matches the spec. */
export function failedTaskNote({ lastTask }: Machine): string {
  return isTaskFailed(lastTask) ? `; its last task at the provider failed (${wordsOf(lastTask)})` : '';
}

/** Such as "VmStart: failed". */
export function wordsOf({ name = 'task', status }: LastTask): string {
  return `${name}: ${status}`;
}
