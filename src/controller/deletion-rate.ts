import type { Clock } from '../domain/clock.ts';

const window = 60_000;
/** A place in the queue lapses so long after its turn: its object may be paused by now, or gone. */
const grace = 5_000;

interface Taken {
  readonly namespace: string;
  readonly at: number;
}

/**
 * So many deletes in any minute and no more, so that a mistake with many objects can still be stopped. Namespaces take turns:
 * the next delete is that of the namespace with the fewest in the last minute, and of those the one whose last is longest ago.
 * Worked table, for a limit of 2:
 *
 * | last minute | waits                  | next          |
 * | ----------- | ---------------------- | ------------- |
 * | a, a        | 300 of a, then 1 of b  | b, then a     |
 * | a, b        | 300 of a, then 1 of b  | a, then b     |
 * | a           | 1 of b                 | b at once     |
 */
export class DeletionRate {
  readonly #clock: Clock;
  readonly #limit: number;
  /** Those of the last minute (monotonic), the oldest first. */
  #taken: readonly Taken[] = [];
  /** By namespace the keys whose delete is due, in the order they came; until when each waits for its turn. */
  readonly #waiting = new Map<string, Map<string, number>>();
  /** When each namespace had its last turn, as long as that matters. */
  readonly #lastTurn = new Map<string, number>();

  /** `limit` is for a minute; 0 is no limit. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Milliseconds until a delete for this object (`namespace/name`) is allowed; 0 when it is now. */
  heldFor(key: string): number {
    if (this.#limit === 0) return 0;
    const now = this.#clock.monotonic();
    this.#forget(now);
    const ahead = this.#ahead(key);
    const free = this.#limit - this.#taken.length;
    if (ahead < free) return 0;
    // Whoever is ahead takes the places as they become free, and each is free again a minute later.
    const takenAt = this.#taken[ahead - free]?.at ?? now;
    return takenAt + window - now;
  }

  /** The delete of this object is due, and waits for its turn. To be said again when that has come. */
  wait(key: string): void {
    const until = this.#clock.monotonic() + this.heldFor(key) + grace;
    const namespace = namespaceOf(key);
    this.#waiting.set(namespace, (this.#waiting.get(namespace) ?? new Map<string, number>()).set(key, until));
  }

  /** Takes one if it is allowed now; else it waits. */
  take(key: string): boolean {
    if (this.heldFor(key) > 0) {
      this.wait(key);
      return false;
    }
    this.#remove(key);
    if (this.#limit === 0) return true;
    const [namespace, at] = [namespaceOf(key), this.#clock.monotonic()];
    this.#taken = [...this.#taken, { namespace, at }];
    this.#lastTurn.set(namespace, at);
    return true;
  }

  #forget(now: number): void {
    this.#taken = this.#taken.filter(({ at }) => at > now - window);
    for (const [namespace, at] of this.#lastTurn)
      if (at <= now - window && !this.#waiting.has(namespace)) this.#lastTurn.delete(namespace);
    for (const keys of this.#waiting.values()) for (const [key, until] of keys) if (until < now) this.#remove(key);
  }

  #remove(key: string): void {
    const namespace = namespaceOf(key);
    const keys = this.#waiting.get(namespace);
    keys?.delete(key);
    if (keys?.size === 0) this.#waiting.delete(namespace);
  }

  /** How many have their turn before this one. A namespace's first has it in the round of as many as it had in the last minute. */
  #ahead(key: string): number {
    const namespace = namespaceOf(key);
    const place = [...(this.#waiting.get(namespace)?.keys() ?? [])].indexOf(key);
    const ahead = place === -1 ? (this.#waiting.get(namespace)?.size ?? 0) : place;
    const round = this.#usedBy(namespace) + ahead;
    const lastTurn = this.#lastTurn.get(namespace) ?? -Infinity;
    let others = 0;
    let isEarlier = true;
    for (const [other, keys] of this.#waiting) {
      if (other === namespace) {
        isEarlier = false;
        continue;
      }
      // Within a round, who had its turn longest ago; then who came first.
      const turn = this.#lastTurn.get(other) ?? -Infinity;
      const isBefore = turn < lastTurn || (turn === lastTurn && isEarlier);
      others += Math.max(0, Math.min(round - this.#usedBy(other) + (isBefore ? 1 : 0), keys.size));
    }
    return ahead + others;
  }

  #usedBy(namespace: string): number {
    return this.#taken.filter((taken) => taken.namespace === namespace).length;
  }
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
