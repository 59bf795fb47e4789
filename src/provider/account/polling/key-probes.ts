import type { Clock } from '../../../domain/clock.ts';
import { Semaphore } from '../../../domain/semaphore.ts';
import { TokenBucket } from '../admission/token-bucket.ts';

/** Each such list opens a separate connection. */
const inFlight = 16;
/** Lists a second of each group, when all that it may have at once were had. */
const rate = 1;
/** So long after its last list a group is forgotten. */
const forgottenAfter = 10 * 60_000;

/**
 * Lists for keys that the provider didn't accept: any number of them may be no keys at all, and a tenant can put another one into its
 * Secret each moment. A provider may refuse an address that sends many, which all tenants share.
 */
export class KeyProbes {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #semaphore = new Semaphore(inFlight);
  readonly #groups = new Map<string, { readonly bucket: TokenBucket; usedAt: number }>();

  /** `burst`: lists that each group may have at once, one for each key that it may use. */
  constructor(clock: Clock, burst: number) {
    this.#clock = clock;
    this.#burst = burst;
  }

  /** Lists once the group gets a slot; undefined when the list is no longer wanted by then. */
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
