import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../domain/clock.ts';

/**
 * Measures the time from the observation of the newest spec change to the provider call for it, including waits for a
 * slot or a quota. Many changes need no call. They are forgotten once a reconciliation finds that, so that a later call
 * because of drift isn't counted as their reaction.
 */
export class ReactionLatency {
  readonly #clock: Clock;
  readonly #observe: (seconds: number) => void;
  readonly #seenAt = new Map<string, number>();

  constructor(clock: Clock, observe: (seconds: number) => void) {
    this.#clock = clock;
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
    if (after === undefined) this.#seenAt.delete(key);
    else if (!initial && hasNewGeneration(before, after)) this.#seenAt.set(key, this.#clock.monotonic());
  }

  /** A call for this object is sent now. */
  observeCall(key: string): void {
    const seenAt = this.#seenAt.get(key);
    if (seenAt === undefined) return;
    this.#seenAt.delete(key);
    this.#observe((this.#clock.monotonic() - seenAt) / 1_000);
  }

  /** A reconciliation found that no call is needed: the VM is in sync. */
  cancel(key: string): void {
    this.#seenAt.delete(key);
  }
}

/** A deletion increments the generation like a new spec. */
function hasNewGeneration(before: VirtualMachine | undefined, after: VirtualMachine): boolean {
  return before?.metadata.generation !== after.metadata.generation;
}
