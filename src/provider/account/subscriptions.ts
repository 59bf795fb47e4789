import { KeyIndex } from '../../domain/key-index.ts';
import type { ProviderId } from '../../domain/machine.ts';
import type { SnapshotDiff } from './snapshot.ts';

interface SubscriptionTarget {
  readonly name: string;
  readonly id?: ProviderId | undefined;
  readonly isDeleting?: boolean | undefined;
  readonly group?: string | undefined;
}

/** A key's subscription to the machine of this id, or of this name while no id is known; the time is monotonic. */
interface Subscription extends SubscriptionTarget {
  readonly subscribedSince: number;
}

/** Which key is subscribed to which machine: one machine, by its name and, once known, by its id. */
export class Subscriptions {
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #byName = new KeyIndex<string>();
  readonly #byId = new KeyIndex<ProviderId>();
  /** How many keys of each group are subscribed. */
  readonly #groups = new Map<string, number>();

  get size(): number {
    return this.#subscriptions.size;
  }

  keys(): Iterable<string> {
    return this.#subscriptions.keys();
  }

  entries(): Iterable<Subscription> {
    return this.#subscriptions.values();
  }

  isSubscribed(id: ProviderId): boolean {
    return this.#byId.has(id);
  }

  subscribedSince(key: string): number | undefined {
    return this.#subscriptions.get(key)?.subscribedSince;
  }

  /** The id of the key's machine, once known. */
  idOf(key: string): ProviderId | undefined {
    return this.#subscriptions.get(key)?.id;
  }

  /** The group of the key, which is the flow of its reads; the key itself without one. */
  groupOf(key: string): string {
    return this.#subscriptions.get(key)?.group ?? key;
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
    const old = this.#subscriptions.get(key);
    // `isDeleting` describes the time of the subscription: later values don't count.
    if (old?.name === name && old.id === id) return;
    this.unsubscribe(key);
    this.#subscriptions.set(key, { name, id, isDeleting, group, subscribedSince: now });
    this.#byName.add(name, key);
    if (id !== undefined) this.#byId.add(id, key);
    this.#groups.set(group ?? key, (this.#groups.get(group ?? key) ?? 0) + 1);
  }

  unsubscribe(key: string): void {
    const old = this.#subscriptions.get(key);
    if (old === undefined) return;
    this.#subscriptions.delete(key);
    this.#byName.delete(old.name, key);
    if (old.id !== undefined) this.#byId.delete(old.id, key);
    const group = old.group ?? key;
    const left = (this.#groups.get(group) ?? 1) - 1;
    if (left === 0) this.#groups.delete(group);
    else this.#groups.set(group, left);
  }

  /** The keys that are subscribed to one of the machines, each once. */
  of({ ids, names }: SnapshotDiff): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const name of names) for (const key of this.#byName.keysOf(name)) keys.add(key);
    for (const id of ids) for (const key of this.#byId.keysOf(id)) keys.add(key);
    return keys;
  }
}
