import type { Account } from '../../api/v1alpha1/account-types.ts';
import type { ConditionStatus } from '../../api/v1alpha1/types.ts';
import { objectKey } from '../../domain/object-key.ts';
import { quoted } from '../../domain/text.ts';
import type { StatusReason } from '../action.ts';

/** In bytes: a namespace and a name. */
const longestName = 320;

/** What limits the creates of an account at the provider. */
export type AccountLimits =
  /** Accounts were not read yet, or a predecessor's create may not be listed yet. */
  | { readonly kind: 'Unknown' }
  | {
      readonly kind: 'Limited';
      /** The Account with the limit, as `namespace/name`. */
      readonly by: string;
      readonly machines: number;
      /** All VMs of the newest complete list, and creates that it may not show. */
      readonly count: number;
    };

/**
 * Why no VM is created, if that is so. Pure. A limit holds creates only: it never blocks an adoption, a power change or
 * a deletion.
 *
 * | the limits                       | the create |
 * | -------------------------------- | ---------- |
 * | are unknown                      | waits      |
 * | 5 VMs, and the account has 4     | is sent    |
 * | 5 VMs, and the account has 5     | is held    |
 */
export function heldByAccount(limits: AccountLimits, isDefaultKey: boolean): StatusReason | undefined {
  if (limits.kind === 'Unknown') {
    const message =
      'the operator creates no VM before it has read the limits of all Accounts, and the VMs that they count';
    return { reason: 'AccountLimitsUnknown', message };
  }
  const { by, machines, count } = limits;
  if (count < machines) return undefined;
  // The VMs of the default key are those of others.
  const message = isDefaultKey
    ? "the account of the operator's default API key has reached its limit of VMs; ask your cluster administrator for more"
    : `Account ${quoted(by, longestName)} limits the account to ${machines} VMs (spec.limits.machines), and it has ${count}; delete VMs that you don't need, or raise the limit`;
  return { reason: 'AccountLimitReached', message };
}

/** What the condition WithinLimits of an Account shows. */
export interface LimitVerdict {
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
}

/** Whether VMs can be created in the account of an Account with a limit; undefined without one. Pure. */
export function limitVerdict(
  { metadata, spec }: Pick<Account, 'metadata' | 'spec'>,
  limits: AccountLimits | undefined,
): LimitVerdict | undefined {
  if (spec.limits?.machines === undefined) return undefined;
  if (limits?.kind !== 'Limited') {
    const message = 'the VMs that count toward spec.limits are not known yet';
    return { status: 'Unknown', reason: 'NotCounted', message };
  }
  const { by, machines, count } = limits;
  const isReached = count >= machines;
  const status = isReached ? 'False' : 'True';
  if (by !== objectKey({ metadata })) {
    const message = `Account ${quoted(by, longestName)} is older, and has its limits for the same account: only those count`;
    return { status, reason: 'OlderAccountLimits', message };
  }
  return isReached
    ? {
        status,
        reason: 'LimitReached',
        message: `the account has ${count} VMs, and spec.limits.machines is ${machines}: no VM is created`,
      }
    : { status, reason: 'BelowLimit', message: 'the account has fewer VMs than spec.limits.machines' };
}
