import type { Clock } from '../model/clock.ts';

const window = 60_000;

/** So many deletes in any minute and no more, so that a mistake with many objects can still be stopped. */
export class DeleteBudget {
  readonly #clock: Clock;
  readonly #limit: number;
  /** When those of the last minute were taken (monotonic), the oldest first. */
  #taken: readonly number[] = [];

  /** `limit` is for a minute; 0 is no limit. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Milliseconds until one more is allowed; 0 when it is now. */
  heldFor(): number {
    const now = this.#clock.monotonic();
    this.#taken = this.#taken.filter((at) => at > now - window);
    const [oldest] = this.#taken;
    return this.#limit === 0 || oldest === undefined || this.#taken.length < this.#limit ? 0 : oldest + window - now;
  }

  /** Takes one if it is allowed now. */
  take(): boolean {
    if (this.heldFor() > 0) return false;
    if (this.#limit > 0) this.#taken = [...this.#taken, this.#clock.monotonic()];
    return true;
  }
}
