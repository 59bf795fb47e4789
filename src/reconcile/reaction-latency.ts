import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Clock } from '../domain/clock.ts';

/**
 * The time from when the newest change of the spec was seen until the provider is called for it, including waits for a slot or a quota.
 * Many changes need no call. They are forgotten once a reconciliation has found that, so that a later call because of drift isn't
 * counted as their reaction.
 */
export class ReactionLatency {
  readonly #clock: Clock;
  readonly #observe: (seconds: number) => void;
  readonly #seenAt = new Map<string, number>();

  constructor(clock: Clock, observe: (seconds: number) => void) {
    this.#clock = clock;
    this.#observe = observe;
  }

  /** An object to act on came, changed or went. `initial`: it was met, and may have been so for long. */
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

/** A deletion raises the generation as a new spec does. */
function hasNewGeneration(before: VirtualMachine | undefined, after: VirtualMachine): boolean {
  return before?.metadata.generation !== after.metadata.generation;
}
