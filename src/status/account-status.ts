import type { AccountCondition, AccountConditionType } from '../api/v1alpha1/account-types.ts';
import { type AccountReason, accountReasons } from '../api/v1alpha1/account-reasons.ts';
import type { ConditionStatus } from '../api/v1alpha1/types.ts';
import type { LimitVerdict } from '../plan/account/limits.ts';
import { nextCondition } from './conditions.ts';

/** What a condition shows when it is as it should be. */
const fine = {
  CredentialsValid: { reason: 'Accepted', message: 'the provider accepts the API key' },
  InventoryComplete: { reason: 'Complete', message: 'the newest list of VMs is complete' },
} as const;

/**
 * The conditions of an Account for a reason, given the previous ones. Pure. Reconciling and Stalled exist only while
 * they are true, as kstatus requires. `lastTransitionTime` changes only when a condition's status does.
 */
export function accountConditions(
  { reason, message }: { readonly reason: AccountReason; readonly message: string },
  generation: number,
  now: number,
  before: readonly AccountCondition[],
  withinLimits?: LimitVerdict,
): readonly AccountCondition[] {
  const row = accountReasons[reason];
  const next = (
    type: AccountConditionType,
    status: ConditionStatus,
    says: { readonly reason: string; readonly message: string } = { reason, message },
  ): AccountCondition => nextCondition(before, type, status, says, generation, now);
  const orFine = (type: 'CredentialsValid' | 'InventoryComplete', status: ConditionStatus): AccountCondition =>
    status === 'True' ? next(type, status, fine[type]) : next(type, status);
  return [
    next('Ready', row.ready),
    orFine('CredentialsValid', row.credentialsValid),
    orFine('InventoryComplete', row.inventoryComplete),
    ...(withinLimits === undefined ? [] : [next('WithinLimits', withinLimits.status, withinLimits)]),
    ...(row.progress === 'Settled' ? [] : [next(row.progress, 'True')]),
  ];
}

/** Whether a condition appeared, disappeared, or changed its status or reason: that is written at once. */
export function hasTransition(before: readonly AccountCondition[], after: readonly AccountCondition[]): boolean {
  return summary(before) !== summary(after);
}

function summary(conditions: readonly AccountCondition[]): string {
  return conditions
    .map(({ type, status, reason }) => `${type}=${status} ${reason}`)
    .toSorted()
    .join();
}
