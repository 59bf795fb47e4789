import type { Clock } from '../../domain/clock.ts';

/** How long a completed change is remembered before the newest list: longer than any read takes. */
const keptFor = 10 * 60_000;

/** When the operator last changed each machine; allows one write per machine at a time. */
export class WriteTracker {
  readonly #clock: Clock;
  readonly #answeredAt = new Map<string, number>();
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * When the response to the last change arrived (monotonic); `Infinity` while one is in flight: no read is recent
   * enough then.
   */
  lastWriteAt(machineName: string): number | undefined {
    return this.#answeredAt.get(machineName);
  }

  /** Runs `work` when all earlier work on the machine has ended. */
  async serialize<T>(machineName: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(machineName);
    const result = before === undefined ? work() : before.then(work, work);
    // The next write only waits for the end; the caller handles the outcome.
    const tail = result.catch(() => {});
    this.#tails.set(machineName, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(machineName) === tail) this.#tails.delete(machineName);
    }
  }

  /** Makes the call. Whatever its outcome, earlier reads no longer say anything about the machine. */
  async track<T>(machineName: string, call: () => Promise<T>): Promise<T> {
    this.#answeredAt.set(machineName, Infinity);
    try {
      return await call();
    } finally {
      this.#answeredAt.set(machineName, this.#clock.monotonic());
    }
  }

  /** A list that started at `startedAt` arrived: changes long before it can be forgotten. */
  forgetBefore(startedAt: number): void {
    for (const [machineName, at] of this.#answeredAt) {
      if (at < startedAt - keptFor) this.#answeredAt.delete(machineName);
    }
  }
}
