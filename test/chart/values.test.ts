import { expect, test } from 'vitest';
import { readValues } from '../../hack/generate/chart/values.ts';
import type { Values } from '../support/helm.ts';
import { objectsOf } from './chart.ts';
import { type Effect, effects, switchedOn, withoutEffect } from './effects.ts';

/** `{ a: { b: value } }` of `a.b`, laid over other values. */
function set(values: Values, path: string, value: unknown): Values {
  const [first = '', ...rest] = path.split('.');
  if (rest.length === 0) return { ...values, [first]: value };
  // `as`: what has a value below it is a map.
  return { ...values, [first]: set((values[first] ?? {}) as Values, rest.join('.'), value) };
}

/** Every value that can be given together with the others. */
const together = Object.entries(effects)
  .filter(([, { alone }]) => alone === undefined)
  .reduce((values, [path, { value }]) => set(values, path, value), switchedOn);

test('every value of the chart has a row that shows its change, or why it changes no object', () => {
  const rows = [...Object.keys(effects), ...Object.keys(withoutEffect)];
  expect(rows.toSorted()).toEqual(
    readValues()
      .map(({ keys }) => keys.join('.'))
      .toSorted(),
  );
});

test.for(Object.entries(effects))(
  '%s has its documented change',
  async ([path, { value, part, becomes, alone }]: [string, Effect]) => {
    const before = await objectsOf(alone ?? switchedOn);
    const after = await objectsOf(alone === undefined ? together : set(alone, path, value));
    expect(part(before)).not.toEqual(becomes);
    expect(part(after)).toEqual(becomes);
  },
);

test('enabled and global, which other charts read, change nothing here', async () => {
  expect(await objectsOf({ enabled: false, global: { team: 'a' } })).toEqual(await objectsOf({}));
});
