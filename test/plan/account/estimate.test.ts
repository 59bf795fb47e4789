import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Currency } from '../../../src/api/v1alpha1/account-types.ts';
import type { Package } from '../../../src/domain/machine.ts';
import { estimate } from '../../../src/plan/account/estimate.ts';
import { assertProperty } from '../../support/property.ts';

type Prices = Readonly<Partial<Record<Currency, string>>>;

function packageWith(id: number, prices: Prices, per: 'month' | 'hour' = 'month'): Package {
  // `as`: the keys are currencies.
  const entries = Object.entries(prices) as readonly (readonly [Currency, string])[];
  return { id, prices: entries.map(([currency, amount]) => ({ amount, currency, per })) };
}

/** So many VMs of each package; undefined: VMs whose package isn't known. */
function counts(...rows: readonly (readonly [id: number | undefined, count: number])[]) {
  return new Map(rows.map(([id, count]) => [String(id), { ref: id === undefined ? undefined : { id }, count }]));
}

const several = 'the packages have prices in EUR, USD; set spec.currency';

test.each<{
  because: string;
  vms: ReturnType<typeof counts>;
  packages: readonly Package[] | undefined;
  currency?: Currency;
  expected: ReturnType<typeof estimate>;
}>([
  {
    because: 'all prices are in one currency',
    vms: counts([1, 2], [2, 1]),
    packages: [packageWith(1, { EUR: '4.00' }), packageWith(2, { EUR: '9.9' })],
    expected: { monthlyPrice: '17.90', currency: 'EUR', unpriced: 0 },
  },
  {
    because: 'tenths have no exact binary fraction',
    vms: counts([1, 3]),
    packages: [packageWith(1, { EUR: '0.1' })],
    expected: { monthlyPrice: '0.30', currency: 'EUR', unpriced: 0 },
  },
  {
    because: 'no digit of a price is lost',
    vms: counts([1, 3]),
    packages: [packageWith(1, { EUR: '9999999.999999' })],
    expected: { monthlyPrice: '29999999.999997', currency: 'EUR', unpriced: 0 },
  },
  {
    because: 'nothing shows which currency is billed',
    vms: counts([1, 1], [2, 1]),
    packages: [packageWith(1, { EUR: '4.00' }), packageWith(2, { USD: '10.00' })],
    expected: { unpriced: 2, message: several },
  },
  {
    because: 'the spec names the currency',
    vms: counts([1, 1], [2, 1]),
    packages: [packageWith(1, { EUR: '4.00', USD: '4.50' }), packageWith(2, { USD: '10.00' })],
    currency: 'EUR',
    expected: { monthlyPrice: '4.00', currency: 'EUR', unpriced: 1 },
  },
  {
    because: 'a VM without a known package costs something',
    vms: counts([1, 1], [undefined, 2], [7, 3]),
    packages: [packageWith(1, { EUR: '4.00' })],
    expected: { monthlyPrice: '4.00', currency: 'EUR', unpriced: 5 },
  },
  {
    because: 'a month has no fixed number of hours',
    vms: counts([1, 2]),
    packages: [packageWith(1, { EUR: '0.007' }, 'hour')],
    expected: { unpriced: 2 },
  },
  {
    because: 'no price is known in the currency of the spec',
    vms: counts([1, 2]),
    packages: [packageWith(1, { EUR: '4.00' })],
    currency: 'GBP',
    expected: { unpriced: 2 },
  },
  { because: 'the catalog was not read', vms: counts([1, 2]), packages: undefined, expected: { unpriced: 2 } },
  { because: 'the account has no VM', vms: counts(), packages: [], expected: { unpriced: 0 } },
  {
    because: 'the account has no VM, and the spec names a currency',
    vms: counts(),
    packages: [],
    currency: 'EUR',
    expected: { monthlyPrice: '0.00', currency: 'EUR', unpriced: 0 },
  },
  {
    because: 'a VM that is free costs nothing, which is known',
    vms: counts([1, 2]),
    packages: [packageWith(1, { EUR: '0' })],
    expected: { monthlyPrice: '0.00', currency: 'EUR', unpriced: 0 },
  },
])('$expected: $because', ({ vms, packages, currency, expected }) => {
  expect(estimate(vms, packages, currency)).toEqual(expected);
});

test('the sum of any prices is exact', async () => {
  const amount = fc.tuple(fc.nat(9_999_999), fc.nat(999_999));
  await assertProperty(
    fc.property(fc.array(fc.tuple(amount, fc.integer({ min: 1, max: 100_000 })), { minLength: 1 }), (rows) => {
      const packages = rows.map(([[whole, millionths]], id) =>
        packageWith(id + 1, { EUR: `${whole}.${String(millionths).padStart(6, '0')}` }),
      );
      const { monthlyPrice = '' } = estimate(
        counts(...rows.map(([, count], id) => [id + 1, count] as const)),
        packages,
        undefined,
      );
      const millionths = rows.reduce(
        (sum, [[whole, part], count]) => sum + (BigInt(whole) * 1_000_000n + BigInt(part)) * BigInt(count),
        0n,
      );
      expect(BigInt(monthlyPrice.replace('.', ''))).toBe(millionths);
    }),
  );
});
