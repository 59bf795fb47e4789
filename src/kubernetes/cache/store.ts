/** One version of one object, as the server sent it. */
export interface ObjectVersion<T> {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /**
   * `None`: an object that the cache doesn't keep; `Unreadable`: one that can't be decoded; `Held`: one whose version
   * `has` confirmed.
   */
  readonly content: { readonly kind: 'Row'; readonly object: T } | { readonly kind: 'None' | 'Unreadable' | 'Held' };
}

export interface ObjectChange<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
  /** The object's last state when the server removed it. A list that merely lacks the object doesn't show that. */
  readonly lastState?: T | undefined;
}

interface Entry<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly object: T;
}

/** How many deletions are remembered: more than events can arrive out of order. */
const maxTombstones = 1_000;

/**
 * The known objects of one list-and-watch. They have two sources: lists and watch events, in the server's order, and
 * the responses to the operator's own writes (`assume`), which arrive earlier. The newer version wins. A deleted object
 * stays deleted: if the history up to a version was seen, and the object isn't there, it was deleted.
 */
export class Store<T> {
  readonly #entries = new Map<string, Entry<T>>();
  /** All changes up to this resourceVersion have been seen. */
  #resourceVersion: string | undefined;
  /** The newest deletions with their resourceVersions: a late event doesn't restore the object. */
  readonly #tombstones = new Map<string, string>();
  /** Keys assumed since the list in flight started. Only these may be newer than the list. */
  #assumed: Set<string> | undefined;

  /** Where a watch continues; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)?.object;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }

  /** Whether the store has exactly this version. */
  has(key: string, uid: string, resourceVersion: string): boolean {
    const entry = this.#entries.get(key);
    return entry?.uid === uid && entry.resourceVersion === resourceVersion;
  }

  /**
   * A list is about to start. It replaces everything known before, even newer versions, because the server may have
   * been restored from a backup.
   */
  beginList(): void {
    this.#assumed = new Set();
  }

  /** Applies a complete list. Returns what it changes. */
  replace(versions: ReadonlyMap<string, ObjectVersion<T>>, resourceVersion: string): ObjectChange<T>[] {
    const changes: (ObjectChange<T> | undefined)[] = [];
    for (const key of this.#entries.keys()) {
      if (!versions.has(key) && !this.#isAhead(key, resourceVersion)) changes.push(this.#set(key, undefined));
    }
    for (const version of versions.values()) {
      if (!this.#isAhead(version.key, version.resourceVersion)) changes.push(this.#upsert(version));
    }
    this.#resourceVersion = resourceVersion;
    this.#assumed = undefined;
    this.#tombstones.clear();
    return changes.filter((change) => change !== undefined);
  }

  /** Applies a watch event. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', version: ObjectVersion<T>): ObjectChange<T> | undefined {
    this.progress(version.resourceVersion);
    const entry = this.#entries.get(version.key);
    if (type === 'DELETED') {
      this.#addTombstone(version);
      // The deletion of this object, whatever was assumed of it, but not of a later object of the same name.
      const isOver = entry?.uid === version.uid || (entry && isNewer(version.resourceVersion, entry.resourceVersion));
      const change = isOver ? this.#set(version.key, undefined) : undefined;
      return change && version.content.kind === 'Row' ? { ...change, lastState: version.content.object } : change;
    }
    const newest = entry?.resourceVersion ?? this.#tombstones.get(version.key);
    if (newest !== undefined && !isNewer(version.resourceVersion, newest)) return undefined;
    return this.#upsert(version);
  }

  /**
   * Applies a version from a list that isn't complete yet, if it is a newer one of a known object. A new object waits for
   * the whole list: another one in it may have reserved the same VM or name.
   */
  advance(version: ObjectVersion<T>): ObjectChange<T> | undefined {
    const entry = this.#entries.get(version.key);
    const isNewVersion = entry?.uid === version.uid && isNewer(version.resourceVersion, entry.resourceVersion);
    return isNewVersion ? this.#upsert(version) : undefined;
  }

  #addTombstone({ key, resourceVersion }: ObjectVersion<T>): void {
    const known = this.#tombstones.get(key);
    if (known !== undefined && !isNewer(resourceVersion, known)) return;
    this.#tombstones.delete(key);
    this.#tombstones.set(key, resourceVersion);
    const [oldest] = this.#tombstones.keys();
    if (this.#tombstones.size > maxTombstones && oldest !== undefined) this.#tombstones.delete(oldest);
  }

  /** Applies a bookmark: no other event happened up to here. */
  progress(resourceVersion: string): void {
    if (this.#resourceVersion === undefined || isNewer(resourceVersion, this.#resourceVersion))
      this.#resourceVersion = resourceVersion;
  }

  /** Applies the response to a write. Ignored before the first list, which contains it. */
  assume(version: ObjectVersion<T>): ObjectChange<T> | undefined {
    if (this.#resourceVersion === undefined) return undefined;
    const known = this.#entries.get(version.key)?.resourceVersion ?? this.#resourceVersion;
    if (!isNewer(version.resourceVersion, known)) return undefined;
    this.#assumed?.add(version.key);
    return this.#upsert(version);
  }

  #isAhead(key: string, resourceVersion: string): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && this.#assumed?.has(key) === true && isNewer(entry.resourceVersion, resourceVersion);
  }

  #upsert({ key, uid, resourceVersion, content }: ObjectVersion<T>): ObjectChange<T> | undefined {
    // `Held` was true when `has` was called; only something newer can have arrived since.
    if (content.kind === 'Held' || this.has(key, uid, resourceVersion)) return undefined;
    const entry = this.#entries.get(key);
    // An unreadable object still exists: its last readable version stays, unless that was of an earlier object.
    if (content.kind === 'Unreadable' && entry?.uid === uid) return undefined;
    return this.#set(key, content.kind === 'Row' ? { uid, resourceVersion, object: content.object } : undefined);
  }

  #set(key: string, next: Entry<T> | undefined): ObjectChange<T> | undefined {
    const before = this.#entries.get(key)?.object;
    if (next === undefined) this.#entries.delete(key);
    else this.#entries.set(key, next);
    return before === undefined && next === undefined ? undefined : { key, before, after: next?.object };
  }
}

/**
 * Whether resourceVersion `a` is newer than `b`. All objects of a server share one sequence of decimal numbers without
 * leading zeros. They can exceed the precision of a number, so they are compared by length, then by digits.
 */
export function isNewer(a: string, b: string): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
