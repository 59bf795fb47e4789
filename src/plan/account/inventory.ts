import {
  type AccountCatalog,
  type AccountInventory,
  type CatalogPackage,
  type CatalogPrice,
  type Currency,
  type UnmanagedMachine,
} from '../../api/v1alpha1/account-types.ts';
import type { CatalogStatus } from '../../api/v1alpha1/types.ts';
import type { CatalogRef, Machine, OsTemplate, Package, Price, ProviderId, Region } from '../../domain/machine.ts';
import { maxCatalogEntries, maxUnmanaged } from '../../api/v1alpha1/schema/account.ts';
import { estimate, type PackageCounts } from './estimate.ts';

/** What a complete list shows, computed once for all Accounts of the API key. */
export interface Census {
  readonly total: number;
  readonly unmanagedCount: number;
  /** Those that a status can list, by ascending id. */
  readonly unmanaged: readonly UnmanagedMachine[];
  readonly packages: PackageCounts;
}

/** What the provider offers, as last read. */
export interface Offer {
  readonly regions: readonly Region[] | undefined;
  readonly packages: readonly Package[] | undefined;
  readonly osTemplates: readonly OsTemplate[] | undefined;
}

/** In bytes of JSON, whatever the provider returns: conditions and field names included, a status stays below 500 KiB. */
const longest = { unmanaged: 150 * 1_024, catalogList: 90 * 1_024 } as const;

/** Counts and lists the VMs of a complete list. Pure. */
export function takeCensus(machines: readonly Machine[], isUnmanaged: (machine: Machine) => boolean): Census {
  const unmanaged = machines.filter(isUnmanaged).toSorted((a, b) => a.id - b.id);
  const packages = new Map<string, { readonly ref: CatalogRef | undefined; readonly count: number }>();
  for (const { package: ref } of machines) {
    const key = String(ref?.id);
    packages.set(key, { ref, count: (packages.get(key)?.count ?? 0) + 1 });
  }
  return {
    total: machines.length,
    unmanagedCount: unmanaged.length,
    unmanaged: bounded(unmanaged.slice(0, maxUnmanaged).map(describe), longest.unmanaged),
    packages,
  };
}

/** The inventory that a status shows. `offer`: undefined until the catalog was read. */
export function inventoryOf(
  ownerId: ProviderId | undefined,
  census: Census,
  offer: Offer | undefined,
  currency: Currency | undefined,
): AccountInventory {
  const { total, unmanagedCount, unmanaged, packages } = census;
  return {
    ...(ownerId === undefined ? {} : { ownerId }),
    machines: { total, managed: total - unmanagedCount, unmanaged: unmanagedCount },
    unmanaged,
    ...(offer === undefined ? {} : { catalog: catalogOf(offer) }),
    estimate: estimate(packages, offer?.packages, currency),
  };
}

function describe({ id, name, state, region, package: size, addresses }: Machine): UnmanagedMachine {
  const address = addresses.find((one) => one.address !== undefined)?.address;
  return {
    id,
    name,
    state,
    ...(region === undefined ? {} : { region: reference(region) }),
    ...(size === undefined ? {} : { package: reference(size) }),
    ...(address === undefined ? {} : { address }),
  };
}

function catalogOf({ regions, packages, osTemplates }: Offer): AccountCatalog {
  const lists = {
    regions: shown(regions, reference),
    packages: shown(packages, priced),
    osTemplates: shown(osTemplates, reference),
  };
  const all = [regions, packages, osTemplates];
  const omitted = Object.values(lists).reduce(
    (sum, list, index) => sum + (all[index]?.length ?? 0) - (list?.length ?? 0),
    0,
  );
  return {
    ...(lists.regions === undefined ? {} : { regions: lists.regions }),
    ...(lists.packages === undefined ? {} : { packages: lists.packages }),
    ...(lists.osTemplates === undefined ? {} : { osTemplates: lists.osTemplates }),
    ...(omitted === 0 ? {} : { omitted }),
  };
}

function shown<T extends CatalogRef, R>(
  list: readonly T[] | undefined,
  show: (entry: T) => R,
): readonly R[] | undefined {
  if (list === undefined) return undefined;
  const sorted = list.toSorted((a, b) => a.id - b.id).slice(0, maxCatalogEntries);
  return bounded(sorted.map(show), longest.catalogList);
}

function reference({ id, name }: CatalogRef): CatalogStatus {
  return { id, ...(name === undefined ? {} : { name }) };
}

function priced(entry: Package): CatalogPackage {
  const { prices = [] } = entry;
  if (prices.length === 0) return reference(entry);
  const currencies = [...new Set(prices.map(({ currency }) => currency))];
  return {
    ...reference(entry),
    prices: currencies.map((currency) => pricesIn(currency, prices)),
  };
}

function pricesIn(currency: Currency, prices: readonly Price[]): CatalogPrice {
  const [perMonth, perHour] = [amount(prices, currency, 'month'), amount(prices, currency, 'hour')];
  return {
    currency,
    ...(perMonth === undefined ? {} : { perMonth }),
    ...(perHour === undefined ? {} : { perHour }),
  };
}

function amount(prices: readonly Price[], currency: Currency, per: Price['per']): string | undefined {
  return prices.find((one) => one.currency === currency && one.per === per)?.amount;
}

/** The first entries that fit into this many bytes of JSON. */
function bounded<T>(list: readonly T[], bytes: number): readonly T[] {
  let left = bytes;
  const end = list.findIndex((entry) => {
    left -= Buffer.byteLength(JSON.stringify(entry)) + 1;
    return left < 0;
  });
  return end === -1 ? list : list.slice(0, end);
}
