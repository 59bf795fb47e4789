import type { Reason } from '../api/v1alpha1/reasons.ts';
import type { OperationStatus, VirtualMachineStatus } from '../api/v1alpha1/types.ts';
import type { CreateRequest, ProviderId } from '../model/machine.ts';

/** Everything the operator can do in one pass. At most one of them is a call that changes something at the provider. */
export type Action =
  | { readonly type: 'None' }
  /** Finalizer and intent first, then the create call. */
  | { readonly type: 'Create'; readonly request: CreateRequest }
  /** Record that the machine is ours: annotation with its id, finalizer present, intent gone. */
  | { readonly type: 'RecordIdentity'; readonly id: ProviderId }
  | { readonly type: 'Start'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Stop'; readonly id: ProviderId; readonly operation: OperationStatus }
  /** Its operation is stored before the call: a second power cut would hurt. */
  | { readonly type: 'Kill'; readonly id: ProviderId; readonly operation: OperationStatus }
  | { readonly type: 'Delete'; readonly id: ProviderId }
  | { readonly type: 'ReleaseFinalizer' };

/** What to tell: the reason decides the conditions (see api/v1alpha1/reasons.ts), the message is for people. */
export interface Verdict {
  readonly reason: Reason;
  readonly message: string;
}

export interface Decision {
  readonly action: Action;
  /** Undefined: there is nothing new to say, the status stays as it is. */
  readonly verdict: Verdict | undefined;
  /** The operation in flight as the status is to show it; undefined when none is. */
  readonly operation: OperationStatus | undefined;
  readonly startFailure: VirtualMachineStatus['startFailure'] | undefined;
  /** Come back after this many milliseconds even when nothing happens. */
  readonly after: number | undefined;
  /** Whether the machine is in transition, so that its account should be read at the fast pace. */
  readonly urgent: boolean;
}

const none: Action = { type: 'None' };

/** A decision to do nothing now but say why, and perhaps come back. */
export function wait(
  verdict: Verdict | undefined,
  rest: Partial<Pick<Decision, 'after' | 'urgent' | 'operation' | 'startFailure'>> = {},
): Decision {
  return act(none, verdict, rest);
}

/** A decision to act. */
export function act(
  action: Action,
  verdict: Verdict | undefined,
  rest: Partial<Pick<Decision, 'after' | 'urgent' | 'operation' | 'startFailure'>> = {},
): Decision {
  return {
    action,
    verdict,
    operation: rest.operation,
    startFailure: rest.startFailure,
    after: rest.after,
    urgent: rest.urgent ?? false,
  };
}
