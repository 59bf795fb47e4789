import type { NamespaceQuotaOptions, RetainedMachine } from '../controller/namespace-quota.ts';
import type { Clock } from '../domain/clock.ts';
import type { Account } from '../provider/account/account.ts';

export interface RetainedMachineWatchDeps {
  readonly clock: Clock;
  readonly accounts: { list(): ReadonlyMap<number, Account> };
  /** Only the leader lists VMs. */
  readonly isLeading: () => boolean;
  /** Milliseconds until lists show the VM of a create that is in flight now. */
  readonly createDelay: number;
}

/** How the quota of a namespace watches for the deletion of a VM that an object left running. */
export function createRetainedMachineWatch(deps: RetainedMachineWatchDeps): NamespaceQuotaOptions['watch'] {
  return (machine) => {
    // No list shows a VM whose account is unknown.
    if (!deps.isLeading() || (machine.account === undefined && machine.ownerId === undefined)) return undefined;
    const earliest = deps.clock.monotonic() + deps.createDelay;
    return () => isConfirmedGone(machine, deps.accounts.list().values(), earliest);
  };
}

/**
 * Whether lists confirm that a VM that an object left running is deleted. Only a list of the VM's account counts that
 * started at or after `earliest` (monotonic): before, the VM may exist without being listed. Without such a list,
 * because no object uses the account's key any more, the VM counts as existing.
 */
export function isConfirmedGone(
  { id, name, ownerId, account }: RetainedMachine,
  accounts: Iterable<Account>,
  earliest: number,
): boolean {
  let newest = -Infinity;
  let isGone = false;
  for (const one of accounts) {
    const { snapshot } = one;
    if (snapshot === undefined || snapshot.startedAt < newest) continue;
    // An unreadable entry is a VM, and may have any name.
    const isShown =
      id === undefined ? snapshot.byName(name).length > 0 || snapshot.unreadable.size > 0 : snapshot.has(id);
    const isItsAccount = ownerId === undefined ? one === account : one.ownerId === ownerId;
    // Ids are unique across accounts.
    if (!isItsAccount && !(isShown && id !== undefined)) continue;
    newest = snapshot.startedAt;
    const isBelieved =
      id === undefined ? one.massDisappearance === undefined : one.massDisappearanceOf(id) === undefined;
    isGone = !isShown && isBelieved && snapshot.startedAt >= earliest;
  }
  return isGone;
}
