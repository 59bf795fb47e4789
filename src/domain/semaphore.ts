/** A concurrency limit. Free slots go round-robin by group; within a group, first in, first out. */
export class Semaphore {
  #free: number;
  /** The group whose turn is next first. */
  readonly #waiting = new Map<string, (() => void)[]>();

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
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(group);
      if (waiting === undefined) this.#waiting.set(group, [resolve]);
      else waiting.push(resolve);
    });
  }

  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    const [group, waiting] = next;
    const resolve = waiting.shift();
    this.#waiting.delete(group);
    // Behind the other groups.
    if (waiting.length > 0) this.#waiting.set(group, waiting);
    resolve?.();
  }

  /** Works at a place, as soon as there is one. */
  async run<T>(work: () => Promise<T>, group?: string): Promise<T> {
    await this.acquire(group);
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  /** Leaves the place to others until `wait` is over, then takes one again. */
  async runReleased<T>(wait: Promise<T>, group?: string): Promise<T> {
    this.release();
    try {
      return await wait;
    } finally {
      await this.acquire(group);
    }
  }
}
