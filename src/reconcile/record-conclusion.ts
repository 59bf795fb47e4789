import type { AccountLimits } from '../controller/account-limits.ts';
import type { NamespaceQuota } from '../controller/namespace-quota.ts';
import type { Clock } from '../domain/clock.ts';
import { objectKey } from '../domain/object-key.ts';
import type { Decision } from '../plan/action.ts';
import type { Observed } from '../plan/observed.ts';
import { refusalWords } from '../plan/provider-busy.ts';
import type { Account } from '../provider/account/account.ts';
import { type Conclusion, isRefusedAsBusy } from './conclude.ts';
import type { Execution } from './execute/execution.ts';
import { rememberPassword } from './execute/password-secret.ts';
import type { ObjectState } from './object-state.ts';
import { writeBasis } from './observe/observe.ts';

export interface RecordConclusionDeps {
  readonly clock: Clock;
  readonly quota: Pick<NamespaceQuota, 'wait'>;
  readonly accountLimits: Pick<AccountLimits, 'wait'>;
}

/** Records the result of an execution in the object's state, and when the next one may follow. */
export function recordConclusion(
  { clock }: RecordConclusionDeps,
  { object }: Observed,
  { action }: Decision,
  execution: Execution,
  conclusion: Conclusion,
  objectState: ObjectState,
): void {
  const now = clock.monotonic();
  if ('outcome' in execution) {
    const { outcome } = execution;
    const isBusy = !outcome.ok && isRefusedAsBusy(outcome.failure);
    objectState.refusedSince = isBusy ? (objectState.refusedSince ?? now) : undefined;
    objectState.refusedWords = isBusy ? (objectState.refusedWords ?? refusalWords(outcome.failure)) : undefined;
    if (outcome.ok) objectState.failures = 0;
    // A request to wait doesn't count as a failure: otherwise, after many of them, a real failure would be retried
    // minutes later.
    else if (outcome.failure.class !== 'Wait') objectState.failures += 1;
  }
  if (
    execution.type === 'PasswordWritten' ||
    execution.type === 'PasswordConflict' ||
    execution.type === 'PasswordAwaited'
  )
    rememberPassword(objectState, execution, now);
  const { unwritten, after = 0 } = conclusion;
  if (unwritten !== undefined) {
    const message = conclusion.report?.statusReason.message ?? '';
    objectState.refuseWrite({ action: unwritten, message, until: now + after }, writeBasis(object));
  } else if (execution.type !== 'Nothing' && execution.type !== 'Superseded') objectState.writeStored(action.type);
  if (conclusion.hold !== undefined) objectState.notBefore = now + conclusion.hold;
}

/**
 * Requests the reads and limits that requeue the object, and records from when on the next decision needs a newer list.
 */
export function requestRequeue(
  { clock, quota, accountLimits }: RecordConclusionDeps,
  account: Account | null,
  { object, providerName, namespaceLimit, machine }: Observed,
  { after, fastPolling, reread, report }: Conclusion,
  objectState: ObjectState,
): void {
  const key = objectKey(object);
  const now = clock.monotonic();
  account?.setFastPolling(key, fastPolling);
  if (namespaceLimit !== undefined && report?.statusReason.reason === 'NamespaceLimitReached') quota.wait(key);
  if (account !== null && report?.statusReason.reason === 'AccountLimitReached') accountLimits.wait(account, key);
  const since = account?.lastWriteAt(providerName) ?? now;
  if (reread === 'List') account?.requestList(key, since);
  if (reread === 'Machine') account?.requestMachine(key, since);
  if (machine.kind !== 'Unknown')
    objectState.relistAfter = fastPolling && after !== undefined && after > 0 ? now + after : undefined;
}
