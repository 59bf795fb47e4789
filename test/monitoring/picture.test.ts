import { describe, expect, test } from 'vitest';
import type { BadDay } from '../../hack/generate/monitoring/bad-day.ts';
import type { Dashboard, Panel } from '../../hack/generate/monitoring/panels.ts';
import { drawDashboard } from '../../hack/generate/monitoring/picture.ts';
import { axisOf } from '../../hack/generate/monitoring/units.ts';

const panel = (title: string, more: Partial<Panel> = {}): Panel => ({
  title,
  description: '',
  onABadDay: { see: '' },
  unit: 'short',
  queries: [{ expr: title.toLowerCase(), legend: '' }],
  ...more,
});

/** Ten seconds, something wrong from the fourth on, and one panel with these values. */
function dayOf(values: readonly (readonly (number | null)[])[]): BadDay {
  const series = values.map((of, index) => ({ legend: `line ${index}`, values: of }));
  return {
    seconds: 10,
    step: 2,
    faults: [{ at: 4, what: 'all', alerts: [] }],
    panels: [{ dashboard: 'fleet', title: 'A', queries: [{ expr: 'a', series }] }],
  };
}

const board = (of: Panel): Dashboard => ({
  file: 'fleet',
  title: 'Fleet',
  description: '',
  variables: [],
  panels: [of],
});
const pointsIn = (svg: string, shape: string): readonly string[] =>
  Array.from(svg.matchAll(new RegExp(`<${shape} points="([^"]*)"`, 'g')), ([, points = '']) => points);

const heights = (points: string): readonly number[] => points.split(' ').map((point) => Number(point.split(',')[1]));

describe('a picture', () => {
  test('breaks a line where there was no value, and shows one that stands alone', () => {
    const lines = pointsIn(drawDashboard(board(panel('A')), dayOf([[0, 1, null, 2, null, 1]])), 'polyline');
    expect(lines.map((points) => points.split(' ').length)).toEqual([2, 2, 2]);
  });

  test('puts stacked values on top of each other', () => {
    const svg = drawDashboard(
      board(panel('A', { isStacked: true })),
      dayOf([
        [1, 1],
        [3, null],
      ]),
    );
    const [lower = '', upper = ''] = pointsIn(svg, 'polyline');
    // 0 is at 130 and 4 at 34: a second layer of 3 begins at 1, and is not drawn where it adds nothing.
    expect([heights(lower), heights(upper)]).toEqual([
      [106, 106],
      [34, 34],
    ]);
  });

  test('shows one number, the last that there was', () => {
    const svg = drawDashboard(board(panel('A', { isNumber: true, unit: 's' })), dayOf([[3, 8, 5, null]]));
    expect(svg).toContain('>5 s</text>');
    expect(svg).toContain('>at most 8 s</text>');
  });

  test('distinguishes words from marks', () => {
    const day = dayOf([[1]]);
    expect(drawDashboard({ ...board(panel('A')), title: 'a <b> & c' }, day)).toContain('a &lt;b&gt; &amp; c');
  });

  test('of a query that was not recorded there is none', () => {
    const other = panel('A', { queries: [{ expr: 'b', legend: '' }] });
    expect(() => drawDashboard(board(other), dayOf([[1]]))).toThrow('has no b of A: npm run bad-day records it');
  });
});

test.each([
  ['short', 28, 40, '20', 20],
  ['short', 0, 1, '0.5', 0.5],
  ['s', 0.02, 0.02, '10 ms', 0.01],
  ['percentunit', 1, 1, '50 %', 0.5],
  ['bytes', 150 * 2 ** 20, 200 * 2 ** 20, '100 MiB', 100 * 2 ** 20],
  ['reqps', 7, 8, '4/s', 4],
] as const)('an axis of %s up to %d ends at %d, and says %s', (unit, most, top, words, value) => {
  const axis = axisOf(unit, most);
  expect(axis.top).toBeCloseTo(top, 9);
  expect(axis.inWords(value)).toBe(words);
});
