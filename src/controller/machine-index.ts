import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Machine, ProviderId } from '../domain/machine.ts';
import {
  ReservationIndex,
  type AccountIdentity,
  takesPrecedence,
  isSame,
  ownName,
  type Reservation,
  reservationOf,
} from './reservation.ts';

/**
 * Which objects reserve which names and VMs at the provider, updated by the watch. A reservation counts within one account: the
 * account of the object's accepted key, or the one that its status records.
 */
export class MachineIndex {
  readonly #reservations = new Map<string, Reservation>();
  readonly #byName = new ReservationIndex<string>();
  readonly #byId = new ReservationIndex<ProviderId>();
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
      .filter((reservation) => own === undefined || id !== undefined || takesPrecedence(reservation, own))
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
    return first !== undefined && (own === undefined || takesPrecedence(first, own)) ? first.key : undefined;
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
