import { expect, test } from 'vitest';
import { type Figure, findWrong, isRight, renderTable } from '../../bench/table.ts';

const figure = (more: Partial<Figure>): Figure => ({ what: 'x', measured: 2, ...more });

test.each([
  { more: { must: { equal: 2 } }, right: true, why: 'equal to the limit' },
  { more: { must: { equal: 3 } }, right: false, why: 'too few is as wrong as too many' },
  { more: { must: { equal: 1 } }, right: false, why: 'too many' },
  { more: { must: { notExceed: 2 } }, right: true, why: 'the bound itself is allowed' },
  { more: { must: { notExceed: 1.9 } }, right: false, why: 'above the bound' },
  { more: { floor: 0 }, right: true, why: 'the floor is informational' },
  { more: { measured: Number.NaN, must: { notExceed: 9 } }, right: false, why: 'a missing number fails' },
])('$more is right: $right, $why', ({ more, right }) => {
  expect(isRight(figure(more))).toBe(right);
});

test('a figure outside its limit is reported with its part of the run', () => {
  const sections = [
    { title: 'creates', figures: [figure({ what: 'good', must: { equal: 2 } })] },
    { title: 'flips', figures: [figure({ what: 'writes', digits: 2, must: { notExceed: 1 } })] },
  ];
  expect(findWrong(sections)).toEqual(['flips: writes is 2.00, limit: ≤ 1']);
});

test('the floor is beside the figure, in its unit, and a figure outside its limit is marked', () => {
  const figures = [
    figure({ what: 'time', measured: 8, unit: 'ms', floor: 5.9, note: 'slow' }),
    figure({ what: 'calls', must: { equal: 1 } }),
  ];
  const rows = renderTable([{ title: 'flips', figures }])
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
  expect(rows).toEqual([
    [''],
    ['FLIPS', 'MEASURED', 'FLOOR', 'LIMIT'],
    ['time', '8 ms', '6 ms', 'slow'],
    ['✗', 'calls', '2', '1'],
  ]);
});
