import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { KnownMachine } from '../api/v1alpha1/identity.ts';
import type { OperationStatus, PlannedAction, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { CreateRequest, ProviderId } from '../domain/machine.ts';
import type { Secret } from '../domain/secret.ts';

/** Everything the operator can do in one reconciliation. At most one of them is a call that changes something at the provider. */
export type Action =
  | { readonly type: 'None' }
  /** Finalizer and intent first, then the create call. */
  | { readonly type: 'Create'; readonly request: CreateRequest }
  /** Record in the status that the VM is ours; of an adopted one, the finalizer first. */
  | { readonly type: 'RecordIdentity'; readonly machine: KnownMachine }
  /** What is on record: the finalizer and the hint for restores present, the create intent gone. */
  | { readonly type: 'CompleteIdentity'; readonly machine: KnownMachine }
  /** Write the initial password into a Secret that this object owns; never over one that is there. */
  | { readonly type: 'WritePassword'; readonly id: ProviderId; readonly secretName: string; readonly password: Secret }
  | { readonly type: 'Start'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Stop'; readonly id: ProviderId; readonly operation: OperationStatus }
  /** Its operation is stored before the call: a second restart or power cut would hurt. */
  | { readonly type: 'Restart'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Kill'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Delete'; readonly id: ProviderId }
  /** After a refused create that had no effect: finalizer and intent go. */
  | { readonly type: 'WithdrawIntent' }
  | { readonly type: 'ReleaseFinalizer' };

/** A call that begins or repeats an operation. */
export type PowerAction = Extract<Action, { readonly operation: OperationStatus }>;

/** The same, begun at `at` (epoch milliseconds) rather than when it was decided: between the two it may have waited for its turn. */
export function withStart<T extends PowerAction>(action: T, at: number): T {
  const { operation } = action;
  const { deadlineTime } = operation;
  const waited = at - Date.parse(operation.startTime);
  return {
    ...action,
    operation: {
      ...operation,
      startTime: new Date(at).toISOString(),
      ...(deadlineTime === undefined
        ? {}
        : { deadlineTime: new Date(Date.parse(deadlineTime) + waited).toISOString() }),
    },
  };
}

const providerCalls: ReadonlySet<Action['type']> = new Set<Action['type']>([
  'Create',
  'Start',
  'Stop',
  'Restart',
  'Kill',
  'Delete',
]);

/** Whether the action changes something at the provider. */
export function isProviderCall(action: Action): boolean {
  return providerCalls.has(action.type);
}

/** What to report: the reason decides the conditions (see api/v1alpha1/reasons.ts), the message is for people. */
export interface StatusReason {
  readonly reason: Reason;
  readonly message: string;
}

export interface Decision {
  readonly action: Action;
  /** Undefined: there is nothing new to say, the status stays as it is. */
  readonly statusReason: StatusReason | undefined;
  /** The operation in flight as the status is to show it; undefined when none is. */
  readonly operation: OperationStatus | undefined;
  readonly startFailure: VirtualMachineStatus['startFailure'] | undefined;
  /** A restart request that counts as handled from now on. */
  readonly handledRestart: string | undefined;
  readonly plannedActions: readonly PlannedAction[] | undefined;
  /** Reported in an event besides the verdict, once the provider has accepted the call, or the finalizer is released. */
  readonly event: StatusReason | undefined;
  /** Come back after this many milliseconds even when nothing happens. */
  readonly after: number | undefined;
  /** Whether the machine is in transition, so that its account should be read at the fast pace. */
  readonly fastPolling: boolean;
  /** The machine is to be deleted now, and the limit of deletes a minute holds that up. */
  readonly awaitsDelete: boolean;
}

const none: Action = { type: 'None' };

type Rest = Partial<Omit<Decision, 'action' | 'statusReason'>>;

/** A decision to do nothing now but say why, and perhaps come back. */
export function requeue(statusReason: StatusReason | undefined, rest: Rest = {}): Decision {
  return perform(none, statusReason, rest);
}

/** A decision to act. */
export function perform(action: Action, statusReason: StatusReason | undefined, rest: Rest = {}): Decision {
  return {
    action,
    statusReason,
    operation: rest.operation,
    startFailure: rest.startFailure,
    handledRestart: rest.handledRestart,
    plannedActions: rest.plannedActions,
    event: rest.event,
    after: rest.after,
    fastPolling: rest.fastPolling ?? false,
    awaitsDelete: rest.awaitsDelete ?? false,
  };
}

/** What is on record before a call that can't be taken back. */
export function intentStatus({ type, id }: Extract<Action, { type: 'Kill' | 'Restart' | 'Delete' }>): StatusReason {
  switch (type) {
    case 'Kill':
      return { reason: 'Stopping', message: `cutting the power of VM ${id}` };
    case 'Restart':
      return { reason: 'Restarting', message: `restarting VM ${id}` };
    case 'Delete':
      return { reason: 'Deleting', message: `deleting VM ${id}` };
  }
}
