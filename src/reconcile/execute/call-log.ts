import type { Clock } from '../../domain/clock.ts';
import type { Operation, Outcome } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { Action, Decision } from '../../plan/action.ts';
import type { Observed } from '../../plan/observed.ts';
import type { Provider } from '../../provider/provider.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Execution } from './execution.ts';

type CallingAction = Extract<Action, { type: 'Create' | 'Start' | 'Stop' | 'Restart' | 'Kill' | 'Delete' }>;

const operations = {
  Create: 'CreateMachine',
  Start: 'StartMachine',
  Stop: 'StopMachine',
  Restart: 'RestartMachine',
  Kill: 'KillMachine',
  Delete: 'DeleteMachine',
} as const satisfies Record<CallingAction['type'], Operation>;

/** The purpose of a call. `object`: namespace/name. */
export interface CallSubject {
  readonly object: string;
  readonly vmName: string;
  readonly action: Action;
}

/**
 * Wraps the call with one log line when it ends: the object, its VM, the result, and the duration without the wait for
 * a slot.
 */
export function loggedCall<T>(
  call: (provider: Provider) => Promise<Outcome<T>>,
  { object, vmName, action }: CallSubject,
  { log, clock }: { readonly log: Log; readonly clock: Clock },
): (provider: Provider) => Promise<Outcome<T>> {
  return async (provider) => {
    const startedAt = clock.monotonic();
    const outcome = await call(provider);
    const fields = {
      operation: isCalling(action) ? operations[action.type] : action.type,
      object,
      vmID: idIn(action) ?? (outcome.ok ? idIn(outcome.value) : undefined),
      vmName,
      durationSeconds: Math.round(clock.monotonic() - startedAt) / 1_000,
    };
    if (outcome.ok) log.info('Called provider', { ...fields, outcome: wordOf(outcome.value) });
    else log.warn('Called provider', { ...fields, outcome: outcome.failure.code, failure: outcome.failure });
    return outcome;
  };
}

function isCalling(action: Action): action is CallingAction {
  return Object.hasOwn(operations, action.type);
}

/** The id that an action is for, or that the answer to a create contains. */
function idIn(value: unknown): ProviderId | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined;
  return typeof value.id === 'number' ? value.id : undefined;
}

/** `NotFound`: the VM was deleted already. Any other success means that the call was accepted. */
function wordOf(value: unknown): string {
  return value === 'NotFound' ? value : 'Accepted';
}

/** Logs what an action wrote to Kubernetes. A provider call has a separate line. */
export function logWrite(
  log: Log,
  key: string,
  { machine, identity }: Pick<Observed, 'machine' | 'identity'>,
  { action, event }: Pick<Decision, 'action' | 'event'>,
  execution: Execution,
): void {
  switch (execution.type) {
    case 'Recorded':
      return log.info('Recorded VM', { object: key, vmID: 'machine' in action ? action.machine.id : undefined });
    case 'PasswordWritten':
      return log.info('Wrote Secret of the initial password', {
        object: key,
        secretName: execution.secretName,
      });
    case 'PasswordConflict':
      return log.warn('Could not store the Secret of the initial password', {
        object: key,
        reason: execution.message,
      });
    case 'PasswordAwaited':
      return log.debug('Waiting for the garbage collector to delete a Secret', { object: key });
    case 'WriteRefused':
      return log.warn('API server refused a write', { object: key, error: execution.error });
    case 'Withdrawn':
      return log.info('Withdrew create intent', { object: key });
    case 'Released':
      return log.info('Released finalizer', {
        object: key,
        vmID: identity.kind === 'Known' ? identity.id : undefined,
        vm: event?.reason === 'Retained' ? 'Retained' : machine.kind === 'Absent' ? 'Absent' : 'Unmanaged',
      });
    case 'Superseded':
      return log.debug('Object changed during its reconciliation', { object: key });
    case 'Nothing':
    case 'Created':
    case 'Powered':
    case 'Deleted':
      return;
  }
}
