import type { ProviderId } from '../../domain/machine.ts';

/** How long complete lists have to lack machines that vanished together, and at least how many of them. */
const agreeingFor = 5 * 60_000;
const agreeingLists = 3;

/** Machines that vanished together and are not taken for gone yet. Times are monotonic milliseconds. */
export interface Disappearance {
  readonly ids: ReadonlySet<ProviderId>;
  /** The start of the first list that lacked them, and how many lists have since, that one included. */
  readonly since: number;
  readonly lists: number;
  /** How many vanished, out of how many. */
  readonly vanished: number;
  readonly of: number;
}

/** One complete list, and what it should have shown. */
export interface ListComparison {
  readonly startedAt: number;
  /** What the list before showed, and what keys have subscribed to since. */
  readonly expected: ReadonlySet<ProviderId>;
  isListed(id: ProviderId): boolean;
  /** Whether the operator deletes it, so that its absence is expected. */
  isDeleting(id: ProviderId): boolean;
  /** Whether an earlier process had begun to delete it, by what its object records, and this one never saw it. */
  mayBeDeleted(id: ProviderId): boolean;
}

/** A single machine goes now and then, a large part of an account hardly ever: then the list is to blame, or the key. */
export function isMass(vanished: number, of: number): boolean {
  return vanished > Math.max(3, of / 5);
}

/**
 * The waves that are doubted after one more complete list. Pure. Worked table, for an account of 40 machines, 8 of which
 * are a fifth:
 *
 * | a list lacks                                        | then                                                |
 * | --------------------------------------------------- | --------------------------------------------------- |
 * | 8 that the list before showed                       | nothing: they may well be gone                      |
 * | 9 of them                                           | a wave of 9                                         |
 * | 9, of which we are deleting 5                       | nothing: 4 are too few                              |
 * | 2 of an account of 2, 3 of 3                        | nothing: so few may go by chance                    |
 * | 9 that are looked for since a process began         | a wave of 9, as if a list had shown them            |
 * | 9 of those that an earlier process was deleting     | nothing: that is what it was about                  |
 * | 9 of those, and 9 others                            | a wave of 18: the list is to blame                  |
 * | the wave, for five minutes and in three lists       | the wave is over: they are believed to be gone      |
 * | the wave but one                                    | a wave without that one, which is back              |
 * | another 9                                           | a second wave, with its own five minutes            |
 *
 * A failed list neither confirms a wave nor ends it.
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

/** When the wave may be over at the earliest (monotonic). */
export function endOf(disappearance: Disappearance): number {
  return disappearance.since + agreeingFor;
}

function isOver(disappearance: Disappearance, startedAt: number): boolean {
  return startedAt >= endOf(disappearance) && disappearance.lists >= agreeingLists;
}
