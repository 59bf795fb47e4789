import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { ObjectRecords } from '../controller/object-records.ts';
import type { Clock } from '../domain/clock.ts';

/**
 * Measures the time from the observation of the newest spec change to the provider call for it, including waits for a
 * slot or a quota. Many changes need no call. They are forgotten once a reconciliation finds that, so that a later call
 * because of drift isn't counted as their reaction.
 */
export class ReactionLatency {
  readonly #clock: Clock;
  readonly #observe: (seconds: number) => void;
  readonly #records: ObjectRecords;

  constructor(clock: Clock, records: ObjectRecords, observe: (seconds: number) => void) {
    this.#clock = clock;
    this.#records = records;
    this.#observe = observe;
  }

  /**
   * An object to reconcile was added, changed or deleted. `initial`: it is part of the initial list, so its change may
   * be old.
   */
  specChanged(
    key: string,
    before: VirtualMachine | undefined,
    after: VirtualMachine | undefined,
    initial: boolean,
  ): void {
    if (after === undefined) this.cancel(key);
    else if (!initial && hasNewGeneration(before, after))
      this.#records.set(key, { specChangedAt: this.#clock.monotonic() });
  }

  /** A call for this object is sent now. */
  observeCall(key: string): void {
    const changedAt = this.#records.get(key)?.specChangedAt;
    if (changedAt === undefined) return;
    this.cancel(key);
    this.#observe((this.#clock.monotonic() - changedAt) / 1_000);
  }

  /** A reconciliation found that no call is needed: the VM is in sync. */
  cancel(key: string): void {
    this.#records.set(key, { specChangedAt: undefined });
  }
}

/** A deletion increments the generation like a new spec. */
function hasNewGeneration(before: VirtualMachine | undefined, after: VirtualMachine): boolean {
  return before?.metadata.generation !== after.metadata.generation;
}
