import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assertProperty } from './property.ts';

/** The values that a property is held against. */
async function valuesOf(options: Parameters<typeof assertProperty>[1]): Promise<readonly number[]> {
  const values: number[] = [];
  await assertProperty(
    fc.property(fc.integer(), (value) => void values.push(value)),
    options,
  );
  return values;
}

test('half of the runs are the same every time, the other half never', async () => {
  const [first, second] = [await valuesOf({ runs: 40 }), await valuesOf({ runs: 40 })];
  expect(first.slice(0, 20)).toEqual(second.slice(0, 20));
  expect(first.slice(20)).not.toEqual(second.slice(20));
  expect(first).toHaveLength(40);
});

test('a seed that failed once runs first, with all runs', async () => {
  const [first, second] = [
    await valuesOf({ runs: 40, failedOnce: [1] }),
    await valuesOf({ runs: 40, failedOnce: [1] }),
  ];
  expect(first.slice(0, 60)).toEqual(second.slice(0, 60));
  expect(first).toHaveLength(80);
  expect(new Set(first.slice(0, 20))).not.toEqual(new Set(first.slice(40, 60)));
});

test('a failure names its seed', async () => {
  await expect(assertProperty(fc.property(fc.integer(), () => false))).rejects.toThrow('seed: 247');
});
