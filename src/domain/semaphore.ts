import { RoundRobin } from './round-robin.ts';

/** A concurrency limit. Free slots go round-robin by group; within a group, first in, first out. */
export class Semaphore {
  #free: number;
  readonly #waiting = new RoundRobin<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when a slot is free, without acquiring it. */
  async untilAvailable(): Promise<void> {
    await this.acquire();
    this.release();
  }

  /** `group`: callers that share slots, such as the objects of a namespace. */
  acquire(group = ''): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.add(group, resolve));
  }

  /** Waits for a slot until `signal` aborts. Returns whether it was acquired. */
  async acquireUnless(signal: AbortSignal, group = ''): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const acquired = (): void => resolve(true);
    if (this.#free > 0) {
      this.#free -= 1;
      return true;
    }
    if (signal.aborted) return false;
    this.#waiting.add(group, acquired);
    const leave = (): void => {
      this.#waiting.delete(group, acquired);
      resolve(false);
    };
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  release(): void {
    const next = this.#waiting.take();
    if (next === undefined) this.#free += 1;
    else next();
  }

  /** Runs the work once it has a slot. */
  async run<T>(work: () => Promise<T>, group?: string): Promise<T> {
    await this.acquire(group);
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /** Releases the slot until `wait` is over, then acquires one again. */
  async runReleased<T>(wait: Promise<T>, group?: string): Promise<T> {
    this.release();
    try {
      return await wait;
    } finally {
      await this.acquire(group);
    }
  }
}
