import { expect, test } from 'vitest';
import { chartsOf, growthOf } from '../../bench/costs.ts';
import { drawCurves } from '../../bench/curve.ts';
import { withRun } from '../../bench/kept.ts';
import { resultsOf, spanOf } from './results.ts';

/** Runs whose idle CPU and latency are as given. */
const run = (size: number, cpuSeconds: number, reaction: number) =>
  resultsOf({
    size,
    steady: spanOf({ ListMachines: 1 }, {}, { cpuSeconds }),
    flips: [{ probe: 5, reaction }],
  });

test.each([
  { cpu: 1, expected: { ratio: 1, isStraight: true }, why: 'ten times the machines, ten times the cost' },
  { cpu: 1.3, expected: { ratio: 1.3, isStraight: true }, why: 'a little more is what measuring varies by' },
  { cpu: 1.4, expected: { ratio: 1.4, isStraight: false }, why: 'each machine costs more among more' },
  { cpu: 0.1, expected: { ratio: 0.1, isStraight: true }, why: 'it does not grow at all' },
])('what all share is divided by the machines: $why', ({ cpu, expected }) => {
  const idle = growthOf([run(1_000, 0.1, 6), run(10_000, cpu, 6)]).find(({ what }) => what === 'CPU a minute, idle');
  expect(idle).toMatchObject({ ratio: expect.closeTo(expected.ratio), isStraight: expected.isStraight });
});

test('what one change costs must not grow with the machines that are idle', () => {
  const growth = growthOf([run(100, 0.01, 6), run(1_000, 0.1, 6), run(10_000, 1, 12)]);
  const latency = growth.find(({ what }) => what.endsWith('p50'));
  expect(latency).toMatchObject({ values: [6, 6, 12], ratio: 2, isStraight: false });
});

test('one run has no growth', () => {
  expect(() => growthOf([run(100, 1, 1)])).toThrow('two runs');
});

const chart = (points: readonly { size: number; value: number }[]) => [
  { title: 'Idle & <more>', unit: 's', lines: [{ name: 'CPU', points }] },
];

/** Where the dots are. */
function dots(svg: string): { x: number; y: number }[] {
  return [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
}

test('what grows in proportion is a straight line, along the dotted one', () => {
  const svg = drawCurves(
    chart([
      { size: 100, value: 0.01 },
      { size: 1_000, value: 0.1 },
      { size: 10_000, value: 1 },
    ]),
  );
  const [a, b, c] = dots(svg);
  expect((b?.x ?? 0) - (a?.x ?? 0)).toBeCloseTo((c?.x ?? 0) - (b?.x ?? 0), 0);
  expect((b?.y ?? 0) - (a?.y ?? 0)).toBeCloseTo((c?.y ?? 0) - (b?.y ?? 0), 0);
  const [, ...line] = /<line x1="(\S+)" y1="(\S+)" x2="(\S+)" y2="(\S+)"[^>]*stroke-dasharray/.exec(svg) ?? [];
  expect(line.map(Number)).toEqual([a?.x, a?.y, c?.x, c?.y]);
});

test('what does not grow is level, and a single size is drawn too', () => {
  const level = dots(
    drawCurves(
      chart([
        { size: 100, value: 5 },
        { size: 1_000, value: 5 },
      ]),
    ),
  );
  expect(level[0]?.y).toBe(level[1]?.y);
  expect(dots(drawCurves(chart([{ size: 100, value: 5 }])))).toHaveLength(1);
});

test('words are written so that the picture stays one', () => {
  expect(drawCurves(chart([{ size: 100, value: 5 }]))).toContain('Idle &amp; &lt;more&gt;, s');
});

test('every point stays within the picture', () => {
  const svg = drawCurves(chartsOf([run(100, 0.02, 5), run(1_000, 0.2, 7), run(10_000, 2, 950)]));
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const coordinates = dots(svg);
  expect(coordinates).toHaveLength(18);
  for (const { x, y } of coordinates) {
    expect(x).toBeLessThan(Number(width));
    expect(y).toBeLessThan(Number(height));
  }
});

test('a run takes the place of the one of its size, and the sizes keep their order', () => {
  const [small, middle, large] = [run(100, 1, 1), run(1_000, 1, 1), run(10_000, 1, 1)];
  expect(withRun([small, large], middle)).toEqual([small, middle, large]);
  const again = run(100, 2, 2);
  expect(withRun([small, middle, large], again)).toEqual([again, middle, large]);
  expect(withRun([], large)).toEqual([large]);
});
