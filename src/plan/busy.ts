import type { Verdict } from './action.ts';
import type { Observed } from './observed.ts';

/** What is told while the provider answers a call ("KillMachine") with "not now". */
export function busyVerdict(o: Observed, operation: string): Verdict {
  if (o.history.refusedFor >= o.limits.stuckAfter) {
    const seconds = Math.round(o.limits.stuckAfter / 1000);
    return {
      reason: 'PowerTransitionStuck',
      message: `the provider has not taken ${operation} for more than ${seconds} s; trying again ever more slowly`,
    };
  }
  const isDeleting = o.object.metadata.deletionTimestamp !== undefined;
  const message = `the provider does not take ${operation} now; trying again`;
  return { reason: isDeleting ? 'Deleting' : 'ProviderBusy', message };
}
