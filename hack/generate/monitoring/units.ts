import type { Panel } from './panels.ts';

/** How an axis is labelled: values are divided by `factor` and followed by `suffix`. */
interface Scale {
  readonly factor: number;
  readonly suffix: string;
}

const plain = { factor: 1, suffix: '' };
const binary = (suffix: string): readonly Scale[] => [
  { factor: 2 ** 30, suffix: ` Gi${suffix}` },
  { factor: 2 ** 20, suffix: ` Mi${suffix}` },
  { factor: 2 ** 10, suffix: ` Ki${suffix}` },
  { factor: 1, suffix: ` ${suffix}` },
];

/** By unit, the largest first: the first whose factor is not above the values is taken, else the last. */
const scales: Readonly<Record<Panel['unit'], readonly Scale[]>> = {
  short: [plain],
  cores: [plain],
  s: [
    { factor: 1, suffix: ' s' },
    { factor: 0.001, suffix: ' ms' },
  ],
  h: [{ factor: 1, suffix: ' h' }],
  bytes: binary('B'),
  Bps: binary('B/s'),
  percentunit: [{ factor: 0.01, suffix: ' %' }],
  reqps: [{ factor: 1, suffix: '/s' }],
};

/** An axis from 0: its end, above `most` and a round number, and how values on it are worded. */
export function axisOf(unit: Panel['unit'], most: number): { readonly top: number; inWords(value: number): string } {
  const { factor, suffix } = scales[unit].find((scale) => scale.factor <= most) ?? scales[unit].at(-1) ?? plain;
  return {
    top: roundedUp(most / factor) * factor,
    inWords: (value) => `${Number((value / factor).toPrecision(3))}${suffix}`,
  };
}

/** To 1, 2, 4, 6 or 8 times a power of ten, each of which has a half that is easy to read. */
function roundedUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 4, 6, 8, 10].find((step) => value <= step * power * 1.000_001) ?? 10;
  return digit * power;
}
