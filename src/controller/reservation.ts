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

/** Whether `a` takes precedence over `b`: by its rank, then by the age of its object. */
export function takesPrecedence(a: Reservation, b: Reservation): boolean {
  return a.rank === b.rank ? a.order < b.order : a.rank > b.rank;
}

/** Whether a reservation counts in the account. An account whose key is not accepted yet, or whose owner is unknown, equals only itself. */
function countsIn(reservation: Pick<Reservation, 'account' | 'ownerId'>, account: AccountIdentity): boolean {
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

function shareAccount(a: Reservation, b: Reservation): boolean {
  if (b.account !== undefined && b.account !== null && countsIn(a, b.account)) return true;
  return a.ownerId !== undefined && a.ownerId === b.ownerId;
}

function hasUnknownAccount({ account, ownerId }: Reservation): boolean {
  return account === undefined && ownerId === undefined;
}

/**
 * Reservations by name or VM. Nearly always there is one, which is stored directly: a queue would take several times the memory.
 * Several are queued by account, so that the cost of a reservation doesn't grow with the reservations of other accounts.
 */
export class ReservationIndex<T> {
  readonly #reservations = new Map<T, Reservation | ReservationQueues>();

  add(value: T, reservation: Reservation): void {
    const known = this.#reservations.get(value);
    if (known === undefined) this.#reservations.set(value, reservation);
    else if (known instanceof ReservationQueues) known.add(reservation);
    else this.#reservations.set(value, new ReservationQueues(known, reservation));
  }

  /** Returns the keys that are first now. */
  remove(value: T, reservation: Reservation): readonly string[] {
    const known = this.#reservations.get(value);
    if (known === reservation) this.#reservations.delete(value);
    if (!(known instanceof ReservationQueues)) return [];
    const next = known.remove(reservation);
    const { last } = known;
    if (last !== undefined) this.#reservations.set(value, last);
    return next;
  }

  /** The first reservation of the account, without that of `key`. */
  first(value: T, account: AccountIdentity, key: string): Reservation | undefined {
    const known = this.#reservations.get(value);
    if (known instanceof ReservationQueues) return known.first(account, key);
    return known !== undefined && known.key !== key && countsIn(known, account) ? known : undefined;
  }

  /** A reservation of this rank in any account, without that of `key`. */
  best(value: T, key: string, rank: number): Reservation | undefined {
    const known = this.#reservations.get(value);
    const reservations = known instanceof ReservationQueues ? known.front : known === undefined ? [] : [known];
    return reservations.find((reservation) => reservation.rank === rank && reservation.key !== key);
  }

  withUnknownAccount(value: T): readonly Reservation[] {
    const known = this.#reservations.get(value);
    if (known instanceof ReservationQueues) return known.withUnknownAccount;
    return known !== undefined && hasUnknownAccount(known) ? [known] : [];
  }
}

/** Two or more reservations of one name or VM, in a queue for each account and each recorded owner, the best one first. */
class ReservationQueues {
  readonly #queues = new Map<AccountIdentity | ProviderId | null | undefined, Reservation[]>();
  #size = 0;

  constructor(...reservations: readonly Reservation[]) {
    for (const reservation of reservations) this.add(reservation);
  }

  add(reservation: Reservation): void {
    this.#size += 1;
    for (const account of accountsOf(reservation)) {
      const queue = this.#queues.get(account) ?? [];
      queue.splice(positionIn(queue, reservation), 0, reservation);
      this.#queues.set(account, queue);
    }
  }

  remove(reservation: Reservation): readonly string[] {
    this.#size -= 1;
    const wasFirst = accountsOf(reservation).map((account) => {
      const queue = this.#queues.get(account) ?? [];
      const position = positionIn(queue, reservation);
      if (queue[position] === reservation) queue.splice(position, 1);
      if (queue.length === 0) this.#queues.delete(account);
      return position === 0;
    });
    if (!wasFirst.includes(true)) return [];
    // Of each queue in the same account: an account may have several API keys.
    return this.front.filter((first) => shareAccount(first, reservation)).map(({ key }) => key);
  }

  /** The only one left. */
  get last(): Reservation | undefined {
    return this.#size === 1 ? this.front[0] : undefined;
  }

  /** The first of each queue. */
  get front(): readonly Reservation[] {
    return [...this.#queues.values()].flatMap(([first]) => (first === undefined ? [] : [first]));
  }

  get withUnknownAccount(): readonly Reservation[] {
    return this.#queues.get(undefined)?.filter(hasUnknownAccount) ?? [];
  }

  first(account: AccountIdentity, key: string): Reservation | undefined {
    let best: Reservation | undefined;
    for (const [first, second] of this.#queues.values()) {
      const reservation = first?.key === key ? second : first;
      if (
        reservation !== undefined &&
        countsIn(reservation, account) &&
        (best === undefined || takesPrecedence(reservation, best))
      )
        best = reservation;
    }
    return best;
  }
}

function accountsOf({ account, ownerId }: Reservation): readonly (AccountIdentity | ProviderId | null | undefined)[] {
  return ownerId === undefined ? [account] : [account, ownerId];
}

/** Where the reservation is, or belongs, in the queue. */
function positionIn(queue: readonly Reservation[], reservation: Reservation): number {
  let [from, to] = [0, queue.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = queue[middle];
    if (other !== undefined && takesPrecedence(other, reservation)) from = middle + 1;
    else to = middle;
  }
  return from;
}
