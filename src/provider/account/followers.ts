import type { ProviderId } from '../../model/machine.ts';
import type { Changes } from './snapshot.ts';

interface Subject {
  readonly name: string;
  readonly id?: ProviderId | undefined;
  readonly isGoing?: boolean | undefined;
  readonly group?: string | undefined;
}

/** Since when (monotonic) a key has followed the machine of this id, or this name while no id is known. */
interface Followed extends Subject {
  readonly since: number;
}

/** Which key follows which machine. A key follows one machine, by its name and, once known, by its id. */
export class Followers {
  readonly #subjects = new Map<string, Followed>();
  readonly #byName = new Map<string, Set<string>>();
  readonly #byId = new Map<ProviderId, Set<string>>();

  get size(): number {
    return this.#subjects.size;
  }

  keys(): Iterable<string> {
    return this.#subjects.keys();
  }

  subjects(): Iterable<Followed> {
    return this.#subjects.values();
  }

  isFollowed(id: ProviderId): boolean {
    return this.#byId.has(id);
  }

  since(key: string): number | undefined {
    return this.#subjects.get(key)?.since;
  }

  /** The id of the machine that the key follows, once known. */
  idOf(key: string): ProviderId | undefined {
    return this.#subjects.get(key)?.id;
  }

  /** Whom the key shares its turns with; one that was not told stands for itself. */
  groupOf(key: string): string {
    return this.#subjects.get(key)?.group ?? key;
  }

  /** `now` is monotonic. */
  follow(key: string, { name, id, isGoing, group }: Subject, now: number): void {
    const old = this.#subjects.get(key);
    // Whether it was going already is a matter of when the key began to follow it.
    if (old?.name === name && old.id === id) return;
    this.forget(key);
    this.#subjects.set(key, { name, id, isGoing, group, since: now });
    add(this.#byName, name, key);
    if (id !== undefined) add(this.#byId, id, key);
  }

  forget(key: string): void {
    const old = this.#subjects.get(key);
    if (old === undefined) return;
    this.#subjects.delete(key);
    remove(this.#byName, old.name, key);
    if (old.id !== undefined) remove(this.#byId, old.id, key);
  }

  /** The keys that follow one of the machines, each once. */
  of({ ids, names }: Changes): ReadonlySet<string> {
    const keys = new Set<string>();
    for (const name of names) for (const key of this.#byName.get(name) ?? []) keys.add(key);
    for (const id of ids) for (const key of this.#byId.get(id) ?? []) keys.add(key);
    return keys;
  }
}

function add<K>(index: Map<K, Set<string>>, entry: K, key: string): void {
  const keys = index.get(entry);
  if (keys === undefined) index.set(entry, new Set([key]));
  else keys.add(key);
}

function remove<K>(index: Map<K, Set<string>>, entry: K, key: string): void {
  const keys = index.get(entry);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(entry);
}
