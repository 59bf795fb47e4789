import { expect, test } from 'vitest';
import { isTaskBusy, isTaskFailed } from '../../src/domain/machine.ts';

test.each([
  ['pending', true, false],
  ['queued', true, false],
  ['running', true, false],
  ['complete', false, false],
  ['failed', false, true],
  ['failure', false, true],
  ['error', false, true],
  ['errored', false, true],
  ['aborted', false, true],
  ['cancelled', false, true],
  ['canceled', false, true],
  ['a status that this version does not know', false, false],
])('a task that is %s: busy is %s, failed is %s', (status, isBusy, isFailed) => {
  expect([isTaskBusy({ name: 'VmStop', status }), isTaskFailed({ status })]).toEqual([isBusy, isFailed]);
});

test('a VM without a task is not busy, and has no failed task', () => {
  expect([isTaskBusy(undefined), isTaskFailed(undefined)]).toEqual([false, false]);
});
