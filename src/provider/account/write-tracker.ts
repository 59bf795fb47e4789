import type { Clock } from '../../domain/clock.ts';

/** How long an answered change is remembered after a list that shows it: longer than any read lasts. */
const keptFor = 10 * 60_000;

/** When the operator last changed each machine; allows one write per machine at a time. */
export class WriteTracker {
  readonly #clock: Clock;
  readonly #answeredAt = new Map<string, number>();
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the last change was answered (monotonic); `Infinity` while one is in flight: no read is fresh enough then. */
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

  /** Makes the call. Whatever its outcome, what was read before its answer says nothing about the machine any more. */
  async track<T>(machineName: string, call: () => Promise<T>): Promise<T> {
    this.#answeredAt.set(machineName, Infinity);
    try {
      return await call();
    } finally {
      this.#answeredAt.set(machineName, this.#clock.monotonic());
    }
  }

  /** A list that started at `startedAt` is there: changes long before it need no longer be known. */
  forgetBefore(startedAt: number): void {
    for (const [machineName, at] of this.#answeredAt) {
      if (at < startedAt - keptFor) this.#answeredAt.delete(machineName);
    }
  }
}
