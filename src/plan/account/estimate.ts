import Big from 'big.js';
import type { Currency, Estimate } from '../../api/v1alpha1/account-types.ts';
import type { CatalogRef, Package, Price } from '../../domain/machine.ts';

/** How many VMs have each package. Undefined: the provider doesn't report the package of a VM. */
export type PackageCounts = ReadonlyMap<string, { readonly ref: CatalogRef | undefined; readonly count: number }>;

/**
 * The sum of the monthly prices, exact to the last digit. Pure.
 *
 * | the VMs' packages have monthly prices in     | spec.currency | the sum                                          |
 * | -------------------------------------------- | ------------- | ------------------------------------------------ |
 * | one currency                                 | none          | in that currency                                 |
 * | several currencies                           | none          | none: the API doesn't report which one is billed |
 * | EUR and USD                                  | EUR           | in EUR                                           |
 * | one has a price in USD only                  | EUR           | in EUR, without that one, which is unpriced      |
 * | an hourly price only, or no package is known |               | without them: they are unpriced                  |
 * | no VM                                        | EUR           | 0.00 EUR                                         |
 */
export function estimate(
  counts: PackageCounts,
  packages: readonly Package[] | undefined,
  wanted: Currency | undefined,
): Estimate {
  const rows = [...counts.values()].map(({ ref, count }) => ({ count, prices: monthlyPrices(ref, packages) }));
  const offered = [...new Set(rows.flatMap(({ prices }) => prices.map(({ currency }) => currency)))].toSorted();
  const currency = wanted ?? (offered.length === 1 ? offered[0] : undefined);
  const total = rows.reduce((sum, { count }) => sum + count, 0);
  if (currency === undefined) {
    const several = `the packages have prices in ${offered.join(', ')}; set spec.currency`;
    return { unpriced: total, ...(offered.length === 0 ? {} : { message: several }) };
  }
  let [sum, unpriced, decimals] = [new Big(0), 0, 2];
  for (const { count, prices } of rows) {
    const price = prices.find((one) => one.currency === currency);
    if (price === undefined) unpriced += count;
    else {
      sum = sum.plus(new Big(price.amount).times(count));
      decimals = Math.max(decimals, decimalsOf(price.amount));
    }
  }
  if (unpriced === total && total > 0) return { unpriced };
  return { monthlyPrice: sum.toFixed(decimals), currency, unpriced };
}

/** By its id: two packages may have the same name. */
function packageOf(ref: CatalogRef | undefined, packages: readonly Package[] | undefined): Package | undefined {
  return ref && packages?.find(({ id }) => id === ref.id);
}

function monthlyPrices(ref: CatalogRef | undefined, packages: readonly Package[] | undefined): readonly Price[] {
  return packageOf(ref, packages)?.prices?.filter(({ per }) => per === 'month') ?? [];
}

function decimalsOf(amount: string): number {
  return amount.split('.')[1]?.length ?? 0;
}
