import type { ProviderId } from '../../domain/machine.ts';

/** How long complete lists have to lack machines that disappeared together, and the minimum number of these lists. */
const agreeingFor = 5 * 60_000;
const agreeingLists = 3;

/** Machines that disappeared together and don't count as deleted yet. Times are monotonic milliseconds. */
export interface Disappearance {
  readonly ids: ReadonlySet<ProviderId>;
  /** The start of the first list that lacked them, and the number of lists since, including that one. */
  readonly since: number;
  readonly lists: number;
  /** How many disappeared, out of how many. */
  readonly vanished: number;
  readonly of: number;
}

/** A complete list, and what it should have shown. */
export interface ListComparison {
  readonly startedAt: number;
  /** The machines that the previous list showed, and those that keys have subscribed to since. */
  readonly expected: ReadonlySet<ProviderId>;
  isListed(id: ProviderId): boolean;
  /** Whether the operator deletes it, so that its absence is expected. */
  isDeleting(id: ProviderId): boolean;
  /** Whether an earlier process began to delete it, according to its object, and this process never saw it. */
  mayBeDeleted(id: ProviderId): boolean;
}

/**
 * Single machines disappear now and then, a large part of an account hardly ever: then the list or the key is wrong.
 */
export function isMass(vanished: number, of: number): boolean {
  return vanished > Math.max(3, of / 5);
}

/**
 * The unresolved disappearances after another complete list. Pure.
 * Worked table, for an account of 40 machines, a fifth of which is 8:
 *
 * | a list lacks                                   | then                                     |
 * | ---------------------------------------------- | ---------------------------------------- |
 * | 8 that the previous list showed                | nothing: they may have been deleted      |
 * | 9 of them                                      | a disappearance of 9                     |
 * | 9, of which the operator is deleting 5         | nothing: 4 are too few                   |
 * | 2 of an account of 2, 3 of 3                   | nothing: so few may disappear by chance  |
 * | 9 that keys have subscribed to since the start | the same, as if a list had shown them    |
 * | 9 that an earlier process was deleting         | nothing: their absence is expected       |
 * | 9 of those, and 9 others                       | one of 18: the list is wrong             |
 * | all of them, for five minutes and three lists  | it ends: they count as deleted           |
 * | all of them but one                            | it lasts without that one, which is back |
 * | another 9                                      | a second one, with its own five minutes  |
 *
 * A failed list neither confirms a disappearance nor ends it.
 */
export function afterComparison(
  disappearances: readonly Disappearance[],
  list: ListComparison,
): readonly Disappearance[] {
  const open = disappearances
    .map((disappearance) => ({
      ...disappearance,
      ids: new Set([...disappearance.ids].filter((id) => !list.isListed(id))),
      lists: disappearance.lists + 1,
    }))
    .filter((disappearance) => disappearance.ids.size > 0 && !isOver(disappearance, list.startedAt));
  const ids = new Set([...list.expected].filter((id) => !list.isListed(id) && !list.isDeleting(id)));
  const surprising = [...ids].filter((id) => !list.mayBeDeleted(id));
  const of = list.expected.size;
  return isMass(surprising.length, of)
    ? [...open, { ids, since: list.startedAt, lists: 1, vanished: ids.size, of }]
    : open;
}

/** The earliest time at which it may end (monotonic). */
export function endOf(disappearance: Disappearance): number {
  return disappearance.since + agreeingFor;
}

function isOver(disappearance: Disappearance, startedAt: number): boolean {
  return startedAt >= endOf(disappearance) && disappearance.lists >= agreeingLists;
}
