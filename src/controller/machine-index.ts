import { isNameOwn, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import { readRequests } from '../api/v1alpha1/annotations.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import type { Account } from '../provider/account/account.ts';

/** Shows whether two objects are in the same account at the provider. */
export type AccountIdentity = Pick<Account, 'credentialStatus' | 'ownerId'>;

/** What an object reserves for itself in its account. */
interface Reservation {
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

/** Negative if `a` takes precedence. */
function byPrecedence(a: Reservation, b: Reservation): number {
  if (a.rank !== b.rank) return b.rank - a.rank;
  return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
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

/**
 * Which objects reserve which names and VMs at the provider, updated by the watch. A reservation counts within one account: the
 * account of the object's accepted key, or the one that its status records.
 */
export class MachineIndex {
  readonly #reservations = new Map<string, Reservation>();
  readonly #byName = new Index<string>();
  readonly #byId = new Index<ProviderId>();
  /** VMs that an object is adopting, until its status records them. */
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

  /** The object uses this account from now on; null: none; undefined: no longer known. */
  setAccount(key: string, account: AccountIdentity | null | undefined): void {
    const reservation = this.#reservations.get(key);
    if (reservation === undefined || reservation.account === account) return;
    this.#remove(reservation);
    this.#add({ ...reservation, account });
  }

  /** Another object that takes precedence over this one for the name. */
  nameConflict(name: string, key: string, account: AccountIdentity): string | undefined {
    return this.#before(key, this.#byName.first(name, account, key));
  }

  /** Another object that takes precedence over this one for the VM, which both record. */
  recordConflict(id: ProviderId, key: string, account: AccountIdentity): string | undefined {
    return this.#before(key, this.#byId.first(id, account, key));
  }

  /** Another object that records the VM, is adopting it, or whose UID is in its name. */
  conflictOf({ id, name }: Pick<Machine, 'id' | 'name'>, key: string, account: AccountIdentity): string | undefined {
    const adopter = this.#adoptions.get(id);
    return (
      this.#byId.first(id, account, key)?.key ??
      (adopter === key ? undefined : adopter) ??
      // The API server assigns UIDs, so this needs no account.
      this.#byName.best(name, key, ownName)?.key
    );
  }

  /** Whether any object of the account records the VM, or the VM's name contains the UID of an existing object. */
  isReserved(machine: Pick<Machine, 'id' | 'name'>, account: AccountIdentity): boolean {
    return this.conflictOf(machine, '', account) !== undefined;
  }

  /** The only object of the account that records the VM. */
  soleRecordOf(id: ProviderId, account: AccountIdentity): string | undefined {
    const first = this.#byId.first(id, account, '')?.key;
    return first === undefined || this.#byId.first(id, account, first) !== undefined ? undefined : first;
  }

  /** Objects that may take precedence over this one for the VM or the name, and whose account is unknown until `setAccount`. */
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

  /** Reserves a VM for `key` until `unlockAdoption`, unless another object has it: of two that ask at the same time, one gets it. */
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
 * Reservations by name or VM. Nearly always there is one, which is stored directly: a queue would take several times the memory.
 * Several are queued by account, so that the cost of a reservation doesn't grow with the reservations of other accounts.
 */
class Index<T> {
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

function hasUnknownAccount({ account, ownerId }: Reservation): boolean {
  return account === undefined && ownerId === undefined;
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

/** Where the reservation is, or belongs, in the queue. */
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
