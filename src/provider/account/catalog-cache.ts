import type { Clock } from '../../domain/clock.ts';
import type { Outcome } from '../../domain/failure.ts';
import { succeeded } from '../../domain/failure.ts';
import type { Provider } from '../provider.ts';
import type { Catalog } from './account.ts';

const keptFor = 10 * 60_000;
/** A failure is returned again for a short time, so that a thousand objects that need the catalog cause one read. */
const failureKeptFor = 5_000;

/** Reads the catalog once for all keys that request it, wakes them, and caches it for ten minutes. */
export class CatalogCache {
  readonly #clock: Clock;
  readonly #read: () => Promise<Outcome<Catalog>>;
  readonly #wake: (keys: Iterable<string>) => void;
  readonly #waiting = new Set<string>();
  #kept: { readonly outcome: Outcome<Catalog>; readonly until: number } | undefined;
  #isReading = false;

  constructor(clock: Clock, read: () => Promise<Outcome<Catalog>>, wake: (keys: Iterable<string>) => void) {
    this.#clock = clock;
    this.#read = read;
    this.#wake = wake;
  }

  /** The cached result, if any. */
  get fresh(): Outcome<Catalog> | undefined {
    return this.#kept !== undefined && this.#kept.until > this.#clock.monotonic() ? this.#kept.outcome : undefined;
  }

  /** Reads it, unless a read is in flight, and wakes `key` when the read ends. */
  start(key: string): void {
    this.#waiting.add(key);
    if (!this.#isReading) void this.#fetch();
  }

  forget(key: string): void {
    this.#waiting.delete(key);
  }

  async #fetch(): Promise<void> {
    this.#isReading = true;
    const outcome = await this.#read();
    this.#isReading = false;
    this.#kept = { outcome, until: this.#clock.monotonic() + (outcome.ok ? keptFor : failureKeptFor) };
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.#wake(waiting);
  }
}

/** Reads one list of the catalog. */
type ReadOne = <T>(read: (signal: AbortSignal) => Promise<Outcome<T>>) => Promise<Outcome<T>>;

/** All three lists, or the first failure among them. */
export async function readCatalog(provider: Provider, readOne: ReadOne): Promise<Outcome<Catalog>> {
  const [regions, packages, osTemplates] = await Promise.all([
    readOne((signal) => provider.listRegions(signal)),
    readOne((signal) => provider.listPackages(signal)),
    readOne((signal) => provider.listOsTemplates(signal)),
  ]);
  if (!regions.ok) return regions;
  if (!packages.ok) return packages;
  if (!osTemplates.ok) return osTemplates;
  return succeeded({ regions: regions.value, packages: packages.value, osTemplates: osTemplates.value });
}
