import { finalizer } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';

/**
 * How many objects of a namespace may have a machine. An object has a place from the announcement of its machine on, which
 * is when it gets our finalizer, until that goes. Between a decision and the announcement its place is reserved, in one
 * step with the count, so that two objects never both take the last one.
 */
export class NamespaceQuota {
  readonly #limit: number;
  readonly #keysByNamespace = new Map<string, Set<string>>();
  /** Those that found no place, the first one first. */
  readonly #waitingByNamespace = new Map<string, Set<string>>();

  /** 0 is no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * An object (`namespace/name`) changed, as the watch tells. One without our finalizer keeps a place it only reserved. Answers
   * the key that has waited longest for the place it left, if any does.
   */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): string | undefined {
    if (after === undefined) this.#stopWaiting(key);
    if (hasPlace(after)) this.#add(key);
    else if ((hasPlace(before) || after === undefined) && this.release(key)) {
      const [next] = this.#waitingByNamespace.get(namespaceOf(key)) ?? [];
      // Whether it takes the place or does not want it any more, the place after this one is another's.
      if (next !== undefined) this.#stopWaiting(next);
      return next;
    }
    return undefined;
  }

  /** The limit, if it leaves no place for this object; undefined while it has one or could get one. */
  reachedFor(key: string): number | undefined {
    const keys = this.#keysByNamespace.get(namespaceOf(key));
    if (this.#limit === 0 || keys === undefined || keys.has(key)) return undefined;
    return keys.size >= this.#limit ? this.#limit : undefined;
  }

  /** The object would have a machine if there were a place for it. */
  wait(key: string): void {
    const namespace = namespaceOf(key);
    this.#waitingByNamespace.set(namespace, (this.#waitingByNamespace.get(namespace) ?? new Set()).add(key));
  }

  /** Takes a place for the object, or finds that it has one already; false when there is none. */
  reserve(key: string): boolean {
    if (this.reachedFor(key) !== undefined) return false;
    this.#add(key);
    return true;
  }

  /** Nothing came of what a place was reserved for. Answers whether there was one. */
  release(key: string): boolean {
    const namespace = namespaceOf(key);
    const keys = this.#keysByNamespace.get(namespace);
    const hadPlace = keys?.delete(key) === true;
    if (keys?.size === 0) this.#keysByNamespace.delete(namespace);
    return hadPlace;
  }

  #stopWaiting(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#waitingByNamespace.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#waitingByNamespace.delete(namespace);
  }

  #add(key: string): void {
    this.#stopWaiting(key);
    const namespace = namespaceOf(key);
    this.#keysByNamespace.set(namespace, (this.#keysByNamespace.get(namespace) ?? new Set()).add(key));
  }
}

function hasPlace(object: VirtualMachine | undefined): boolean {
  return object?.metadata.finalizers?.includes(finalizer) === true;
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
