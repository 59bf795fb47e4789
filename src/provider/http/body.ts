import type { Semaphore } from '../../domain/semaphore.ts';

/** This much of a body is always read. Reading more requires one of the slots for large bodies. */
const small = 64 * 1024;

/**
 * The received part of a response body, in one buffer: a million chunks of one byte take no more memory than one chunk
 * of a million bytes. Of all bodies in transfer, only those with a slot become large.
 */
export class Body {
  readonly #semaphore: Semaphore;
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;
  #slot: Promise<void> | undefined;

  constructor(limit: number, semaphore: Semaphore) {
    this.#limit = limit;
    this.#semaphore = semaphore;
  }

  get text(): string {
    return new TextDecoder().decode(this.#bytes.subarray(0, this.#length));
  }

  /**
   * Waits for a slot if necessary, at most until `given` settles. Returns whether the whole chunk is within the limit.
   */
  async append(chunk: Buffer, given: Promise<unknown>): Promise<boolean> {
    const length = Math.min(this.#length + chunk.length, this.#limit);
    if (length > small) await Promise.race([(this.#slot ??= this.#semaphore.acquire()), given]);
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

  /** Releases the slot, also one that it acquires only later. */
  release(): void {
    void this.#slot?.then(() => this.#semaphore.release());
  }
}
