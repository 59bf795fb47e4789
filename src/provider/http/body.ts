import type { Semaphore } from '../../domain/semaphore.ts';

/** So much of a body is read at any time; for more it needs a place among the large ones. */
const small = 64 * 1024;

/**
 * The body of an answer as far as it was received, in one piece: a million chunks of one byte take no more memory than one of a
 * million bytes. Of all bodies that are received at the same time, only those with a place become large.
 */
export class Body {
  readonly #semaphore: Semaphore;
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;
  #place: Promise<void> | undefined;

  constructor(limit: number, semaphore: Semaphore) {
    this.#limit = limit;
    this.#semaphore = semaphore;
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
  }

  /** Waits for a place if it has to, but no longer than until `given` up; whether all of the chunk is within the limit. */
  async append(chunk: Buffer, given: Promise<unknown>): Promise<boolean> {
    const length = Math.min(this.#length + chunk.length, this.#limit);
    if (length > small) await Promise.race([(this.#place ??= this.#semaphore.acquire()), given]);
    if (length > this.#bytes.length) {
      const grown = Buffer.alloc(Math.min(this.#limit, Math.max(length, 2 * this.#bytes.length)));
      this.#bytes.copy(grown);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.#length, 0, length - this.#length);
    const isAll = this.#length + chunk.length <= this.#limit;
    this.#length = length;
    return isAll;
  }

  /** Leaves the place, also one that it gets only later. */
  release(): void {
    void this.#place?.then(() => this.#semaphore.release());
  }
}
