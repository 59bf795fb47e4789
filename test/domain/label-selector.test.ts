import { describe, expect, test } from 'vitest';
import { parseSelector } from '../../src/domain/label-selector.ts';

describe('the objects that a selector matches', () => {
  test.each<[selector: string, labels: Record<string, string> | undefined, matches: boolean]>([
    ['shard=a', { shard: 'a' }, true],
    ['shard==a', { shard: 'a', more: 'x' }, true],
    ['shard=a', { shard: 'b' }, false],
    ['shard=a', undefined, false],
    ['shard=', { shard: '' }, true],
    ['shard=', {}, false],
    ['shard!=', {}, true],
    ['shard!=a', { shard: 'b' }, true],
    ['shard!=a', {}, true],
    ['shard!=a', { shard: 'a' }, false],
    ['shard in (a, b)', { shard: 'b' }, true],
    ['shard in (a,b)', { shard: 'c' }, false],
    ['shard in (a,b)', {}, false],
    ['shard notin (a,b)', { shard: 'c' }, true],
    ['shard notin (a,b)', {}, true],
    ['shard notin (a,b)', { shard: 'a' }, false],
    ['shard', { shard: '' }, true],
    ['shard', {}, false],
    ['!shard', {}, true],
    ['!shard', { shard: 'a' }, false],
    ['example.com/shard = a , tier in (x, y), !old', { 'example.com/shard': 'a', tier: 'y' }, true],
    ['example.com/shard = a , tier in (x, y), !old', { 'example.com/shard': 'a', tier: 'y', old: '1' }, false],
  ])('%s on %j: %s', (selector, labels, matches) => {
    expect(parseSelector(selector)?.matches(labels)).toBe(matches);
  });
});

test.each([
  '',
  ',',
  'a=b,',
  '=a',
  'a=b=c',
  'a in b',
  'a in (b',
  'a within (b)',
  'a=b c',
  '-a=b',
  'a=-b',
  'a/b/c=d',
  '!a=b',
  'a=b;c=d',
])('%j is refused', (text) => {
  expect(parseSelector(text)).toBeUndefined();
});

test.each([
  ['b=1,a in (y, x)', 'a in (x,y), b==1'],
  ['a in (b)', 'a=b'],
  ['a!=b', 'a notin (b)'],
  ['a,a', 'a'],
])('%s and %s are equal', (one, other) => {
  expect(parseSelector(one)?.canonical).toBe(parseSelector(other)?.canonical);
});

test.each([
  ['a=b', 'a!=b'],
  ['a', '!a'],
  ['a=b', 'a'],
])('%s and %s are not equal', (one, other) => {
  expect(parseSelector(one)?.canonical).not.toBe(parseSelector(other)?.canonical);
});
