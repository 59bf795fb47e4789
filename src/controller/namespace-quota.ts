import { isMarked, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { KeyIndex, namespaceOf } from '../domain/object-key.ts';
import type { ProviderId } from '../domain/machine.ts';
import type { NamespaceLimit } from '../plan/observed.ts';
import type { Account } from '../provider/account/account.ts';

/** The VM of an object that was deleted without it: by its id or, where none is recorded, by its name. */
export interface RetainedMachine {
  readonly id: ProviderId | undefined;
  readonly name: string;
  /** The owner of the VM's account, where it is recorded. */
  readonly ownerId: ProviderId | undefined;
  /** The account that the object used last; undefined when it had none. */
  readonly account: Account | undefined;
}

interface Left extends RetainedMachine {
  readonly isGone: () => boolean;
  /** Whether the operator created or recorded it. Otherwise only the object's metadata names it, which a tenant can write. */
  readonly isCertain: boolean;
}

export interface NamespaceQuotaOptions {
  /** VMs that the objects of one namespace may have together; 0: unlimited. */
  readonly limit: number;
  /** The account that an object (`namespace/name`) used last. */
  readonly accountOf: (key: string) => Account | undefined;
  /**
   * Watches for the deletion of a VM that was just left running: the returned function reports whether lists confirm it. Undefined:
   * no list ever can.
   */
  readonly watch: (machine: RetainedMachine) => (() => boolean) | undefined;
}

/** Why an object counts: reserved for a create or adoption to come, taken by one that was started or recorded, or claimed by its metadata alone. */
type Slot = 'Reserved' | 'Taken' | 'Claimed';

/** What counts in one namespace. */
interface Namespace {
  readonly objects: Map<string, Counted>;
  /** How many of the objects have a slot. */
  slots: number;
  left: readonly Left[];
}

interface Counted {
  readonly key: string;
  slot: Slot | undefined;
  /** The ordinal number of its wait for a slot. */
  waiting: number | undefined;
  /** Its VM is confirmed deleted. */
  isGone: boolean;
}

/** How many uncertain VMs of a namespace are remembered, the newest ones. The certain ones are bounded by the slots taken. */
const maxUncertain = 100;

/**
 * How many VMs the objects of a namespace have or left running. An object has a slot from its create intent until its VM is
 * confirmed deleted, whatever happens to its finalizer and annotations: a tenant may edit those. An object that is deleted earlier
 * leaves its slot to the VM, until lists lack the VM or another object records it. Between a decision and the create intent the
 * slot is reserved, in one step with the count, so that two objects never both take the last one.
 *
 * | the object                                                      | its slot                                         |
 * | --------------------------------------------------------------- | ------------------------------------------------ |
 * | records a VM, or reserved a slot                                | taken                                            |
 * | did neither, but has the finalizer, an intent or a hint         | claimed: it counts, and doesn't permit a create  |
 * | loses all of these, but exists                                  | unchanged                                        |
 * | is deleted, and its VM was confirmed deleted                    | free                                             |
 * | is deleted otherwise: Retain, Observe, finalizer removed        | passes to the VM, as long as a list shows the VM |
 *
 * Kept in memory: a restart forgets the VMs that were left running before it.
 */
export class NamespaceQuota {
  readonly #options: NamespaceQuotaOptions;
  readonly #namespaces = new Map<string, Namespace>();
  /** Which objects record which VM, in any namespace. Tenants can't write a status. */
  readonly #recorded = new KeyIndex<ProviderId>();
  #waits = 0;

  constructor(options: NamespaceQuotaOptions) {
    this.#options = options;
  }

  /** An object (`namespace/name`) changed. Returns the key that has waited longest for the slot it left, if any does. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): string | undefined {
    const [old, current] = [recordedId(before), recordedId(after)];
    if (old !== current) {
      if (old !== undefined) this.#recorded.delete(old, key);
      if (current !== undefined) this.#recorded.add(current, key);
    }
    const isOver = before !== undefined && before.metadata.uid !== after?.metadata.uid;
    const isFree = after !== undefined && !hasBegun(after) && this.#get(key)?.isGone === true;
    const next = isOver || isFree ? this.#end(key, before) : undefined;
    if (after !== undefined && hasBegun(after)) {
      const isGiven = current !== undefined || (this.#get(key)?.slot ?? 'Claimed') !== 'Claimed';
      this.#setSlot(key, isGiven ? 'Taken' : 'Claimed');
    }
    return next;
  }

  /**
   * The limit, if it leaves no slot for this object; undefined while the object has a slot or could get one. `id`: a VM that the
   * object would adopt, which takes no second slot when it was left running.
   */
  reachedFor(key: string, id?: ProviderId): NamespaceLimit | undefined {
    const { limit } = this.#options;
    if (limit === 0) return undefined;
    const namespace = this.#namespaces.get(namespaceOf(key));
    if (namespace === undefined) return undefined;
    const slot = namespace.objects.get(key)?.slot;
    if (slot === 'Reserved' || slot === 'Taken') return undefined;
    const count = namespace.slots - (slot === undefined ? 0 : 1);
    if (count + namespace.left.length < limit) return undefined;
    const left = this.#leftIn(namespace).filter((machine) => id === undefined || machine.id !== id);
    if (count + left.length < limit) return undefined;
    return {
      limit,
      leftRunning: left.map((machine) => (machine.id === undefined ? machine.name : String(machine.id))),
    };
  }

  /** The object waits for a slot, to create or adopt its VM. */
  wait(key: string): void {
    this.#waits += 1;
    this.#of(key).waiting ??= this.#waits;
  }

  /** Reserves a slot for the object unless it has one; false when there is none. */
  reserve(key: string, id?: ProviderId): boolean {
    if (this.reachedFor(key, id) !== undefined) return false;
    const object = this.#of(key);
    object.isGone = false;
    if (object.slot !== 'Taken') this.#setSlot(key, object.slot === 'Claimed' ? 'Taken' : 'Reserved');
    return true;
  }

  /** The slot was reserved in vain. A slot that is taken stays. */
  release(key: string): void {
    const object = this.#get(key);
    if (object?.slot !== 'Reserved') return;
    this.#namespaceOf(key).slots -= 1;
    object.slot = undefined;
    this.#forgetIfUnused(object);
  }

  /** The object has no VM: it is confirmed deleted, or its create was refused. Its record is removed next. */
  confirmGone(key: string): void {
    this.#of(key).isGone = true;
  }

  /** A list was read. Returns the keys that have waited longest for the slots of VMs that it confirms gone. */
  freedByList(): readonly string[] {
    const freed: string[] = [];
    for (const namespace of this.#namespaces.values()) {
      if (namespace.left.length === 0 || longestWaiting(namespace) === undefined) continue;
      const before = namespace.left.length;
      this.#leftIn(namespace);
      for (let slots = before - namespace.left.length; slots > 0; slots -= 1)
        freed.push(...this.#nextWaiting(namespace));
    }
    return freed;
  }

  #end(key: string, before: VirtualMachine | undefined): string | undefined {
    const object = this.#get(key);
    if (object === undefined) return undefined;
    const namespace = this.#namespaceOf(key);
    namespace.objects.delete(key);
    const { slot, isGone } = object;
    if (slot !== undefined) namespace.slots -= 1;
    // Also where a slot was only reserved: the finalizer may have been removed before the stored create intent was observed.
    const isLeft = slot !== undefined && !isGone && before !== undefined && this.#options.limit > 0;
    if (isLeft) this.#leave(namespace, key, before, slot);
    const [next] = slot === undefined ? [] : this.#nextWaiting(namespace);
    if (isEmpty(namespace)) this.#namespaces.delete(namespaceOf(key));
    return next;
  }

  /** The key that has waited longest, if any waits. Whether or not it takes the slot, the next slot goes to another key. */
  #nextWaiting(namespace: Namespace): readonly string[] {
    const next = longestWaiting(namespace);
    if (next === undefined) return [];
    next.waiting = undefined;
    this.#forgetIfUnused(next);
    return [next.key];
  }

  #leave(namespace: Namespace, key: string, object: VirtualMachine, slot: Slot): void {
    const machine = { ...machineOf(object), account: this.#options.accountOf(key) };
    const isGone = this.#options.watch(machine);
    if (isGone === undefined) return;
    const isCertain = slot !== 'Claimed';
    // A VM that was adopted again and left again counts once.
    const known = namespace.left.filter(({ id }) => id === undefined || id !== machine.id);
    const uncertain = known.filter((one) => !one.isCertain);
    const oldest = !isCertain && uncertain.length >= maxUncertain ? uncertain[0] : undefined;
    namespace.left = [...known.filter((one) => one !== oldest), { ...machine, isGone, isCertain }];
  }

  /** The VMs that still count. One that another object records counts there, and here again when that object is deleted. */
  #leftIn(namespace: Namespace): readonly Left[] {
    namespace.left = namespace.left.filter((machine) => !machine.isGone());
    return namespace.left.filter(({ id }) => id === undefined || !this.#recorded.has(id));
  }

  #get(key: string): Counted | undefined {
    return this.#namespaces.get(namespaceOf(key))?.objects.get(key);
  }

  #namespaceOf(key: string): Namespace {
    const name = namespaceOf(key);
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const created = { objects: new Map<string, Counted>(), slots: 0, left: [] };
    this.#namespaces.set(name, created);
    return created;
  }

  #of(key: string): Counted {
    const { objects } = this.#namespaceOf(key);
    const object = objects.get(key) ?? { key, slot: undefined, waiting: undefined, isGone: false };
    objects.set(key, object);
    return object;
  }

  #setSlot(key: string, slot: Slot): void {
    const object = this.#of(key);
    if (slot !== 'Claimed') object.waiting = undefined;
    if (object.slot === undefined) this.#namespaceOf(key).slots += 1;
    object.slot = slot;
  }

  #forgetIfUnused({ key, slot, waiting, isGone }: Counted): void {
    if (slot === undefined && waiting === undefined && !isGone)
      this.#namespaces.get(namespaceOf(key))?.objects.delete(key);
  }
}

function longestWaiting({ objects }: Namespace): Counted | undefined {
  let longest: Counted | undefined;
  for (const object of objects.values())
    if ((object.waiting ?? Infinity) < (longest?.waiting ?? Infinity)) longest = object;
  return longest;
}

function isEmpty({ objects, left }: Namespace): boolean {
  return objects.size === 0 && left.length === 0;
}

/** Whether a VM of the object may exist: one of these is stored before the first billable call. A tenant can write all but the last. */
function hasBegun(object: VirtualMachine): boolean {
  return isMarked(object) || recordedId(object) !== undefined;
}

/** The status of an object that only observes has an id without an origin: the VM isn't its own. */
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
