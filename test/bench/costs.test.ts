import { expect, test } from 'vitest';
import { growthOf } from '../../bench/costs.ts';
import { withRun } from '../../bench/results-store.ts';
import { resultsOf, spanOf } from './results.ts';

/** Runs whose idle CPU and latency are as given. */
const run = (size: number, cpuSeconds: number, reaction: number) =>
  resultsOf({
    size,
    steady: spanOf({ ListMachines: 1 }, {}, { cpuSeconds }),
    flips: [{ probe: 5, reaction }],
  });

test.each([
  { cpu: 1, expected: { ratio: 1, isLinear: true }, why: 'ten times the VMs, ten times the cost' },
  { cpu: 1.3, expected: { ratio: 1.3, isLinear: true }, why: 'measurements vary' },
  { cpu: 1.4, expected: { ratio: 1.4, isLinear: false }, why: 'each VM costs more in a larger fleet' },
  { cpu: 0.1, expected: { ratio: 0.1, isLinear: true }, why: 'no growth' },
])('a cost of the fleet is divided by its VMs: $why', ({ cpu, expected }) => {
  const idle = growthOf([run(1_000, 0.1, 6), run(10_000, cpu, 6)]).find(({ what }) => what === 'CPU a minute, idle');
  expect(idle).toMatchObject({ ratio: expect.closeTo(expected.ratio), isLinear: expected.isLinear });
});

test('the cost of one change must not grow with the idle VMs', () => {
  const growth = growthOf([run(100, 0.01, 6), run(1_000, 0.1, 6), run(10_000, 1, 12)]);
  const latency = growth.find(({ what }) => what.endsWith('p50'));
  expect(latency).toMatchObject({ values: [6, 6, 12], ratio: 2, isLinear: false });
});

test('one run has no growth', () => {
  expect(() => growthOf([run(100, 1, 1)])).toThrow('two runs');
});

test('a run replaces the stored run of its size, and the sizes stay in order', () => {
  const [small, middle, large] = [run(100, 1, 1), run(1_000, 1, 1), run(10_000, 1, 1)];
  expect(withRun([small, large], middle)).toEqual([small, middle, large]);
  const again = run(100, 2, 2);
  expect(withRun([small, middle, large], again)).toEqual([again, middle, large]);
  expect(withRun([], large)).toEqual([large]);
});
