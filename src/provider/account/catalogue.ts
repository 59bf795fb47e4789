import type { Clock } from '../../model/clock.ts';
import type { Outcome } from '../../model/failure.ts';
import { succeeded } from '../../model/failure.ts';
import type { Provider } from '../port.ts';
import type { Catalogue } from './account.ts';

const keptFor = 10 * 60_000;
/** A failure is answered again for a moment, so that a thousand objects that need the catalogue ask once. */
const failureKeptFor = 5_000;

/** Reads the catalogue once for all who ask at the same time, and keeps it for ten minutes. */
export class CatalogueCache {
  readonly #clock: Clock;
  readonly #read: () => Promise<Outcome<Catalogue>>;
  #kept: { readonly outcome: Outcome<Catalogue>; readonly until: number } | undefined;
  #reading: Promise<Outcome<Catalogue>> | undefined;

  constructor(clock: Clock, read: () => Promise<Outcome<Catalogue>>) {
    this.#clock = clock;
    this.#read = read;
  }

  /** What is known without a call, if anything. */
  get fresh(): Outcome<Catalogue> | undefined {
    return this.#kept !== undefined && this.#kept.until > this.#clock.monotonic() ? this.#kept.outcome : undefined;
  }

  async get(): Promise<Outcome<Catalogue>> {
    const known = this.fresh;
    if (known !== undefined) return known;
    this.#reading ??= this.#fetch();
    return this.#reading;
  }

  async #fetch(): Promise<Outcome<Catalogue>> {
    try {
      const outcome = await this.#read();
      this.#kept = { outcome, until: this.#clock.monotonic() + (outcome.ok ? keptFor : failureKeptFor) };
      return outcome;
    } finally {
      this.#reading = undefined;
    }
  }
}

/** All three lists, or the first failure among them. */
export async function readCatalogue(provider: Provider, signal: AbortSignal): Promise<Outcome<Catalogue>> {
  const [regions, packages, osTemplates] = await Promise.all([
    provider.listRegions(signal),
    provider.listPackages(signal),
    provider.listOsTemplates(signal),
  ]);
  if (!regions.ok) return regions;
  if (!packages.ok) return packages;
  if (!osTemplates.ok) return osTemplates;
  return succeeded({ regions: regions.value, packages: packages.value, osTemplates: osTemplates.value });
}
