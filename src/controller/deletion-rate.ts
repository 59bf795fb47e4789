import type { Clock } from '../domain/clock.ts';
import { namespaceOf } from '../domain/object-key.ts';

const window = 60_000;
/** How long after its time an object keeps its position in the queue: it may be paused by then, or deleted. Milliseconds. */
const grace = 5_000;

interface Taken {
  readonly namespace: string;
  readonly at: number;
}

/**
 * Limits the deletes in any minute, so that a mistake with many objects can still be stopped. The limit is shared round-robin by
 * namespace: the next delete goes to the namespace with the fewest deletes in the last minute, then to the one whose last delete
 * is the oldest.
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
  /** The deletes of the last minute (monotonic), the oldest first. */
  #taken: readonly Taken[] = [];
  /** By namespace: the keys whose delete is due, in order of arrival, and until when (monotonic) each keeps its position. */
  readonly #waiting = new Map<string, Map<string, number>>();
  /** By namespace: when (monotonic) its last delete was allowed, as long as that matters. */
  readonly #lastTurn = new Map<string, number>();

  /** `limit`: deletes in a minute; 0: unlimited. */
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
    // Each key ahead of this one takes a slot when a delete is a minute old.
    const takenAt = this.#taken[ahead - free]?.at ?? now;
    return takenAt + window - now;
  }

  /** The delete of this object is due and waits for a slot. Call it again when `heldFor` has passed. */
  wait(key: string): void {
    const until = this.#clock.monotonic() + this.heldFor(key) + grace;
    const namespace = namespaceOf(key);
    this.#waiting.set(namespace, (this.#waiting.get(namespace) ?? new Map<string, number>()).set(key, until));
  }

  /** Takes a slot if a delete is allowed now; otherwise the object waits. */
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

  /** How many deletes come before this one. The first key of a namespace is in the round that equals its deletes of the last minute. */
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
      // Within a round: the namespace whose last delete is the oldest, then the one that began to wait first.
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
