import type { Clock } from '../../../domain/clock.ts';
import { Semaphore } from '../../../domain/semaphore.ts';
import { TokenBucket } from '../admission/token-bucket.ts';

/** Each such list opens a separate connection. */
const inFlight = 16;
/** The sustained lists per second of each group, after its burst. */
const rate = 1;
/** A group is forgotten this long after its last list. */
const forgottenAfter = 10 * 60_000;

/**
 * Limits the lists for keys that the provider didn't accept yet. A tenant can store any number of invalid keys, and the
 * provider may then block the operator's address, which all tenants share.
 */
export class KeyProbes {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #semaphore = new Semaphore(inFlight);
  readonly #groups = new Map<string, { readonly bucket: TokenBucket; usedAt: number }>();

  /** `burst`: lists that each group may send at once, one for each key that it may use. */
  constructor(clock: Clock, burst: number) {
    this.#clock = clock;
    this.#burst = burst;
  }

  /** Sends the list once the group gets a slot; undefined if the list isn't needed any more by then. */
  async run<T>(list: () => Promise<T>, group: string, isWanted: () => boolean): Promise<T | undefined> {
    const bucket = this.#bucketOf(group);
    while (isWanted()) {
      if (bucket.take()) return this.#semaphore.run(list, group);
      await new Promise<void>((resolve) => this.#clock.schedule(bucket.nextIn, resolve));
    }
    return undefined;
  }

  #bucketOf(group: string): TokenBucket {
    const now = this.#clock.monotonic();
    const known = this.#groups.get(group);
    if (known !== undefined) {
      known.usedAt = now;
      return known.bucket;
    }
    for (const [other, { usedAt }] of this.#groups) if (usedAt < now - forgottenAfter) this.#groups.delete(other);
    const bucket = new TokenBucket(this.#clock, { rate, burst: this.#burst });
    this.#groups.set(group, { bucket, usedAt: now });
    return bucket;
  }
}
