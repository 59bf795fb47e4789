import { providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import { annotations, finalizer } from '../api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { KeyIndex } from '../domain/key-index.ts';
import type { ProviderId } from '../domain/machine.ts';
import type { NamespaceLimit } from '../plan/observed.ts';
import type { Account } from '../provider/account/account.ts';

/** A VM that an object had when it vanished, by its id or, where none is on record, by its name. */
export interface RetainedMachine {
  readonly id: ProviderId | undefined;
  readonly name: string;
  /** Of the VM's account, where it is on record. */
  readonly ownerId: ProviderId | undefined;
  /** The account that the object last worked with; undefined when it had none. */
  readonly account: Account | undefined;
}

interface Left extends RetainedMachine {
  readonly isGone: () => boolean;
  /** Whether the operator made or recorded it. Else only the object's metadata said so, which its owner can write. */
  readonly isCertain: boolean;
}

export interface NamespaceQuotaOptions {
  /** VMs that the objects of one namespace may have together; 0 is no limit. */
  readonly limit: number;
  /** The account that an object (`namespace/name`) last worked with. */
  readonly accountOf: (key: string) => Account | undefined;
  /**
   * Watches for the end of a VM that was left running just now: the answer tells whether lists show that it is gone. Undefined: no
   * list ever will.
   */
  readonly watch: (machine: RetainedMachine) => (() => boolean) | undefined;
}

/** How an object has its place: given for a create or adoption to come, given or on record, or merely by what its metadata says. */
type Place = 'Reserved' | 'Taken' | 'Claimed';

/** Uncertain ones that are remembered of one namespace: the newest. There are never more certain ones than places were given. */
const mostUncertain = 100;

/**
 * How many VMs the objects of a namespace have, or left running. An object has a place from the announcement of its VM until that is
 * shown to be gone, whatever becomes of its finalizer and annotations meanwhile: its owner may edit those. An object that vanishes
 * earlier leaves its place to the VM, until lists lack that, or another object has it on record. Between a decision and the
 * announcement a place is reserved, in one step with the count, so that two objects never both take the last one.
 *
 * | the object                                               | its place                                     |
 * | -------------------------------------------------------- | --------------------------------------------- |
 * | has a VM on record, or was given a place                 | taken                                         |
 * | has the finalizer, an intent or a hint, and was not      | claimed: it counts, and gives no right to a VM |
 * | loses all of these but stays                             | as it was                                     |
 * | goes, and its VM was shown to be gone                    | free                                          |
 * | goes otherwise: Retain, Observe, finalizer taken off     | its VM's, as long as a list shows that         |
 *
 * In memory: a restart forgets the VMs that were left running before it.
 */
export class NamespaceQuota {
  readonly #options: NamespaceQuotaOptions;
  readonly #placesByNamespace = new Map<string, Map<string, Place>>();
  /** Those that found no place, the first one first. */
  readonly #waitingByNamespace = new Map<string, Set<string>>();
  readonly #leftByNamespace = new Map<string, readonly Left[]>();
  /** Which objects have which VM on record, in whatever namespace. Tenants can't write a status. */
  readonly #recorded = new KeyIndex<ProviderId>();
  /** Objects whose VM is shown to be gone. */
  readonly #gone = new Set<string>();

  constructor(options: NamespaceQuotaOptions) {
    this.#options = options;
  }

  /** An object (`namespace/name`) changed, as the watch tells. Answers the key that has waited longest for the place it left, if any does. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): string | undefined {
    const [old, current] = [recordedId(before), recordedId(after)];
    if (old !== current) {
      if (old !== undefined) this.#recorded.delete(old, key);
      if (current !== undefined) this.#recorded.add(current, key);
    }
    const isOver = before !== undefined && before.metadata.uid !== after?.metadata.uid;
    const isFree = after !== undefined && !hasBegun(after) && this.#gone.has(key);
    const next = isOver || isFree ? this.#end(key, before) : undefined;
    if (after !== undefined && hasBegun(after)) {
      const isGiven = current !== undefined || (this.#placeOf(key) ?? 'Claimed') !== 'Claimed';
      this.#set(key, isGiven ? 'Taken' : 'Claimed');
    }
    return next;
  }

  /**
   * The limit, if it leaves no place for this object; undefined while it has one or could get one. `id`: a VM that the object
   * would adopt, which takes no second place when it was left running.
   */
  reachedFor(key: string, id?: ProviderId): NamespaceLimit | undefined {
    const { limit } = this.#options;
    if (limit === 0) return undefined;
    const namespace = namespaceOf(key);
    const place = this.#placeOf(key);
    if (place === 'Reserved' || place === 'Taken') return undefined;
    const count = (this.#placesByNamespace.get(namespace)?.size ?? 0) - (place === undefined ? 0 : 1);
    if (count + (this.#leftByNamespace.get(namespace)?.length ?? 0) < limit) return undefined;
    const left = this.#leftIn(namespace).filter((machine) => id === undefined || machine.id !== id);
    if (count + left.length < limit) return undefined;
    return {
      limit,
      leftRunning: left.map((machine) => (machine.id === undefined ? machine.name : String(machine.id))),
    };
  }

  /** The object would have a machine if there were a place for it. */
  wait(key: string): void {
    const namespace = namespaceOf(key);
    this.#waitingByNamespace.set(namespace, (this.#waitingByNamespace.get(namespace) ?? new Set()).add(key));
  }

  /** Takes a place for the object, or finds that it has one already; false when there is none. */
  reserve(key: string, id?: ProviderId): boolean {
    if (this.reachedFor(key, id) !== undefined) return false;
    this.#gone.delete(key);
    const place = this.#placeOf(key);
    if (place !== 'Taken') this.#set(key, place === 'Claimed' ? 'Taken' : 'Reserved');
    return true;
  }

  /** Nothing came of what a place was reserved for. One that is taken stays. */
  release(key: string): void {
    if (this.#placeOf(key) === 'Reserved') this.#remove(key);
  }

  /** The object has no VM: it is shown to be gone, or was refused. What is on record of it is about to go. */
  confirmGone(key: string): void {
    this.#gone.add(key);
  }

  #end(key: string, before: VirtualMachine | undefined): string | undefined {
    this.#stopWaiting(key);
    const place = this.#remove(key);
    const isGone = this.#gone.delete(key);
    if (place === undefined) return undefined;
    // Also where a place was only reserved: the create may have been announced, and the finalizer removed before that was seen.
    if (!isGone && before !== undefined && this.#options.limit > 0) this.#leave(key, before, place);
    const [next] = this.#waitingByNamespace.get(namespaceOf(key)) ?? [];
    // Whether it takes the place or does not want it any more, the place after this one is another's.
    if (next !== undefined) this.#stopWaiting(next);
    return next;
  }

  #leave(key: string, object: VirtualMachine, place: Place): void {
    const machine = { ...machineOf(object), account: this.#options.accountOf(key) };
    const isGone = this.#options.watch(machine);
    if (isGone === undefined) return;
    const namespace = namespaceOf(key);
    const isCertain = place !== 'Claimed';
    // One that was adopted again and left again counts once.
    const known = this.#leftByNamespace.get(namespace)?.filter(({ id }) => id === undefined || id !== machine.id) ?? [];
    const uncertain = known.filter((one) => !one.isCertain);
    const oldest = !isCertain && uncertain.length >= mostUncertain ? uncertain[0] : undefined;
    this.#leftByNamespace.set(namespace, [...known.filter((one) => one !== oldest), { ...machine, isGone, isCertain }]);
  }

  /** Those that still count. One that another object has on record counts there, and here again when that goes. */
  #leftIn(namespace: string): readonly Left[] {
    const known = this.#leftByNamespace.get(namespace);
    if (known === undefined) return [];
    const left = known.filter((machine) => !machine.isGone());
    if (left.length === 0) this.#leftByNamespace.delete(namespace);
    else this.#leftByNamespace.set(namespace, left);
    return left.filter(({ id }) => id === undefined || !this.#recorded.has(id));
  }

  #stopWaiting(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#waitingByNamespace.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#waitingByNamespace.delete(namespace);
  }

  #placeOf(key: string): Place | undefined {
    return this.#placesByNamespace.get(namespaceOf(key))?.get(key);
  }

  #remove(key: string): Place | undefined {
    const namespace = namespaceOf(key);
    const semaphore = this.#placesByNamespace.get(namespace);
    const place = semaphore?.get(key);
    semaphore?.delete(key);
    if (semaphore?.size === 0) this.#placesByNamespace.delete(namespace);
    return place;
  }

  #set(key: string, place: Place): void {
    if (place !== 'Claimed') this.#stopWaiting(key);
    const namespace = namespaceOf(key);
    const semaphore = this.#placesByNamespace.get(namespace) ?? new Map<string, Place>();
    this.#placesByNamespace.set(namespace, semaphore.set(key, place));
  }
}

/** Whether a VM of the object may exist: one of these is stored before anything billable. All but the last a tenant can write. */
function hasBegun({ metadata, status }: VirtualMachine): boolean {
  return (
    metadata.finalizers?.includes(finalizer) === true ||
    metadata.annotations?.[annotations.createPending] !== undefined ||
    metadata.annotations?.[annotations.machine] !== undefined ||
    (status?.id !== undefined && status.origin !== undefined)
  );
}

/** Of an object that only observes, the status has an id without an origin: it has no VM. */
function recordedId(object: VirtualMachine | undefined): ProviderId | undefined {
  const { id, origin } = object?.status ?? {};
  return origin === undefined ? undefined : id;
}

function machineOf(object: VirtualMachine): Omit<RetainedMachine, 'account'> {
  const { status } = object;
  const identity = readIdentity(object);
  const known = identity.kind === 'Known' ? identity : undefined;
  return {
    id: recordedId(object) ?? known?.id,
    name: known?.name ?? status?.providerName ?? providerName(object),
    ownerId: status?.ownerId ?? known?.ownerId,
  };
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
