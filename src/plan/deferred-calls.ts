import { type Decision, isProviderCall, requeue } from './action.ts';
import { kept } from './kept.ts';
import type { Observed } from './observed.ts';

/** Nothing is sent before the time the provider asked for: a filter over whatever was decided. */
export function deferCalls(o: Observed, decision: Decision): Decision {
  if (!isProviderCall(decision.action)) return decision;
  const held = { ...kept(o), urgent: decision.fastPolling };
  if (o.rateLimitedFor > 0) {
    return requeue(
      { reason: 'RateLimited', message: 'the provider asked for fewer requests' },
      { ...held, after: o.rateLimitedFor },
    );
  }
  if (o.isProviderUnavailable) {
    const message = 'the provider is unavailable; the operator sends the request after a list succeeds';
    return requeue({ reason: 'ProviderUnavailable', message }, held);
  }
  // The key was replaced; the first answer to the new one, which is on its way, decides.
  if (o.isKeyChanging) return requeue(undefined, held);
  const left = (o.history.notBefore ?? 0) - o.now;
  return left > 0 ? requeue(undefined, { ...held, after: left }) : decision;
}

/** What Kubernetes refused to store is refused again: it is tried with growing delays, or when you change the object. */
export function unwritable(o: Observed, decision: Decision): Decision {
  const { writeRefusal } = o.history;
  if (writeRefusal?.action !== decision.action.type) return decision;
  const { message, until } = writeRefusal;
  return requeue({ reason: 'WriteRefused', message }, { ...kept(o), after: Math.max(0, until - o.now) });
}
