import { isNewer } from './resource-version.ts';

/** One version of one object, as the server sent it. */
export interface ObjectVersion<T> {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `None`: an object that is not wanted; `Unreadable`: one that can't be decoded; `Held`: the one that `has` confirmed. */
  readonly content: { readonly kind: 'Row'; readonly object: T } | { readonly kind: 'None' | 'Unreadable' | 'Held' };
}

export interface ObjectChange<T> {
  readonly key: string;
  readonly before: T | undefined;
  readonly after: T | undefined;
  /** What it was when the server removed it; a list that lacks it doesn't show that. */
  readonly lastState?: T | undefined;
}

interface Entry<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly object: T;
}

/** How many deletions are remembered: more than the events that can arrive out of order. */
const mostTombstones = 1_000;

/**
 * What is known of the objects of one list-and-watch. They come from two sources: lists and watch events, in the server's
 * order, and the responses to the operator's own writes (`assume`), which run ahead of it. The newer version wins, and an object that
 * is gone stays gone: what is not held although all history up to its version was seen has been deleted.
 */
export class Store<T> {
  readonly #entries = new Map<string, Entry<T>>();
  /** All changes up to this resourceVersion have been seen. */
  #resourceVersion: string | undefined;
  /** The newest deletions, with their resourceVersions: an event that comes late does not bring an object back. */
  readonly #tombstones = new Map<string, string>();
  /** Keys assumed since the list in flight began: only these may be newer than it. */
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

  /** Whether the row of this very version is here. */
  has(key: string, uid: string, resourceVersion: string): boolean {
    const entry = this.#entries.get(key);
    return entry?.uid === uid && entry.resourceVersion === resourceVersion;
  }

  /** A list is about to be asked for. What was known before counts no more than it, not even with a newer version: a server restored from a backup counts again. */
  beginList(): void {
    this.#assumed = new Set();
  }

  /** A complete list; answers what it changes. */
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

  /** A watch event. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', version: ObjectVersion<T>): ObjectChange<T> | undefined {
    this.progress(version.resourceVersion);
    const entry = this.#entries.get(version.key);
    if (type === 'DELETED') {
      this.#addTombstone(version);
      // The end of this very object, whatever was assumed of it; but not that of a later one of the same name.
      const isOver = entry?.uid === version.uid || (entry && isNewer(version.resourceVersion, entry.resourceVersion));
      const change = isOver ? this.#set(version.key, undefined) : undefined;
      return change && version.content.kind === 'Row' ? { ...change, lastState: version.content.object } : change;
    }
    const newest = entry?.resourceVersion ?? this.#tombstones.get(version.key);
    if (newest !== undefined && !isNewer(version.resourceVersion, newest)) return undefined;
    return this.#upsert(version);
  }

  #addTombstone({ key, resourceVersion }: ObjectVersion<T>): void {
    const known = this.#tombstones.get(key);
    if (known !== undefined && !isNewer(resourceVersion, known)) return;
    this.#tombstones.delete(key);
    this.#tombstones.set(key, resourceVersion);
    const [oldest] = this.#tombstones.keys();
    if (this.#tombstones.size > mostTombstones && oldest !== undefined) this.#tombstones.delete(oldest);
  }

  /** A bookmark: nothing else happened up to here. */
  progress(resourceVersion: string): void {
    if (this.#resourceVersion === undefined || isNewer(resourceVersion, this.#resourceVersion))
      this.#resourceVersion = resourceVersion;
  }

  /** The answer of a write. Of no use before the first list, which will have it. */
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
    // `Held` was the case when it was asked; since then only something newer can have come.
    if (content.kind === 'Held' || this.has(key, uid, resourceVersion)) return undefined;
    const entry = this.#entries.get(key);
    // What cannot be read is still there: its last readable version stands, unless that was of an earlier object.
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
