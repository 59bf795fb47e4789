import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyIndex } from '../../src/domain/object-key.ts';
import { assertProperty } from '../support/property.ts';

test('it contains what a Map of Sets would contain, after any operations', async () => {
  const move = fc.tuple(fc.boolean(), fc.constantFrom(1, 2), fc.constantFrom('a', 'b', 'c', 'd'));
  await assertProperty(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const index = new KeyIndex<number>();
      const model = new Map<number, Set<string>>([1, 2].map((value) => [value, new Set()]));
      for (const [isAdded, value, key] of moves) {
        if (isAdded) index.add(value, key);
        else index.delete(value, key);
        if (isAdded) model.get(value)?.add(key);
        else model.get(value)?.delete(key);
        for (const [known, keys] of model) {
          expect(index.keysOf(known).toSorted()).toEqual([...keys].toSorted());
          expect(index.has(known)).toBe(keys.size > 0);
        }
      }
    }),
  );
});

test('a key that was added twice is gone when it is deleted once', () => {
  const index = new KeyIndex<number>();
  for (const key of ['a', 'a']) index.add(1, key);
  index.delete(1, 'a');
  expect([index.has(1), index.keysOf(1)]).toEqual([false, []]);
});
