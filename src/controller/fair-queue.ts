import { namespaceOf } from '../domain/object-key.ts';
import type { QueueItem, Waiting } from './queue-item.ts';

/**
 * Items that wait with the same priority: round-robin by namespace, so that five thousand objects of one namespace don't delay the
 * only object of another; first in, first out within a namespace.
 */
export class FairQueue {
  /** By namespace, the next one first. */
  readonly #namespaces = new Map<string, Set<QueueItem>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds the item behind the others of its namespace. It must not wait here already. */
  add(item: QueueItem, waiting: Waiting): void {
    item.waiting = waiting;
    this.#size += 1;
    const namespace = namespaceOf(item.key);
    this.#namespaces.set(namespace, (this.#namespaces.get(namespace) ?? new Set()).add(item));
  }

  delete(item: QueueItem): void {
    const namespace = namespaceOf(item.key);
    const items = this.#namespaces.get(namespace);
    if (items?.delete(item) !== true) return;
    item.waiting = undefined;
    this.#size -= 1;
    if (items.size === 0) this.#namespaces.delete(namespace);
  }

  /** The next item. */
  head(): QueueItem | undefined {
    for (const [first] of this.#namespaces.values()) if (first !== undefined) return first;
    return undefined;
  }

  /** Removes the item, and moves its namespace behind the others. */
  pop(item: QueueItem): void {
    const namespace = namespaceOf(item.key);
    const items = this.#namespaces.get(namespace);
    this.delete(item);
    this.#namespaces.delete(namespace);
    if (items !== undefined && items.size > 0) this.#namespaces.set(namespace, items);
  }

  /** Since when the oldest item waits; undefined when none waits. */
  oldest(): number | undefined {
    let oldest: number | undefined;
    // The first of each namespace isn't enough: a key whose priority was raised waits behind newer keys.
    for (const items of this.#namespaces.values())
      for (const { waiting } of items) oldest = Math.min(oldest ?? Infinity, waiting?.since ?? Infinity);
    return oldest;
  }
}
