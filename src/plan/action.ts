import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { KnownMachine } from '../api/v1alpha1/identity.ts';
import type { OperationStatus, PlannedAction, VirtualMachine, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { Address, CreateRequest, ProviderId } from '../domain/machine.ts';
import type { Secret } from '../domain/secret.ts';

/** Everything that the operator can do in one reconciliation. At most one action is a provider call with an effect. */
export type Action =
  | { readonly type: 'None' }
  /** Stores finalizer and create intent, then sends the create call. */
  | { readonly type: 'Create'; readonly request: CreateRequest }
  /** Records in the status that the VM belongs to the object. For an adopted VM, it stores the finalizer first. */
  | { readonly type: 'RecordIdentity'; readonly machine: KnownMachine }
  /** Completes the record: finalizer and hint for restores are present, the create intent is removed. */
  | { readonly type: 'CompleteIdentity'; readonly machine: KnownMachine }
  /** Writes the initial password into a new Secret that the object owns; never overwrites one. */
  | {
      readonly type: 'WritePassword';
      readonly id: ProviderId;
      readonly secretName: string;
      readonly password: Secret;
      readonly addresses: readonly Address[];
    }
  | { readonly type: 'Start'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Stop'; readonly id: ProviderId; readonly operation: OperationStatus }
  /** The operation is stored before the call, because repeating a restart or power cut would do harm. */
  | { readonly type: 'Restart'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Kill'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Delete'; readonly id: ProviderId }
  /** Removes finalizer and create intent after a refused create call that had no effect. */
  | { readonly type: 'WithdrawIntent' }
  | { readonly type: 'ReleaseFinalizer' };

/** A call that starts or repeats an operation. */
export type PowerAction = Extract<Action, { readonly operation: OperationStatus }>;

/**
 * The same operation, started at `at` (epoch milliseconds) instead of when it was decided: the call may have waited for
 * a slot in between.
 */
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

/** Whether the action has an effect at the provider. */
export function isProviderCall(action: Action): boolean {
  return providerCalls.has(action.type);
}

/** What to report: the reason determines the conditions (api/v1alpha1/reasons.ts), the message is for users. */
export interface StatusReason {
  readonly reason: Reason;
  readonly message: string;
}

export interface Decision {
  readonly action: Action;
  /** Undefined: the status stays as it is. */
  readonly statusReason: StatusReason | undefined;
  /** The operation in progress as the status shows it; undefined if there is none. */
  readonly operation: OperationStatus | undefined;
  readonly startFailure: VirtualMachineStatus['startFailure'] | undefined;
  /** A restart request that is handled as of now. */
  readonly handledRestart: string | undefined;
  readonly plannedActions: readonly PlannedAction[] | undefined;
  /** Emitted as an event besides the status, once the provider has accepted the call or the finalizer is released. */
  readonly event: StatusReason | undefined;
  /** Requeue after this many milliseconds even without an event. */
  readonly after: number | undefined;
  /** Whether the VM is in transition, so that its account is listed at the urgent polling interval. */
  readonly fastPolling: boolean;
  /** The VM is due for deletion, and the rate limit of deletions delays it. */
  readonly awaitsDelete: boolean;
  /** The status reason reports that a request waits for a slot. */
  readonly reportsWait: boolean;
}

const none: Action = { type: 'None' };

type Rest = Partial<Omit<Decision, 'action' | 'statusReason'>>;

/** A decision to do nothing now, with its reason, and perhaps to requeue. */
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
    reportsWait: rest.reportsWait ?? false,
  };
}

/** What is stored before a call that can't be undone. */
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

/** The operations in the status stay as they are when nothing could be observed. */
export function keptOperations({
  object,
}: {
  readonly object: VirtualMachine;
}): Pick<Decision, 'operation' | 'startFailure'> {
  return { operation: object.status?.operation, startFailure: object.status?.startFailure };
}
