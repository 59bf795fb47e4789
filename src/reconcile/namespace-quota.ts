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

  /** 0 is no limit. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** An object (`namespace/name`) changed, as the watch tells. One without our finalizer keeps a place it only reserved. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    if (hasPlace(after)) this.#add(key);
    else if (hasPlace(before) || after === undefined) this.release(key);
  }

  /** The limit, if it leaves no place for this object; undefined while it has one or could get one. */
  reachedFor(key: string): number | undefined {
    const keys = this.#keysByNamespace.get(namespaceOf(key));
    if (this.#limit === 0 || keys === undefined || keys.has(key)) return undefined;
    return keys.size >= this.#limit ? this.#limit : undefined;
  }

  /** Takes a place for the object, or finds that it has one already; false when there is none. */
  reserve(key: string): boolean {
    if (this.reachedFor(key) !== undefined) return false;
    this.#add(key);
    return true;
  }

  /** Nothing came of what a place was reserved for. */
  release(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#keysByNamespace.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByNamespace.delete(namespace);
  }

  #add(key: string): void {
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
