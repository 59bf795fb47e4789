import { type Identity, isNameOwn, providerName, readIdentity } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import { KeyIndex } from '../model/key-index.ts';
import type { Machine, ProviderId } from '../model/machine.ts';

/** Which objects claim which provider names and machines, kept up to date from the watch. */
export class Claims {
  readonly #byName = new Index<string>();
  readonly #byId = new Index<ProviderId>();
  /** Machines that an object is about to take over: on record only a moment later. */
  readonly #reserved = new Map<ProviderId, string>();

  /** An object (`namespace/name`) changed. Answers the keys that may have waited for the name it let go; nearly always none. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): readonly string[] {
    const [old, current] = [before && claimsOf(before), after && claimsOf(after)];
    this.#byName.move(key, old?.name, current?.name);
    this.#byId.move(key, old?.id, current?.id);
    return old === undefined || old.name === current?.name ? [] : this.rivals(old.name, key);
  }

  /** The other keys that claim the name; nearly always none. */
  rivals(name: string, key: string): readonly string[] {
    return this.#byName.others(name, key);
  }

  /** The other keys that hold, or are about to take over, the machine. */
  holders(id: ProviderId, key: string): readonly string[] {
    const reserved = this.#reserved.get(id);
    const others = this.#byId.others(id, key);
    return reserved === undefined || reserved === key || others.includes(reserved) ? others : [...others, reserved];
  }

  /** Whether any object holds the machine, by its id or by its name. */
  isHeld({ id, name }: Pick<Machine, 'id' | 'name'>): boolean {
    return this.#byId.has(id) || this.#byName.has(name);
  }

  /** Takes a machine for `key` until `release`, unless another object has it: of two that ask at a time one gets it. */
  reserve(id: ProviderId, key: string): boolean {
    if (this.holders(id, key).length > 0) return false;
    this.#reserved.set(id, key);
    return true;
  }

  release(id: ProviderId, key: string): void {
    if (this.#reserved.get(id) === key) this.#reserved.delete(id);
  }
}

class Index<T> {
  readonly #keys = new KeyIndex<T>();

  move(key: string, from: T | undefined, to: T | undefined): void {
    if (from === to) return;
    if (from !== undefined) this.#keys.delete(from, key);
    if (to !== undefined) this.#keys.add(to, key);
  }

  has(value: T): boolean {
    return this.#keys.has(value);
  }

  others(value: T, key: string): readonly string[] {
    return this.#keys.keysOf(value).filter((other) => other !== key);
  }
}

function claimsOf(object: VirtualMachine): { readonly name: string; readonly id: ProviderId | undefined } {
  const identity = readIdentity(object);
  return identity.kind === 'Known'
    ? { name: identity.name, id: identity.id }
    : { name: providerName(object), id: undefined };
}

/** Whether `other` claimed a shared name before `object`: by age, then by UID, so that both see it alike. */
export function cameFirst(other: VirtualMachine, object: VirtualMachine): boolean {
  const [a, b] = [other.metadata, object.metadata];
  const byAge = (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '');
  return byAge === 0 ? a.uid < b.uid : byAge < 0;
}

/**
 * Whether the machine that both objects record belongs to `other` rather than to `object`: to the one whose UID its name
 * carries, else to the one that created rather than adopted it, else to the one that came first.
 */
export function outranks(other: VirtualMachine, object: VirtualMachine, machine: Pick<Machine, 'name'>): boolean {
  const order = rank(other, machine) - rank(object, machine);
  return order === 0 ? cameFirst(other, object) : order > 0;
}

function rank(object: VirtualMachine, machine: Pick<Machine, 'name'>): number {
  const identity: Identity = readIdentity(object);
  if (isNameOwn(object) && machine.name === providerName(object)) return 2;
  return identity.kind === 'Known' && identity.origin === 'Created' && machine.name === identity.name ? 1 : 0;
}
