import { isNameOwn, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import { readRequests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';

/** What says whether two objects are in the same account at the provider. */
export type AccountIdentity = Pick<Account, 'credentialStatus' | 'ownerId'>;

/** What an object reserves for itself in its account. */
interface Reservation {
  readonly key: string;
  readonly name: string;
  /** Of the VM on record, and of the account that this VM was recorded in. */
  readonly id: ProviderId | undefined;
  readonly ownerId: ProviderId | undefined;
  readonly rank: number;
  /** Whether it keeps others from the name. One that only asks for it, and creates nothing now, does not. */
  readonly isReserving: boolean;
  /** By age, then by UID, so that every object gets the same order. */
  readonly order: string;
  /** The account in use; null: none. Undefined: the object was not reconciled yet. */
  account: AccountIdentity | null | undefined;
}

/**
 * How good a reservation is. Annotations are never one: tenants write them.
 *
 * | rank | because                                        |
 * | ---- | ---------------------------------------------- |
 * | 3    | the name carries the object's own UID          |
 * | 2    | the status records a VM that the object created |
 * | 1    | the status records a VM that it adopted        |
 * | 0    | the spec asks for the name, and nothing keeps the object from creating a VM |
 */
const ownName = 3;

function rankOf(object: VirtualMachine, origin: 'Created' | 'Adopted' | undefined, name: string): number {
  if (isNameOwn(object) && name === providerName(object)) return ownName;
  if (origin === undefined) return 0;
  return origin === 'Created' ? 2 : 1;
}

function reservationOf(key: string, object: VirtualMachine): Reservation {
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

/** Negative if `a` goes first. */
function byPrecedence(a: Reservation, b: Reservation): number {
  if (a.rank !== b.rank) return b.rank - a.rank;
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
}

/** Whether a reservation counts in the account. An account without a verdict on its key, or without its owner, is only itself. */
function countsIn(reservation: Pick<Reservation, 'account' | 'ownerId'>, account: AccountIdentity): boolean {
  const { ownerId } = account;
  if (reservation.account === account) return true;
  if (ownerId === undefined) return false;
  return (
    reservation.ownerId === ownerId ||
    (reservation.account?.credentialStatus === 'Accepted' && reservation.account.ownerId === ownerId)
  );
}

/**
 * Which objects reserve which names and VMs at the provider, kept up to date from the watch. A reservation counts within one
 * account: that of the object's own accepted key, or the one that its status records.
 */
export class MachineIndex {
  readonly #reservations = new Map<string, Reservation>();
  readonly #byName = new Index<string>();
  readonly #byId = new Index<ProviderId>();
  /** VMs that an object is about to adopt: on record only a moment later. */
  readonly #adoptions = new Map<ProviderId, string>();

  /** An object (`namespace/name`) changed. Returns the keys that are next in line for what it no longer reserves. */
  update(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): readonly string[] {
    const old = this.#reservations.get(key);
    const current = after && reservationOf(key, after);
    if (current !== undefined && before?.metadata.uid === after?.metadata.uid) current.account = old?.account;
    if (old !== undefined && current !== undefined && isSame(old, current)) return [];
    const next = this.#remove(old);
    if (current !== undefined) this.#add(current);
    if (before?.metadata.uid !== after?.metadata.uid)
      for (const [id, adopter] of this.#adoptions) if (adopter === key) this.#adoptions.delete(id);
    return [...new Set(next)];
  }

  /** The object works with this account from now on; null: with none, undefined: that is not known any more. */
  setAccount(key: string, account: AccountIdentity | null | undefined): void {
    const reservation = this.#reservations.get(key);
    if (reservation === undefined || reservation.account === account) return;
    this.#remove(reservation);
    this.#add({ ...reservation, account });
  }

  /** Another object that goes before this one for the name. */
  nameConflict(name: string, key: string, account: AccountIdentity): string | undefined {
    return this.#before(key, this.#byName.first(name, account, key));
  }

  /** Another object that goes before this one for the VM, which both record. */
  recordConflict(id: ProviderId, key: string, account: AccountIdentity): string | undefined {
    return this.#before(key, this.#byId.first(id, account, key));
  }

  /** Another object that has the VM on record, adopts it right now, or whose UID its name carries. */
  conflictOf({ id, name }: Pick<Machine, 'id' | 'name'>, key: string, account: AccountIdentity): string | undefined {
    const adopter = this.#adoptions.get(id);
    return (
      this.#byId.first(id, account, key)?.key ??
      (adopter === key ? undefined : adopter) ??
      // Nobody can choose a UID, so this needs no account.
      this.#byName.best(name, key, ownName)?.key
    );
  }

  /** Whether any object of the account has the VM on record, or its name carries the UID of an object that exists. */
  isReserved(machine: Pick<Machine, 'id' | 'name'>, account: AccountIdentity): boolean {
    return this.conflictOf(machine, '', account) !== undefined;
  }

  /** The only object of the account that has the VM on record. */
  soleRecordOf(id: ProviderId, account: AccountIdentity): string | undefined {
    const first = this.#byId.first(id, account, '')?.key;
    return first === undefined || this.#byId.first(id, account, first) !== undefined ? undefined : first;
  }

  /** Objects that may go before this one for the VM or the name, in an account that is not known before `use` says so. */
  withUnknownAccount(
    { id, name }: { readonly id?: ProviderId; readonly name?: string },
    key: string,
  ): readonly string[] {
    const own = this.#reservations.get(key);
    const found = [
      ...(id === undefined ? [] : this.#byId.withUnknownAccount(id)),
      ...(name === undefined ? [] : this.#byName.withUnknownAccount(name)),
    ];
    return found
      .filter((reservation) => own === undefined || id !== undefined || byPrecedence(reservation, own) < 0)
      .map((one) => one.key);
  }

  /** Takes a VM for `key` until `release`, unless another object has it: if two ask at the same time, one gets it. */
  lockForAdoption(machine: Pick<Machine, 'id' | 'name'>, key: string, account: AccountIdentity): boolean {
    if (this.conflictOf(machine, key, account) !== undefined) return false;
    this.#adoptions.set(machine.id, key);
    return true;
  }

  unlockAdoption(id: ProviderId, key: string): void {
    if (this.#adoptions.get(id) === key) this.#adoptions.delete(id);
  }

  #before(key: string, first: Reservation | undefined): string | undefined {
    const own = this.#reservations.get(key);
    return first !== undefined && (own === undefined || byPrecedence(first, own) < 0) ? first.key : undefined;
  }

  #add(reservation: Reservation): void {
    this.#reservations.set(reservation.key, reservation);
    if (reservation.isReserving) this.#byName.add(reservation.name, reservation);
    if (reservation.id !== undefined) this.#byId.add(reservation.id, reservation);
  }

  #remove(reservation: Reservation | undefined): readonly string[] {
    if (reservation === undefined) return [];
    this.#reservations.delete(reservation.key);
    return [
      ...(reservation.isReserving ? this.#byName.remove(reservation.name, reservation) : []),
      ...(reservation.id === undefined ? [] : this.#byId.remove(reservation.id, reservation)),
    ];
  }
}

function isSame(a: Reservation, b: Reservation): boolean {
  return (
    a.name === b.name &&
    a.id === b.id &&
    a.ownerId === b.ownerId &&
    a.rank === b.rank &&
    a.isReserving === b.isReserving &&
    a.order === b.order
  );
}

/**
 * Reservations by what they are of. Nearly always there is one, which is kept as it is: more would take several times the memory.
 * Of many, each account's stand in a line of their own, so that what a reservation costs doesn't grow with the reservations of others.
 */
class Index<T> {
  readonly #reservations = new Map<T, Reservation | ReservationQueues>();

  add(value: T, reservation: Reservation): void {
    const known = this.#reservations.get(value);
    if (known === undefined) this.#reservations.set(value, reservation);
    else if (known instanceof ReservationQueues) known.add(reservation);
    else this.#reservations.set(value, new ReservationQueues(known, reservation));
  }

  /** Returns the keys that moved to the front. */
  remove(value: T, reservation: Reservation): readonly string[] {
    const known = this.#reservations.get(value);
    if (known === reservation) this.#reservations.delete(value);
    if (!(known instanceof ReservationQueues)) return [];
    const next = known.remove(reservation);
    const { last } = known;
    if (last !== undefined) this.#reservations.set(value, last);
    return next;
  }

  /** The first reservation of the account that is not that of `key`. */
  first(value: T, account: AccountIdentity, key: string): Reservation | undefined {
    const known = this.#reservations.get(value);
    if (known instanceof ReservationQueues) return known.first(account, key);
    return known !== undefined && known.key !== key && countsIn(known, account) ? known : undefined;
  }

  /** A reservation of this rank in whichever account that is not that of `key`. */
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

function hasUnknownAccount({ account, ownerId }: Reservation): boolean {
  return account === undefined && ownerId === undefined;
}

/** Two or more reservations of one thing, in a line for each account and one for each owner on record, the best one first. */
class ReservationQueues {
  readonly #queues = new Map<AccountIdentity | ProviderId | null | undefined, Reservation[]>();
  #size = 0;

  constructor(...reservations: readonly Reservation[]) {
    for (const reservation of reservations) this.add(reservation);
  }

  add(reservation: Reservation): void {
    this.#size += 1;
    for (const group of accountsOf(reservation)) {
      const queue = this.#queues.get(group) ?? [];
      queue.splice(positionIn(queue, reservation), 0, reservation);
      this.#queues.set(group, queue);
    }
  }

  remove(reservation: Reservation): readonly string[] {
    this.#size -= 1;
    const wasFirst = accountsOf(reservation).map((group) => {
      const queue = this.#queues.get(group) ?? [];
      const position = positionIn(queue, reservation);
      if (queue[position] === reservation) queue.splice(position, 1);
      if (queue.length === 0) this.#queues.delete(group);
      return position === 0;
    });
    if (!wasFirst.includes(true)) return [];
    // Of each line in the same account: it may have several keys.
    return this.front.filter((first) => shareAccount(first, reservation)).map(({ key }) => key);
  }

  /** The only one that is left. */
  get last(): Reservation | undefined {
    return this.#size === 1 ? this.front[0] : undefined;
  }

  /** The first of each line. */
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
        (best === undefined || byPrecedence(reservation, best) < 0)
      )
        best = reservation;
    }
    return best;
  }
}

function shareAccount(a: Reservation, b: Reservation): boolean {
  if (b.account !== undefined && b.account !== null && countsIn(a, b.account)) return true;
  return a.ownerId !== undefined && a.ownerId === b.ownerId;
}

function accountsOf({ account, ownerId }: Reservation): readonly (AccountIdentity | ProviderId | null | undefined)[] {
  return ownerId === undefined ? [account] : [account, ownerId];
}

/** Where the reservation stands, or belongs, in the line. */
function positionIn(queue: readonly Reservation[], reservation: Reservation): number {
  let [from, to] = [0, queue.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const other = queue[middle];
    if (other !== undefined && byPrecedence(other, reservation) < 0) from = middle + 1;
    else to = middle;
  }
  return from;
}
