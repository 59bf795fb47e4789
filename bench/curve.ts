/** The cost curves as a picture: a few small charts beside each other, drawn as text. Pure. */
import { escape, gridLine, ink, openSvg, round, text } from '../hack/generate/svg.ts';

/** One line of a chart, over the sizes of the fleet. */
interface Line {
  readonly name: string;
  readonly points: readonly { readonly size: number; readonly value: number }[];
}

export interface Chart {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
}

const panel = { width: 300, height: 210, left: 52, right: 26, top: 46, bottom: 34 } as const;
const columns = 2;
/** Told apart in greyscale and by those who do not see all colours, on white and on black. */
const colours = ['#2f7ed8', '#d9822b'] as const;

/**
 * An SVG with a chart each, both axes logarithmic, so that what grows in proportion to the fleet is a straight line of the
 * slope that the dotted one shows, and what does not grow is level.
 */
export function drawCurves(charts: readonly Chart[]): string {
  const rows = Math.ceil(charts.length / columns);
  const [width, height] = [columns * panel.width, rows * panel.height];
  const panels = charts.map((chart, index) => {
    const [x, y] = [(index % columns) * panel.width, Math.floor(index / columns) * panel.height];
    return `<g transform="translate(${x} ${y})">${drawChart(chart).join('')}</g>`;
  });
  return [...openSvg(width, height, 'What the operator costs by the number of machines'), ...panels, '</svg>', ''].join(
    '\n',
  );
}

function drawChart({ title, unit, lines }: Chart): string[] {
  const points = lines.flatMap((line) => line.points);
  const across = scale(
    points.map(({ size }) => size),
    [panel.left, panel.width - panel.right],
  );
  const up = scale(
    points.map(({ value }) => value),
    [panel.height - panel.bottom, panel.top],
  );
  return [
    text(panel.left, 18, `${title}, ${unit}`, { weight: 'bold', colour: '#24292f' }),
    ...decades(up).map((value) => gridLine(panel.left, up.at(value), panel.width - panel.right, up.at(value))),
    ...decades(up).map((value) => text(panel.left - 6, up.at(value) + 4, inWords(value), { anchor: 'end' })),
    ...decades(across).map((size) =>
      text(across.at(size), panel.height - panel.bottom + 16, inWords(size), { anchor: 'middle' }),
    ),
    text((panel.left + panel.width - panel.right) / 2, panel.height - 4, 'machines', { anchor: 'middle' }),
    proportional(points, across, up),
    ...lines.flatMap((line, index) => drawLine(line, index, across, up)),
  ];
}

interface Scale {
  readonly from: number;
  readonly to: number;
  at(value: number): number;
}

/** Logarithmic, from the power of ten below the values to the one above. */
function scale(values: readonly number[], [start, end]: readonly [number, number]): Scale {
  const positive = values.filter((value) => value > 0);
  const from = 10 ** Math.floor(Math.log10(Math.min(...positive)));
  const most = 10 ** Math.ceil(Math.log10(Math.max(...positive)));
  // One value alone, or all between the same powers.
  const to = most === from ? from * 10 : most;
  const at = (value: number): number => start + (Math.log(value / from) / Math.log(to / from)) * (end - start);
  return { from, to, at };
}

function decades({ from, to }: Scale): number[] {
  const count = Math.round(Math.log10(to / from));
  return Array.from({ length: count + 1 }, (_, index) => from * 10 ** index);
}

/** What ten times as many machines at ten times the cost would look like, through the lowest corner of the chart. */
function proportional(points: Line['points'], across: Scale, up: Scale): string {
  const start = points.reduce(
    (lowest, point) => (point.size < lowest.size ? point : lowest),
    points[0] ?? { size: 1, value: 1 },
  );
  const factor = Math.min(across.to / start.size, up.to / start.value);
  const [x, y] = [across.at(start.size * factor), up.at(start.value * factor)];
  return `<line x1="${round(across.at(start.size))}" y1="${round(up.at(start.value))}" x2="${round(x)}" y2="${round(y)}" stroke="${ink}" stroke-dasharray="2 4"/>`;
}

function drawLine({ name, points }: Line, index: number, across: Scale, up: Scale): string[] {
  const colour = colours[index % colours.length] ?? ink;
  const drawn = points.filter(({ value }) => value > 0);
  const path = drawn.map(({ size, value }) => `${round(across.at(size))},${round(up.at(value))}`).join(' ');
  const dots = drawn.map(
    ({ size, value }) =>
      `<circle cx="${round(across.at(size))}" cy="${round(up.at(value))}" r="3" fill="${colour}"><title>${escape(name)}: ${inWords(value)} at ${inWords(size)}</title></circle>`,
  );
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...dots,
    text(panel.left + index * 110, 34, `● ${name}`, { colour }),
  ];
}

function inWords(value: number): string {
  return value >= 1 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(2)));
}
