import type { Clock } from '../../domain/clock.ts';

/** How long an answered change is remembered after a list that shows it: longer than any read lasts. */
const keptFor = 10 * 60_000;

/** Which machine we changed when, and that no two changes of one machine are under way at a time. */
export class ChangeLog {
  readonly #clock: Clock;
  readonly #answeredAt = new Map<string, number>();
  readonly #tails = new Map<string, Promise<unknown>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** When the last change was answered (monotonic); `Infinity` while one is under way: no read is fresh enough then. */
  lastAt(subject: string): number | undefined {
    return this.#answeredAt.get(subject);
  }

  /** Runs `work` when all earlier work on the subject has ended. */
  async inTurn<T>(subject: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(subject);
    const turn = before === undefined ? work() : before.then(work, work);
    // Whoever comes next only waits for the end; the outcome is the caller's.
    const tail = turn.catch(() => {});
    this.#tails.set(subject, tail);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(subject) === tail) this.#tails.delete(subject);
    }
  }

  /** Makes the call. Whatever its outcome, what was read before its answer says nothing about the subject any more. */
  async record<T>(subject: string, call: () => Promise<T>): Promise<T> {
    this.#answeredAt.set(subject, Infinity);
    try {
      return await call();
    } finally {
      this.#answeredAt.set(subject, this.#clock.monotonic());
    }
  }

  /** A list that started at `startedAt` is there: changes long before it need no longer be known. */
  forgetBefore(startedAt: number): void {
    for (const [subject, at] of this.#answeredAt) {
      if (at < startedAt - keptFor) this.#answeredAt.delete(subject);
    }
  }
}
