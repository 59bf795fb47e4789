import { quoted } from '../domain/text.ts';
import { type Action, type Decision, type StatusReason, isProviderCall, requeue } from './action.ts';
import { keptOperations } from './kept-operations.ts';
import type { Observed } from './observed.ts';
import { deletionRefused, isDeletionProtected } from './protection.ts';

/**
 * A filter over every decision: a call that has waited for a slot for a while is reported before it queues again. A
 * short wait needs no status write. Other delays (deferred-calls.ts) have their own reasons.
 */
export function queued(o: Observed, decision: Decision): Decision {
  const { action, statusReason } = decision;
  if (o.history.isQueued !== true || !isProviderCall(action) || statusReason === undefined) return decision;
  const waits = `waiting for a slot in the request queue of the account, to ${describe(o, action)}; the rate limiter and the concurrency limit assign slots`;
  const rest = { ...keptOperations(o), fastPolling: decision.fastPolling, reportsWait: true, after: 0 };
  return requeue(waiting(o, statusReason, waits), rest);
}

/** What is reported while the provider takes long to answer the call. */
export function unanswered(o: Observed, { action, statusReason }: Decision): StatusReason | undefined {
  if (statusReason === undefined) return undefined;
  return waiting(o, statusReason, `waiting for the provider's response to the request to ${describe(o, action)}`);
}

function waiting({ object }: Observed, { reason }: StatusReason, message: string): StatusReason {
  return isDeletionProtected(object)
    ? deletionRefused(object, { reason: 'ProviderBusy', message })
    : { reason, message };
}

function describe({ providerName }: Observed, action: Action): string {
  switch (action.type) {
    case 'Create':
      return `create VM ${quoted(providerName)}`;
    case 'Start':
      return `start VM ${action.id}`;
    case 'Stop':
      return `send VM ${action.id} the shutdown signal`;
    case 'Restart':
      return `restart VM ${action.id}`;
    case 'Kill':
      return `cut the power of VM ${action.id}`;
    case 'Delete':
      return `delete VM ${action.id}`;
    case 'None':
    case 'RecordIdentity':
    case 'CompleteIdentity':
    case 'WritePassword':
    case 'WithdrawIntent':
    case 'ReleaseFinalizer':
      return 'continue';
  }
}
