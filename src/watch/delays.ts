import type { KubeErrorReason } from '../kube/errors.ts';

const shortest = 800;
const longest = 20_000;
/** A server that cannot be reached is not burdened by being asked, and should be found soon after it is back. */
const longestUnreachable = 2_500;

/** Growing delays between tries to list or watch: 0.8 to 30 s, up to half of it by chance. */
export class Delays {
  readonly #random: () => number;
  #failures = 0;
  #wasUnreachable = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(reason: KubeErrorReason): number {
    const isUnreachable = reason === 'Network';
    // One that answers again is a server that starts: what it could not do before says nothing about how long that takes.
    if (isUnreachable !== this.#wasUnreachable) this.#failures = 0;
    this.#wasUnreachable = isUnreachable;
    const limit = isUnreachable ? longestUnreachable : longest;
    const delay = Math.min(shortest * 2 ** this.#failures, limit);
    this.#failures += 1;
    return delay * (1 + this.#random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}
