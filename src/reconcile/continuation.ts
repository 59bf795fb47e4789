import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Decision } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import { plan } from '../plan/plan.ts';
import { isWorthWriting, statusFor } from '../status/status.ts';
import { reportOf } from './conclude.ts';
import type { Execution } from './execute/execution.ts';

/**
 * How soon a reconciliation that executed nothing has to continue because of the status that it stored, in milliseconds. The event of
 * an own write enqueues nothing, and a decision may rest on that status: when a restart is recorded as done, the next one may be due.
 * Infinity: the same observation with this status leads to nothing new.
 */
export function continuesAfter(
  observed: Observed,
  { fastPolling }: Decision,
  execution: Execution,
  stored: VirtualMachine | undefined,
): number {
  const isStored = stored?.metadata.resourceVersion !== observed.object.metadata.resourceVersion;
  if (execution.type !== 'Nothing' || stored?.status === undefined || !isStored) return Infinity;
  const o: Observed = { ...observed, object: { ...observed.object, status: stored.status } };
  const next = plan(o);
  if (next.action.type !== 'None' || next.fastPolling !== fastPolling) return 0;
  const report = reportOf(next, next.operation);
  if (report !== undefined && isWorthWriting(stored.status, statusFor(o, report))) return 0;
  return next.after ?? Infinity;
}
