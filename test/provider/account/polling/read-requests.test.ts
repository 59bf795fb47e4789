import { expect, test } from 'vitest';
import { ReadRequests } from '../../../../src/provider/account/polling/poller.ts';
import { Subscriptions } from '../../../../src/provider/account/subscriptions.ts';

test('a list serves, once, the requests whose time is not later than its start', () => {
  const waiters = new ReadRequests(new Subscriptions(), 'listAfter');
  waiters.add('early', 10);
  waiters.add('exact', 20);
  waiters.add('late', 21);
  expect(waiters.earliest).toBe(10);
  expect(waiters.take(20)).toEqual(['early', 'exact']);
  expect(waiters.earliest).toBe(21);
  expect(waiters.take(20)).toEqual([]);
});

test.for([
  ['the earlier one first', [10, 20]],
  ['the later one first', [20, 10]],
] as const)('a key with two requests is woken for the earlier time, once, and requests again: %s', ([, moments]) => {
  const waiters = new ReadRequests(new Subscriptions(), 'listAfter');
  for (const moment of moments) waiters.add('a', moment);
  expect(waiters.earliest).toBe(10);
  expect(waiters.take(15)).toEqual(['a']);
  expect(waiters.take(20)).toEqual([]);
  waiters.add('a', 20);
  expect(waiters.take(20)).toEqual(['a']);
});

test('the time of a forgotten request does not return', () => {
  const subscriptions = new Subscriptions();
  const waiters = new ReadRequests(subscriptions, 'listAfter');
  waiters.add('a', 10);
  waiters.forget(subscriptions.of('a'));
  expect(waiters.earliest).toBeUndefined();
  waiters.add('b', 30);
  expect(waiters.earliest).toBe(30);
});
