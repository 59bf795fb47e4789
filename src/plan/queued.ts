import { quoted } from '../domain/text.ts';
import { type Action, type Decision, isProviderCall, requeue } from './action.ts';
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
  const reported = isDeletionProtected(o.object)
    ? deletionRefused(o.object, { reason: 'ProviderBusy', message: waits })
    : { reason: statusReason.reason, message: waits };
  return requeue(reported, { ...keptOperations(o), fastPolling: decision.fastPolling, reportsWait: true, after: 0 });
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
