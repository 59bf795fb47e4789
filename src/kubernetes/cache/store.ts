import { isNewer } from './resource-version.ts';

/** One version of one object, as the server told it. */
export interface Version<Row> {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** `None`: an object that nobody wants to know of; `Unreadable`: one that is there, whatever it says; `Held`: the one that `holds` confirmed. */
  readonly content: { readonly kind: 'Row'; readonly row: Row } | { readonly kind: 'None' | 'Unreadable' | 'Held' };
}

export interface ObjectChange<Row> {
  readonly key: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  /** What it was when the server removed it; a list that lacks it doesn't show that. */
  readonly lastState?: Row | undefined;
}

interface Held<Row> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly row: Row;
}

/** How many deletions are remembered: more than the events that can be under way in disorder. */
const mostBuried = 1_000;

/**
 * What is known of the objects of one list-and-watch. Two sources tell of them: lists and watch events, in the server's
 * order, and the answers to our own writes (`observe`), which run ahead of it. The newer version wins, and an object that
 * is gone stays gone: what is not held although all history up to its version was seen has been deleted.
 */
export class Store<Row> {
  readonly #held = new Map<string, Held<Row>>();
  /** All changes up to this resourceVersion have been seen. */
  #seen: string | undefined;
  /** The newest deletions that were told of, with their resourceVersions: an event that comes late does not bring an object back. */
  readonly #buried = new Map<string, string>();
  /** Keys observed since the list under way began: only these may be newer than it. */
  #observed: Set<string> | undefined;

  /** Where a watch goes on; undefined before the first list. */
  get resourceVersion(): string | undefined {
    return this.#seen;
  }

  get size(): number {
    return this.#held.size;
  }

  get(key: string): Row | undefined {
    return this.#held.get(key)?.row;
  }

  keys(): Iterable<string> {
    return this.#held.keys();
  }

  /** Whether the row of this very version is here. */
  holds(key: string, uid: string, resourceVersion: string): boolean {
    const held = this.#held.get(key);
    return held?.uid === uid && held.resourceVersion === resourceVersion;
  }

  /** A list is about to be asked for. What was known before counts no more than it, not even with a newer version: a server restored from a backup counts again. */
  beginList(): void {
    this.#observed = new Set();
  }

  /** A complete list; answers what it changes. */
  replace(versions: ReadonlyMap<string, Version<Row>>, resourceVersion: string): ObjectChange<Row>[] {
    const changes: (ObjectChange<Row> | undefined)[] = [];
    for (const key of this.#held.keys()) {
      if (!versions.has(key) && !this.#isAhead(key, resourceVersion)) changes.push(this.#set(key, undefined));
    }
    for (const version of versions.values()) {
      if (!this.#isAhead(version.key, version.resourceVersion)) changes.push(this.#take(version));
    }
    this.#seen = resourceVersion;
    this.#observed = undefined;
    this.#buried.clear();
    return changes.filter((change) => change !== undefined);
  }

  /** A watch event. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', version: Version<Row>): ObjectChange<Row> | undefined {
    this.progress(version.resourceVersion);
    const held = this.#held.get(version.key);
    if (type === 'DELETED') {
      this.#bury(version);
      // The end of this very object, whatever was observed of it; but not that of a later one of the same name.
      const isOver = held?.uid === version.uid || (held && isNewer(version.resourceVersion, held.resourceVersion));
      const change = isOver ? this.#set(version.key, undefined) : undefined;
      return change && version.content.kind === 'Row' ? { ...change, lastState: version.content.row } : change;
    }
    const newest = held?.resourceVersion ?? this.#buried.get(version.key);
    if (newest !== undefined && !isNewer(version.resourceVersion, newest)) return undefined;
    return this.#take(version);
  }

  #bury({ key, resourceVersion }: Version<Row>): void {
    const known = this.#buried.get(key);
    if (known !== undefined && !isNewer(resourceVersion, known)) return;
    this.#buried.delete(key);
    this.#buried.set(key, resourceVersion);
    const [oldest] = this.#buried.keys();
    if (this.#buried.size > mostBuried && oldest !== undefined) this.#buried.delete(oldest);
  }

  /** A bookmark: nothing else happened up to here. */
  progress(resourceVersion: string): void {
    if (this.#seen === undefined || isNewer(resourceVersion, this.#seen)) this.#seen = resourceVersion;
  }

  /** The answer of a write. Of no use before the first list, which will have it. */
  observe(version: Version<Row>): ObjectChange<Row> | undefined {
    if (this.#seen === undefined) return undefined;
    const known = this.#held.get(version.key)?.resourceVersion ?? this.#seen;
    if (!isNewer(version.resourceVersion, known)) return undefined;
    this.#observed?.add(version.key);
    return this.#take(version);
  }

  #isAhead(key: string, resourceVersion: string): boolean {
    const held = this.#held.get(key);
    return held !== undefined && this.#observed?.has(key) === true && isNewer(held.resourceVersion, resourceVersion);
  }

  #take({ key, uid, resourceVersion, content }: Version<Row>): ObjectChange<Row> | undefined {
    // `Held` was the case when it was asked; since then only something newer can have come.
    if (content.kind === 'Held' || this.holds(key, uid, resourceVersion)) return undefined;
    const held = this.#held.get(key);
    // What cannot be read is still there: its last readable version stands, unless that was of an earlier object.
    if (content.kind === 'Unreadable' && held?.uid === uid) return undefined;
    return this.#set(key, content.kind === 'Row' ? { uid, resourceVersion, row: content.row } : undefined);
  }

  #set(key: string, next: Held<Row> | undefined): ObjectChange<Row> | undefined {
    const before = this.#held.get(key)?.row;
    if (next === undefined) this.#held.delete(key);
    else this.#held.set(key, next);
    return before === undefined && next === undefined ? undefined : { key, before, after: next?.row };
  }
}
