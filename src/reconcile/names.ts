import { providerName } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';

/** Which objects claim which provider name, kept up to date from the watch. */
export class NameIndex {
  readonly #keysByName = new Map<string, Set<string>>();

  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    const [old, current] = [before && providerName(before), after && providerName(after)];
    if (old === current) return;
    if (old !== undefined) {
      const keys = this.#keysByName.get(old);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysByName.delete(old);
    }
    if (current !== undefined) {
      const keys = this.#keysByName.get(current) ?? new Set();
      keys.add(key);
      this.#keysByName.set(current, keys);
    }
  }

  /** The other keys that claim the name; nearly always none. */
  rivals(name: string, key: string): readonly string[] {
    const keys = this.#keysByName.get(name);
    return keys === undefined || keys.size < 2 ? [] : [...keys].filter((other) => other !== key);
  }
}

/** Whether `other` claimed a shared name before `object`: by age, then by UID, so that both see it alike. */
export function cameFirst(other: VirtualMachine, object: VirtualMachine): boolean {
  const [a, b] = [other.metadata, object.metadata];
  const byAge = (a.creationTimestamp ?? '').localeCompare(b.creationTimestamp ?? '');
  return byAge === 0 ? a.uid < b.uid : byAge < 0;
}
