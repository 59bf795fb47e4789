/**
 * The regions, packages and templates of the provider. Prices are decimal strings, or null where the currency is not
 * offered.
 */
export interface CatalogRegion {
  readonly id: number;
  readonly name: string;
  readonly countryCode: string;
  readonly packageIds: readonly number[];
}

export interface CatalogPackage {
  readonly id: number;
  readonly name: string;
  /** MB. */
  readonly memory: number;
  /** MB. */
  readonly diskSpace: number;
  readonly cpuCores: number;
  /** GB a month. */
  readonly bandwidth: number;
  readonly ipv4Addresses: number;
  readonly ipv6Addresses: number;
  readonly priceHour: Price;
  readonly priceMonth: Price;
  readonly osTemplateIds: readonly number[];
}

interface Price {
  readonly eur: string | null;
  readonly gbp: string | null;
  readonly usd: string | null;
}

export interface CatalogOsTemplate {
  readonly id: number;
  readonly name: string;
  readonly osType: 'linux' | 'windows';
  /** GB, or null for any. */
  readonly minSize: number | null;
  readonly description: string;
  /** Not part of the API: whether guests of this template ignore the shutdown signal. */
  readonly ignoresShutdown?: boolean;
}

export interface Catalog {
  readonly regions: readonly CatalogRegion[];
  readonly packages: readonly CatalogPackage[];
  readonly osTemplates: readonly CatalogOsTemplate[];
}

/** Small, but with every mismatch: a package that a region doesn't offer, and a template that a package can't run. */
export const defaultCatalog: Catalog = {
  regions: [
    { id: 1, name: 'Amsterdam 1', countryCode: 'NL', packageIds: [1, 2, 3] },
    { id: 2, name: 'New York 1', countryCode: 'US', packageIds: [1, 2, 3] },
    { id: 3, name: 'London 1', countryCode: 'GB', packageIds: [1, 2] },
  ],
  packages: [
    {
      id: 1,
      name: 'Budget',
      memory: 512,
      diskSpace: 20_480,
      cpuCores: 1,
      bandwidth: 500,
      ipv4Addresses: 1,
      ipv6Addresses: 1,
      priceHour: { eur: '0.007', gbp: null, usd: '0.008' },
      priceMonth: { eur: '4.00', gbp: null, usd: '4.50' },
      osTemplateIds: [1, 2, 4],
    },
    {
      id: 2,
      name: 'Standard',
      memory: 2_048,
      diskSpace: 40_960,
      cpuCores: 2,
      bandwidth: 1_000,
      ipv4Addresses: 1,
      ipv6Addresses: 1,
      priceHour: { eur: '0.015', gbp: '0.013', usd: '0.017' },
      priceMonth: { eur: '9.00', gbp: '8.00', usd: '10.00' },
      osTemplateIds: [1, 2, 3, 4],
    },
    {
      id: 3,
      name: 'Performance',
      memory: 8_192,
      diskSpace: 163_840,
      cpuCores: 4,
      bandwidth: 4_000,
      ipv4Addresses: 1,
      ipv6Addresses: 1,
      priceHour: { eur: '0.060', gbp: '0.052', usd: '0.066' },
      priceMonth: { eur: '36.00', gbp: '31.00', usd: '40.00' },
      osTemplateIds: [1, 2, 3, 4],
    },
  ],
  osTemplates: [
    { id: 1, name: 'Debian 13 x64', osType: 'linux', minSize: 5, description: 'Debian 13, minimal' },
    { id: 2, name: 'Ubuntu 24.04 x64', osType: 'linux', minSize: null, description: 'Ubuntu Server 24.04 LTS' },
    { id: 3, name: 'Windows Server 2025', osType: 'windows', minSize: 40, description: 'Datacenter edition' },
    {
      id: 4,
      name: 'Appliance (ignores ACPI)',
      osType: 'linux',
      minSize: null,
      description: 'An appliance that ignores the shutdown signal: only a power cut halts it',
      ignoresShutdown: true,
    },
  ],
};
