import { expect, it } from 'vitest';
import { EventShelf } from '../../src/kubernetes/event-shelf.ts';

/** Each entry is as large as its text is long, under the key that is its first letter. */
function shelfOf(entries: Readonly<Record<string, readonly string[]>>): EventShelf<string> {
  const shelf = new EventShelf<string>((entry) => entry.length);
  for (const [namespace, texts] of Object.entries(entries))
    for (const text of texts) shelf.add(namespace, text.slice(0, 1), text);
  return shelf;
}

function takeAll(shelf: EventShelf<string>): readonly (string | undefined)[] {
  return Array.from({ length: 10 }, () => shelf.takeNext()).filter((entry) => entry !== undefined);
}

it('takes entries round-robin by namespace, in order of arrival', () => {
  expect(takeAll(shelfOf({ a: ['p', 'q', 'r'], b: ['s'] }))).toEqual(['p', 's', 'q', 'r']);
});

it('counts the bytes of what is there, by namespace as well', () => {
  const shelf = shelfOf({ a: ['p-------', 'q'], b: ['r-'] });
  expect([shelf.bytes, shelf.delete('a', 'p'), shelf.bytes]).toEqual([11, 'p-------', 3]);
  expect([shelf.takeOldestOfLargest(), shelf.bytes]).toEqual(['r-', 1]);
  expect([takeAll(shelf), shelf.bytes]).toEqual([['q'], 0]);
});

it('takes the newest entry of the largest namespace, also after its newest one was deleted', () => {
  const shelf = shelfOf({ a: ['p-', 'q-', 'r-'], b: ['s'] });
  shelf.delete('a', 'r');
  expect([shelf.takeNewestOfLargest(), shelf.takeNewestOfLargest()]).toEqual(['q-', 'p-']);
});

it('drops the old entries of every namespace, up to the first that is not old', () => {
  const shelf = shelfOf({ a: ['p', 'q-new', 'r'], b: ['s'], c: ['t', 'u-new'] });
  shelf.dropWhile((entry) => !entry.endsWith('new'));
  expect(takeAll(shelf)).toEqual(['q-new', 'u-new', 'r']);
});
