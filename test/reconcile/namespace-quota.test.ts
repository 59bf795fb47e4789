import { expect, test } from 'vitest';
import { NamespaceQuota } from '../../src/reconcile/namespace-quota.ts';
import { objectWith } from '../plan/fixtures.ts';

const withMachine = objectWith({ id: 90 });
const without = objectWith();

test('two objects never both take the last place', () => {
  const quota = new NamespaceQuota(2);
  quota.change('a/1', undefined, withMachine);
  expect([quota.reachedFor('a/2'), quota.reachedFor('a/3')]).toEqual([undefined, undefined]);
  expect([quota.reserve('a/2'), quota.reserve('a/3')]).toEqual([true, false]);
  expect([quota.reachedFor('a/2'), quota.reachedFor('a/3')]).toEqual([undefined, 2]);
});

test('an object that has a place finds it again, also when there are too many', () => {
  const quota = new NamespaceQuota(1);
  for (const key of ['a/1', 'a/2']) quota.change(key, undefined, withMachine);
  expect([quota.reserve('a/1'), quota.reserve('a/2'), quota.reserve('a/3')]).toEqual([true, true, false]);
});

test('each namespace has its own places', () => {
  const quota = new NamespaceQuota(1);
  expect([quota.reserve('a/1'), quota.reserve('b/1'), quota.reserve('a/2')]).toEqual([true, true, false]);
});

test.for<[reason: string, end: (quota: NamespaceQuota) => void, isFree: boolean]>([
  ['its object is gone', (quota) => quota.change('a/1', withMachine, undefined), true],
  [
    'its finalizer is gone: so is the machine, or it is left alone',
    (quota) => quota.change('a/1', withMachine, without),
    true,
  ],
  ['nothing came of the create', (quota) => quota.release('a/1'), true],
  ['its object changed while the create was being announced', (quota) => quota.change('a/1', without, without), false],
  [
    'its object is being deleted, and its machine is still there',
    (quota) => quota.change('a/1', withMachine, withMachine),
    false,
  ],
  ['its object went before anything was announced', (quota) => quota.change('a/1', without, undefined), true],
])('a place is free again, or not: %s', ([, end, isFree]) => {
  const quota = new NamespaceQuota(1);
  quota.reserve('a/1');
  end(quota);
  expect(quota.reserve('a/2')).toBe(isFree);
});

test('a place that is left is told to those who wait for it, one each, in the order they came', () => {
  const quota = new NamespaceQuota(2);
  for (const key of ['a/1', 'a/2']) quota.change(key, undefined, withMachine);
  for (const key of ['a/3', 'a/4', 'a/5', 'b/1', 'a/3']) quota.wait(key);
  quota.change('a/4', without, undefined);
  expect([
    quota.change('a/1', withMachine, withMachine),
    quota.change('a/1', withMachine, undefined),
    quota.change('a/2', withMachine, without),
    quota.change('a/2', without, undefined),
  ]).toEqual([undefined, 'a/3', 'a/5', undefined]);
});

test('zero is no limit', () => {
  const quota = new NamespaceQuota(0);
  expect(Array.from({ length: 100 }, (_, index) => quota.reserve(`a/${index}`)).every(Boolean)).toBe(true);
  expect(quota.reachedFor('a/more')).toBeUndefined();
});
