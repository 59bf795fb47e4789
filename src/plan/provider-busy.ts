import type { Failure } from '../domain/failure.ts';
import type { StatusReason } from './action.ts';
import type { Observed } from './observed.ts';
import { deletionRefused, isDeletionProtected, isToBeDeleted } from './protection.ts';

/**
 * What is reported while the provider refuses a call (such as "KillMachine") for now. The text is that of the first
 * refusal, because each different text would cause a status write.
 */
export function providerBusy(o: Observed, operation: string, failure?: Failure): StatusReason {
  const statusReason = refusal(o, operation, failure);
  return isDeletionProtected(o.object) ? deletionRefused(o.object, statusReason) : statusReason;
}

function refusal(o: Observed, operation: string, failure: Failure | undefined): StatusReason {
  const words = o.history.refusedWords ?? (failure === undefined ? '' : refusalWords(failure));
  const answer = words === '' ? '' : ` (${words})`;
  if (o.history.refusedFor >= o.limits.stuckAfter) {
    const seconds = Math.round(o.limits.stuckAfter / 1000);
    return {
      reason: 'PowerTransitionStuck',
      message: `the provider has refused ${operation} for more than ${seconds} s${answer}; the operator tries again with exponential backoff`,
    };
  }
  const message = `the provider refuses ${operation} for now${answer}; the operator tries again`;
  return { reason: isToBeDeleted(o.object) ? 'Deleting' : 'ProviderBusy', message };
}

/** The provider's text for a refusal, such as `400: power the VM down first`. */
export function refusalWords({ status, text }: Failure): string {
  return [status, text].filter((part) => part !== undefined && part !== '').join(': ');
}
