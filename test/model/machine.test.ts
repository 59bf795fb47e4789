import { expect, test } from 'vitest';
import { isTaskBusy } from '../../src/model/machine.ts';

test.each([
  ['pending', true],
  ['queued', true],
  ['running', true],
  ['complete', false],
  ['failed', false],
  ['a status that this version does not know', false],
])('a task that is %s: busy is %s', (status, isBusy) => {
  expect(isTaskBusy({ name: 'VmStop', status })).toBe(isBusy);
});

test('a VM without a task is not busy', () => {
  expect(isTaskBusy(undefined)).toBe(false);
});
