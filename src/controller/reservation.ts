import { isNameOwn, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import { readRequests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { ProviderId } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';

/** Shows whether two objects are in the same account at the provider. */
export type AccountIdentity = Pick<Account, 'credentialStatus' | 'ownerId'>;

/** What an object reserves for itself in its account. */
export interface Reservation {
  readonly key: string;
  readonly name: string;
  /** Of the VM on record, and of the account that this VM was recorded in. */
  readonly id: ProviderId | undefined;
  readonly ownerId: ProviderId | undefined;
  readonly rank: number;
  /** Whether it blocks the name for other objects. A reservation that only asks for the name, and creates nothing now, doesn't. */
  readonly isReserving: boolean;
  /** By age, then by UID, so that the order is the same from every object's view. */
  readonly order: string;
  /** The account in use; null: none; undefined: the object was not reconciled yet. */
  account: AccountIdentity | null | undefined;
}

/**
 * The precedence of a reservation. Annotations never reserve anything: tenants write them.
 *
 * | rank | because                                        |
 * | ---- | ---------------------------------------------- |
 * | 3    | the name carries the object's own UID          |
 * | 2    | the status records a VM that the object created |
 * | 1    | the status records a VM that it adopted        |
 * | 0    | the spec asks for the name, and nothing keeps the object from creating a VM |
 */
export const ownName = 3;

function rankOf(object: VirtualMachine, origin: 'Created' | 'Adopted' | undefined, name: string): number {
  if (isNameOwn(object) && name === providerName(object)) return ownName;
  if (origin === undefined) return 0;
  return origin === 'Created' ? 2 : 1;
}

export function reservationOf(key: string, object: VirtualMachine): Reservation {
  const identity = readIdentity(object);
  const known = identity.kind === 'Known' ? identity : undefined;
  const name = known?.name ?? providerName(object);
  const { creationTimestamp = '', deletionTimestamp, uid } = object.metadata;
  const rank = rankOf(object, known?.origin, name);
  const mayCreate =
    object.spec.managementPolicy === 'Manage' && deletionTimestamp === undefined && !readRequests(object).isPaused;
  return {
    key,
    name,
    id: known?.id,
    ownerId: known?.ownerId,
    rank,
    isReserving: rank > 0 || mayCreate,
    order: `${creationTimestamp} ${uid}`,
    account: undefined,
  };
}

/** Negative if `a` takes precedence. */
export function byPrecedence(a: Reservation, b: Reservation): number {
  if (a.rank !== b.rank) return b.rank - a.rank;
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
}

/** Whether a reservation counts in the account. An account whose key is not accepted yet, or whose owner is unknown, equals only itself. */
export function countsIn(reservation: Pick<Reservation, 'account' | 'ownerId'>, account: AccountIdentity): boolean {
  const { ownerId } = account;
  if (reservation.account === account) return true;
  if (ownerId === undefined) return false;
  return (
    reservation.ownerId === ownerId ||
    (reservation.account?.credentialStatus === 'Accepted' && reservation.account.ownerId === ownerId)
  );
}

export function isSame(a: Reservation, b: Reservation): boolean {
  return (
    a.name === b.name &&
    a.id === b.id &&
    a.ownerId === b.ownerId &&
    a.rank === b.rank &&
    a.isReserving === b.isReserving &&
    a.order === b.order
  );
}

export function shareAccount(a: Reservation, b: Reservation): boolean {
  if (b.account !== undefined && b.account !== null && countsIn(a, b.account)) return true;
  return a.ownerId !== undefined && a.ownerId === b.ownerId;
}

export function hasUnknownAccount({ account, ownerId }: Reservation): boolean {
  return account === undefined && ownerId === undefined;
}
