import { KeyIndex } from '../../domain/object-key.ts';
import type { Machine, ProviderId } from '../../domain/machine.ts';
import type { TimedRead } from './account.ts';
import type { SnapshotDiff } from './snapshot.ts';

export interface SubscriptionTarget {
  readonly name: string;
  readonly id?: ProviderId | undefined;
  readonly isDeleting?: boolean | undefined;
  readonly group?: string | undefined;
}

/** Everything that an account stores for one key. Times are monotonic milliseconds. */
export interface Subscription {
  readonly key: string;
  /** The machine of this id, or of this name while no id is known, and since when. Written by `Subscriptions`. */
  target: (SubscriptionTarget & { readonly subscribedSince: number }) | undefined;
  /** The earliest start of a list, and of a read of the machine, that the key waits for. Written by `ReadRequests`. */
  listAfter: number | undefined;
  machineAfter: number | undefined;
  /** Polls fast, and what shows the machine: a single read, until one didn't show it. Written by `Poller`. */
  fastPolling: 'Machine' | 'List' | undefined;
  /** The newest read of the machine alone. Written by `MachineReads`. */
  read: SingleRead | undefined;
  /** Waits for the catalog. Written by `CatalogCache`. */
  awaitsCatalog: boolean;
  /** When the key may recreate its machine. Written by `RecreationRate`. */
  recreationSlot: number | undefined;
}

export interface SingleRead {
  readonly id: ProviderId;
  isInFlight: boolean;
  result: TimedRead<Machine | undefined> | undefined;
  answeredAt: number;
  /** Whether the result was not returned yet. */
  isUnconsumed: boolean;
}

/** One record for each key, and which keys are subscribed to which machine. */
export class Subscriptions {
  readonly #records = new Map<string, Subscription>();
  readonly #byName = new KeyIndex<string>();
  readonly #byId = new KeyIndex<ProviderId>();
  /** How many keys of each group are subscribed. */
  readonly #groups = new Map<string, number>();
  #size = 0;

  /** How many keys are subscribed. */
  get size(): number {
    return this.#size;
  }

  /** The subscribed keys. */
  keys(): readonly string[] {
    return [...this.#records.values()].filter(({ target }) => target !== undefined).map(({ key }) => key);
  }

  /** All records, also of keys that only requested a read. */
  records(): Iterable<Subscription> {
    return this.#records.values();
  }

  get(key: string): Subscription | undefined {
    return this.#records.get(key);
  }

  /** The record of the key, which is created if necessary. */
  of(key: string): Subscription {
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const created: Subscription = {
      key,
      target: undefined,
      listAfter: undefined,
      machineAfter: undefined,
      fastPolling: undefined,
      read: undefined,
      awaitsCatalog: false,
      recreationSlot: undefined,
    };
    this.#records.set(key, created);
    return created;
  }

  isSubscribed(id: ProviderId): boolean {
    return this.#byId.has(id);
  }

  /** The records of the keys that are subscribed to this machine. */
  ofMachine(id: ProviderId): readonly Subscription[] {
    return this.#byId.keysOf(id).map((key) => this.of(key));
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group);
  }

  /** The groups of subscribed keys, the oldest first. */
  groups(): Iterable<string> {
    return this.#groups.keys();
  }

  /** `now` is monotonic. */
  subscribe(key: string, { name, id, isDeleting, group }: SubscriptionTarget, now: number): void {
    const record = this.of(key);
    // `isDeleting` describes the time of the subscription: later values don't count.
    if (record.target?.name === name && record.target.id === id) return;
    this.#removeTarget(record);
    record.target = { name, id, isDeleting, group, subscribedSince: now };
    this.#size += 1;
    this.#byName.add(name, key);
    if (id !== undefined) this.#byId.add(id, key);
    this.#groups.set(groupOf(record), (this.#groups.get(groupOf(record)) ?? 0) + 1);
  }

  /** Forgets the key. */
  delete(record: Subscription): void {
    this.#removeTarget(record);
    this.#records.delete(record.key);
  }

  /** The keys that are subscribed to one of the machines, each once. */
  subscribedTo({ ids, names }: SnapshotDiff): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const name of names) for (const key of this.#byName.keysOf(name)) keys.add(key);
    for (const id of ids) for (const key of this.#byId.keysOf(id)) keys.add(key);
    return keys;
  }

  #removeTarget(record: Subscription): void {
    const { key, target } = record;
    if (target === undefined) return;
    this.#size -= 1;
    this.#byName.delete(target.name, key);
    if (target.id !== undefined) this.#byId.delete(target.id, key);
    const group = groupOf(record);
    const left = (this.#groups.get(group) ?? 1) - 1;
    if (left === 0) this.#groups.delete(group);
    else this.#groups.set(group, left);
    record.target = undefined;
  }
}

/** The group of the key, which is the flow of its reads; the key itself without one. */
export function groupOf({ key, target }: Subscription): string {
  return target?.group ?? key;
}
