import type { Account, AccountInventory } from '../../api/v1alpha1/account-types.ts';
import type { AccountReason } from '../../api/v1alpha1/account-reasons.ts';
import { replaceApiKey } from '../../api/v1alpha1/commands.ts';
import type { Failure } from '../../domain/failure.ts';
import type { ProviderId } from '../../domain/machine.ts';
import { quoted } from '../../domain/text.ts';

/** Everything that the status of an Account depends on. */
export interface AccountObserved {
  readonly object: Pick<Account, 'metadata' | 'spec'>;
  readonly credentials:
    | { readonly kind: 'Missing'; readonly message: string; readonly isDefaultRefused: boolean }
    | { readonly kind: 'TooMany'; readonly limit: 'TotalReached' | 'GroupReached' }
    | { readonly kind: 'Rejected'; readonly failure: Failure | undefined }
    | { readonly kind: 'Unverified' | 'Accepted' };
  /** The circuit breaker of the account is open. */
  readonly isUnavailable: boolean;
  /** The newest complete list; undefined without one. */
  readonly list: ObservedList | undefined;
}

export interface ObservedList {
  /** The ids of the VMs whose entries can't be read. */
  readonly unreadable: readonly ProviderId[];
  readonly massDisappearance: { readonly vanished: number; readonly of: number } | undefined;
  /** Computed only if it is needed. */
  readonly inventory: () => AccountInventory;
}

export interface AccountDecision {
  readonly reason: AccountReason;
  readonly message: string;
  /** Undefined: the status keeps the last one. */
  readonly inventory: AccountInventory | undefined;
  /** Milliseconds until the next reconciliation at the latest; undefined: a list or a change of an object triggers it. */
  readonly after?: number;
}

/** How often a Secret is read again that the watch may not show. */
const secretRetry = 15_000;
const keyRetry = 60_000;
const maxNamedIds = 5;
const kept = 'the status shows the inventory of the last complete list';

/** The first rule that returns a decision wins. Pure. */
export function planAccount(o: AccountObserved): AccountDecision {
  return credentialsUnusable(o) ?? notListed(o) ?? listUnusable(o) ?? current(o);
}

function credentialsUnusable({ credentials, object }: AccountObserved): AccountDecision | undefined {
  switch (credentials.kind) {
    case 'Missing': {
      const reason = credentials.isDefaultRefused ? 'DefaultCredentialsNotPermitted' : 'CredentialsMissing';
      return { ...keeping(reason, credentials.message), after: secretRetry };
    }
    case 'TooMany': {
      const message =
        credentials.limit === 'GroupReached'
          ? `the objects of namespace ${quoted(object.metadata.namespace)} use as many API keys as they may (maxApiKeysPerNamespace)`
          : 'as many API keys are in use as the operator may use (maxApiKeys)';
      return { ...keeping('ApiKeyLimitReached', message), after: keyRetry };
    }
    case 'Rejected': {
      const { name, key } = object.spec.credentialsSecretRef;
      const remedy = replaceApiKey(object.metadata.namespace, { name, key });
      const message = `the provider does not accept the API key in Secret ${quoted(name)} under ${quoted(key)}; to replace it: ${remedy}`;
      return { ...keeping('CredentialsRejected', message), after: secretRetry };
    }
    case 'Unverified':
    case 'Accepted':
      return undefined;
  }
}

function notListed({ isUnavailable, list }: AccountObserved): AccountDecision | undefined {
  if (isUnavailable) {
    const message = `the provider can't be reached or returns errors; the operator retries automatically; ${kept}`;
    return keeping('ProviderUnavailable', message);
  }
  return list === undefined
    ? keeping('NotListedYet', 'the provider has not listed the VMs of this API key yet')
    : undefined;
}

function listUnusable({ list }: AccountObserved): AccountDecision | undefined {
  if (list?.massDisappearance !== undefined) {
    const { vanished, of } = list.massDisappearance;
    const message = `${vanished} of ${of} VMs disappeared from the list at once; until complete lists agree for five minutes, ${kept}`;
    return keeping('MassDisappearance', message);
  }
  const [first] = list?.unreadable ?? [];
  if (list === undefined || first === undefined) return undefined;
  const ids = list.unreadable.toSorted((a, b) => a - b);
  const more = ids.length - maxNamedIds;
  const named = `${ids.slice(0, maxNamedIds).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  return keeping('UnreadableMachines', `the operator can't read the list's entries of the VMs ${named}; ${kept}`);
}

function current({ list }: AccountObserved): AccountDecision {
  return {
    reason: 'InventoryCurrent',
    message: 'the provider accepts the API key, and the inventory is that of the newest list',
    inventory: list?.inventory(),
  };
}

function keeping(reason: AccountReason, message: string): AccountDecision {
  return { reason, message, inventory: undefined };
}
