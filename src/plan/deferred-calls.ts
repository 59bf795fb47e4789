import { type Decision, isProviderCall, requeue } from './action.ts';
import { rateLimitPause } from './failure-status.ts';
import { keptOperations } from './kept-operations.ts';
import type { Observed } from './observed.ts';

/** A filter over every decision: no call is sent before the time that the provider asked for. */
export function deferCalls(o: Observed, decision: Decision): Decision {
  if (!isProviderCall(decision.action)) return decision;
  const held = { ...keptOperations(o), fastPolling: decision.fastPolling };
  if (o.rateLimitedFor > 0) {
    const message = `the provider asked for fewer requests. ${rateLimitPause(o)}`;
    return requeue({ reason: 'RateLimited', message }, { ...held, after: o.rateLimitedFor });
  }
  if (o.isProviderUnavailable) {
    const message = 'the provider is unavailable; the operator sends the request after a list succeeds';
    return requeue({ reason: 'ProviderUnavailable', message }, held);
  }
  // The key was replaced; the first response to the new one, which is in flight, decides.
  if (o.isKeyChanging) return requeue(undefined, held);
  const left = (o.history.notBefore ?? 0) - o.now;
  return left > 0 ? requeue(undefined, { ...held, after: left }) : decision;
}

/**
 * A write that Kubernetes refused would be refused again: the operator retries with exponential backoff, or when the
 * object changes.
 */
export function unwritable(o: Observed, decision: Decision): Decision {
  const { writeRefusal } = o.history;
  if (writeRefusal?.action !== decision.action.type) return decision;
  const { message, until } = writeRefusal;
  return requeue({ reason: 'WriteRefused', message }, { ...keptOperations(o), after: Math.max(0, until - o.now) });
}
