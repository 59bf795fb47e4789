/** Draws a dashboard with the recorded values as an SVG picture, in Grafana's layout. Pure. */
import { gridLine, ink, openSvg, round, text } from '../svg.ts';
import type { BadDay, RecordedSeries } from './bad-day.ts';
import { rowsOf } from './dashboards.ts';
import type { Dashboard, Panel } from './panels.ts';
import { axisOf } from './units.ts';

const width = 720;
const column = width / 24;
/** Where lines are drawn in a panel, and what is left for the labels around them. */
const plot = { left: 46, right: 10, top: 34, height: 96, foot: 18 } as const;
/** The same for a panel that shows one number. */
const tile = { left: 96, right: 10, top: 28, bottom: 74, height: 84 } as const;
/** The height of a line of the legend, and about how wide a letter of it is, and what comes with each entry. */
const legend = { row: 13, letter: 5.4, extra: 22 } as const;
/** Told apart also by those who do not see all colours. */
const colours = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#cc79a7', '#56b4e9', '#882255', '#999933', '#332288'];
const dark = '#24292f';
const trouble = { line: '#cf222e', ground: '#fff1f0' } as const;

type Values = readonly (number | null)[];

interface Drawn {
  readonly panel: Panel;
  readonly series: readonly RecordedSeries[];
  readonly width: number;
}

/** Where in a picture a time and a value are. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  across(time: number): number;
  /** Of the value with this index. */
  at(index: number): number;
  up(value: number): number;
}

export function drawDashboard({ file, title, panels }: Dashboard, day: BadDay): string {
  const parts: string[] = [];
  let y = 8;
  for (const row of rowsOf(panels)) {
    const heights = row.map(({ panel, x, w }) => {
      const drawn = { panel, series: seriesOf(day, file, panel), width: w * column };
      parts.push(`<g transform="translate(${round(x * column)} ${y})">`, ...draw(drawn, day), '</g>');
      return heightOf(drawn);
    });
    y += Math.max(...heights) + 8;
  }
  return [...openSvg(width, y, `${title}, during failures`), ...parts, '</svg>', ''].join('\n');
}

/** What was recorded for exactly these queries; anything else would show another panel. */
function seriesOf({ panels }: BadDay, dashboard: string, { title, queries }: Panel): readonly RecordedSeries[] {
  const recorded = panels.find((one) => one.dashboard === dashboard && one.title === title);
  return queries.flatMap(({ expr }) => {
    const query = recorded?.queries.find((one) => one.expr === expr);
    if (query !== undefined) return query.series;
    throw new Error(`docs/monitoring-bad-day.json has no ${expr} of ${title}: npm run bad-day records it`);
  });
}

function heightOf(drawn: Drawn): number {
  if (drawn.panel.isNumber) return tile.height;
  const rows = Math.max(0, ...legendOf(drawn).map(({ row }) => row + 1));
  return plot.top + plot.height + plot.foot + rows * legend.row;
}

function draw(drawn: Drawn, day: BadDay): string[] {
  const title = text(8, 14, drawn.panel.title, { weight: 'bold', colour: dark });
  return [title, ...(drawn.panel.isNumber ? drawNumber(drawn, day) : drawLines(drawn, day))];
}

/** The last value, beside the line that led to it. */
function drawNumber({ panel, series, width: w }: Drawn, day: BadDay): string[] {
  const most = Math.max(0, ...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const axis = axisOf(panel.unit, most);
  const frame = frameOf({ ...tile, right: w - tile.right }, axis.top, day);
  const last = series[0]?.values.findLast((value) => value !== null) ?? undefined;
  return [
    text(8, 54, last === undefined ? '–' : axis.inWords(last), { colour: dark, size: 24 }),
    background(frame, day),
    gridLine(frame.left, frame.bottom, frame.right, frame.bottom),
    text(8, tile.bottom, `at most ${axis.inWords(most)}`, { size: 9 }),
    ...series.flatMap(({ values }, index) => line(values, frame, index)),
  ];
}

function drawLines(drawn: Drawn, day: BadDay): string[] {
  const { panel, series, width: w } = drawn;
  const layers = panel.isStacked ? stacked(series) : series.map(({ values }) => ({ values, base: [] }));
  const axis = axisOf(panel.unit, Math.max(0, ...layers.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const places = { left: plot.left, right: w - plot.right, top: plot.top, bottom: plot.top + plot.height };
  const frame = frameOf(places, axis.top, day);
  const times = Array.from({ length: Math.floor(day.seconds / 30) + 1 }, (_, index) => index * 30);
  const small = { size: 9 } as const;
  return [
    background(frame, day),
    ...[0, axis.top / 2, axis.top].flatMap((value) => [
      gridLine(frame.left, frame.up(value), frame.right, frame.up(value)),
      text(frame.left - 4, frame.up(value) + 3, axis.inWords(value), { anchor: 'end', ...small }),
    ]),
    ...times.map((time) => text(frame.across(time), frame.bottom + 12, `${time} s`, { anchor: 'middle', ...small })),
    ...day.faults.map(({ at }, index) => markOf(frame.across(at), frame, index + 1)),
    // What each adds goes below every line.
    ...(panel.isStacked ? layers.flatMap((layer, index) => area(layer, frame, index)) : []),
    ...layers.flatMap(({ values }, index) => line(values, frame, index)),
    ...legendOf(drawn).map(({ x, row, words }, index) =>
      text(x, frame.bottom + plot.foot + 10 + row * legend.row, `● ${words}`, { colour: colourOf(index), size: 10 }),
    ),
  ];
}

function frameOf(
  { left, right, top, bottom }: Pick<Frame, 'left' | 'right' | 'top' | 'bottom'>,
  most: number,
  { seconds, step }: BadDay,
): Frame {
  const across = (time: number): number => left + (time / seconds) * (right - left);
  return {
    left,
    right,
    top,
    bottom,
    across,
    at: (index) => across(index * step),
    up: (value) => bottom - (value / most) * (bottom - top),
  };
}

/** A series as it is drawn: from `base` up to `values`. */
interface Layer {
  readonly values: Values;
  readonly base: readonly number[];
}

/** Each on top of those before it. One that adds nothing is not drawn, or its line would hide the one below. */
function stacked(series: readonly RecordedSeries[]): readonly Layer[] {
  let base: readonly number[] = series[0]?.values.map(() => 0) ?? [];
  return series.map(({ values }) => {
    const under = base;
    base = values.map((value, index) => (under[index] ?? 0) + (value ?? 0));
    const drawn = values.map((value, index) => (value === null || value === 0 ? null : (under[index] ?? 0) + value));
    return { values: drawn, base: under };
  });
}

/** Runs of neighbouring values: where there was none, the line is broken. */
function runsOf(values: Values): readonly (readonly { readonly index: number; readonly value: number }[])[] {
  const runs: { index: number; value: number }[][] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    if (index === 0 || values[index - 1] === null) runs.push([]);
    runs.at(-1)?.push({ index, value });
  }
  return runs;
}

function line(values: Values, frame: Frame, layer: number): string[] {
  return runsOf(values).map((run) => {
    const places = run.map(({ index, value }) => placeOf(frame, index, value));
    // One value alone would be a line without length.
    const points = places.length === 1 ? places.concat(places) : places;
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colourOf(layer)}" stroke-width="1.5" stroke-linecap="round"/>`;
  });
}

/** What a layer adds to the one below. */
function area({ values, base }: Layer, frame: Frame, layer: number): string[] {
  return runsOf(values).map((run) => {
    const top = run.map(({ index, value }) => placeOf(frame, index, value));
    const bottom = run.toReversed().map(({ index }) => placeOf(frame, index, base[index] ?? 0));
    return `<polygon points="${top.concat(bottom).join(' ')}" fill="${colourOf(layer)}" fill-opacity="0.3"/>`;
  });
}

function placeOf({ at, up }: Frame, index: number, value: number): string {
  return `${round(at(index))},${round(up(value))}`;
}

/** From the first fault on. */
function background({ across, right, top, bottom }: Frame, { faults, seconds }: BadDay): string {
  const x = across(faults[0]?.at ?? seconds);
  return `<rect x="${round(x)}" y="${top}" width="${round(right - x)}" height="${bottom - top}" fill="${trouble.ground}"/>`;
}

function markOf(x: number, { top, bottom }: Frame, number: number): string {
  const path = `x1="${round(x)}" y1="${top}" x2="${round(x)}" y2="${bottom}"`;
  const mark = text(x, top - 3, String(number), { anchor: 'middle', colour: trouble.line, size: 8 });
  return `<line ${path} stroke="${trouble.line}" stroke-width="0.6" stroke-dasharray="2 3"/>${mark}`;
}

/** From left to right, and on in the next line when one is full. */
function legendOf({
  series,
  width: w,
}: Drawn): readonly { readonly x: number; readonly row: number; readonly words: string }[] {
  let x = 8;
  let row = 0;
  return series.map(({ legend: words }) => {
    const needed = words.length * legend.letter + legend.extra;
    if (x > 8 && x + needed > w) [x, row] = [8, row + 1];
    const entry = { x, row, words };
    x += needed;
    return entry;
  });
}

function colourOf(index: number): string {
  return colours[index % colours.length] ?? ink;
}
