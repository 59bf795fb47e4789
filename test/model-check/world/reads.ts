import type { Machine } from '../../../src/domain/machine.ts';
import type { AccountName, AccountState, ProviderState } from '../state.ts';
import { listOf } from './fake-provider.ts';

/** What the steps ask of an account between two reconciliations. Pure. */

export function isPaused({ pausedUntil }: AccountState, now: number): boolean {
  return (pausedUntil ?? -Infinity) > now;
}

/** A call was refused for its key: until a list has shown whether the key is accepted, no slot is acquired. */
export function isSuspected({ isSubscribed, suspectedAt }: AccountState): boolean {
  return isSubscribed && suspectedAt !== undefined;
}

/** Whether a list is requested, or would show something new. */
export function isListDue(
  account: AccountState,
  providerState: ProviderState,
  name: AccountName,
  now: number,
): boolean {
  const { isSubscribed, snapshot, listRequestedAt, lastFailure, credentialStatus } = account;
  if (!isSubscribed || isPaused(account, now)) return false;
  if (isSuspected(account) || (listRequestedAt !== undefined && listRequestedAt <= now)) return true;
  if (providerState.isRejecting) return credentialStatus !== 'Rejected';
  return (
    snapshot === undefined ||
    lastFailure !== undefined ||
    credentialStatus === 'Rejected' ||
    !isSame(snapshot.machines, listOf(providerState, name))
  );
}

function isSame(a: readonly Machine[], b: readonly Machine[]): boolean {
  return (
    a.length === b.length &&
    a.every((machine, index) => {
      const other = b[index];
      return machine.id === other?.id && machine.state === other.state && machine.updatedAt === other.updatedAt;
    })
  );
}
