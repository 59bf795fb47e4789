/** A number of calls that may be under way at a time, granted in the order of asking. */
export class Slots {
  readonly #size: number;
  readonly #isHeld: () => boolean;
  readonly #waiting: ((granted: boolean) => void)[] = [];
  #taken = 0;
  #isStopped = false;
  readonly #idle = Promise.withResolvers<void>();

  /** `isHeld` says whether nothing may be granted for now; call `grant` when that is over. */
  constructor(size: number, isHeld: () => boolean) {
    this.#size = size;
    this.#isHeld = isHeld;
  }

  /** Waits for a slot. True: it is yours until `release`. False: turned away, or stopped. */
  acquire(): Promise<boolean> {
    if (this.#isStopped) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    this.grant();
    return promise;
  }

  release(): void {
    this.#taken -= 1;
    this.grant();
    if (this.#isStopped && this.#taken === 0) this.#idle.resolve();
  }

  /** Grants what may be granted now. */
  grant(): void {
    while (this.#taken < this.#size && this.#waiting.length > 0 && !this.#isHeld()) {
      this.#taken += 1;
      this.#waiting.shift()?.(true);
    }
  }

  /** Whoever waits gets no slot: what they wait for will not be for long. */
  turnAway(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  /** Turns away who waits, and resolves when the last slot was released. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.turnAway();
    if (this.#taken === 0) this.#idle.resolve();
    return this.#idle.promise;
  }
}
