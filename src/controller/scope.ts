import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../domain/clock.ts';
import type { LabelSelector } from '../domain/label-selector.ts';
import type { ObjectRecords } from './object-records.ts';

/** Which installation manages an object, by its annotation. */
export interface OwnershipCheck {
  isOwnedByOthers(object: VirtualMachine): boolean;
  isMine(object: VirtualMachine): boolean;
  /** Whether the change took the object away from another installation. */
  isTakenOver(before: VirtualMachine, after: VirtualMachine | undefined): boolean;
}

export interface ScopeOptions {
  readonly clock: Clock;
  /** Undefined: all objects. */
  readonly selector: LabelSelector | undefined;
  readonly ownership: OwnershipCheck;
  readonly records: ObjectRecords;
}

/**
 * Which objects this installation reconciles:
 *
 * | selector       | annotation names     | managed | relevant | because                             |
 * | -------------- | -------------------- | ------- | -------- | ----------------------------------- |
 * | matches        | another installation | no      | yes      | the operator reports that once      |
 * | matches        | this one, or none    | yes     | yes      |                                     |
 * | does not match | this installation    | no      | yes      | the operator removes the annotation |
 * | does not match | anything else        | no      | no       |                                     |
 */
export class Scope {
  readonly #options: ScopeOptions;

  constructor(options: ScopeOptions) {
    this.#options = options;
  }

  matchesSelector({ metadata }: VirtualMachine): boolean {
    return this.#options.selector?.matches(metadata.labels) ?? true;
  }

  /** Whether this installation reconciles the object. */
  isManaged(object: VirtualMachine | undefined): object is VirtualMachine {
    return object !== undefined && this.matchesSelector(object) && !this.#options.ownership.isOwnedByOthers(object);
  }

  /** The object, if this installation reconciles it. */
  managed(object: VirtualMachine | undefined): VirtualMachine | undefined {
    return this.isManaged(object) ? object : undefined;
  }

  /** Whether the object needs a reconciliation, if only to report or remove its owner. */
  isRelevant(object: VirtualMachine | undefined): boolean {
    return object !== undefined && (this.matchesSelector(object) || this.#options.ownership.isMine(object));
  }

  /** An object was added, changed or, without `after`, deleted. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined): void {
    const { records, ownership, clock } = this.#options;
    if (!this.isManaged(after)) records.set(key, { enteredScopeAt: undefined });
    else if (before !== undefined && (!this.isManaged(before) || ownership.isTakenOver(before, after)))
      records.set(key, { enteredScopeAt: clock.monotonic() });
  }

  /** When (monotonic) the object entered the scope; undefined if it was in scope from the start. */
  enteredAt(key: string): number | undefined {
    return this.#options.records.get(key)?.enteredScopeAt;
  }
}
