/** A number of places to work at. Groups take turns at those that become free; within a group, who asked first goes first. */
export class Places {
  #free: number;
  /** The group whose turn is next first. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Resolves when there is a place, and leaves it free for whoever is next. */
  async vacancy(): Promise<void> {
    await this.take();
    this.leave();
  }

  /** `group`: those who share their turns, as the objects of a namespace do. */
  take(group = ''): Promise<void> {
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

  leave(): void {
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
  async during<T>(work: () => Promise<T>, group?: string): Promise<T> {
    await this.take(group);
    try {
      return await work();
    } finally {
      this.leave();
    }
  }

  /** Leaves the place to others until `wait` is over, then takes one again. */
  async away<T>(wait: Promise<T>, group?: string): Promise<T> {
    this.leave();
    try {
      return await wait;
    } finally {
      await this.take(group);
    }
  }
}
