import { expect, it } from 'vitest';
import { RoundRobin } from '../../src/domain/round-robin.ts';

function roundRobinOf(...entries: readonly string[]): RoundRobin<string> {
  const waiting = new RoundRobin<string>();
  for (const entry of entries) waiting.add(entry.charAt(0), entry);
  return waiting;
}

function takeAll(waiting: RoundRobin<string>): readonly (string | undefined)[] {
  return Array.from({ length: waiting.size + 1 }, () => waiting.take());
}

it('entries are taken round-robin by group, each group in the order of its entries', () => {
  const waiting = roundRobinOf('a1', 'a2', 'a3', 'b1', 'c1', 'b2');
  expect([...waiting]).toEqual(['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
  expect([waiting.size, waiting.head]).toEqual([6, 'a1']);
  expect(takeAll(waiting)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', undefined]);
  expect([waiting.size, waiting.head]).toEqual([0, undefined]);
});

it('a group whose last entry is removed begins behind the others', () => {
  const waiting = roundRobinOf('a1', 'b1', 'b2');
  expect([waiting.delete('a', 'a2'), waiting.delete('a', 'a1'), waiting.delete('a', 'a1')]).toEqual([
    false,
    true,
    false,
  ]);
  waiting.add('a', 'a3');
  expect(waiting.size).toBe(3);
  expect(takeAll(waiting)).toEqual(['b1', 'a3', 'b2', undefined]);
});
