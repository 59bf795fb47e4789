import type { Clock } from '../../domain/clock.ts';
import type { Outcome } from '../../domain/failure.ts';
import type { Catalog } from './account.ts';
import type { Subscriptions } from './subscriptions.ts';

const keptFor = 10 * 60_000;
/** A failure is returned again for a short time, so that a thousand objects that need the catalog cause one read. */
const failureKeptFor = 5_000;

/** Reads the catalog once for all keys that request it, wakes them, and caches it for ten minutes. */
export class CatalogCache {
  readonly #clock: Clock;
  readonly #read: () => Promise<Outcome<Catalog>>;
  readonly #subscriptions: Subscriptions;
  readonly #wake: (key: string) => void;
  #kept: { readonly outcome: Outcome<Catalog>; readonly until: number } | undefined;
  #isReading = false;

  constructor(
    clock: Clock,
    subscriptions: Subscriptions,
    read: () => Promise<Outcome<Catalog>>,
    wake: (key: string) => void,
  ) {
    this.#clock = clock;
    this.#subscriptions = subscriptions;
    this.#read = read;
    this.#wake = wake;
  }

  /** The cached result, if any. */
  get fresh(): Outcome<Catalog> | undefined {
    return this.#kept !== undefined && this.#kept.until > this.#clock.monotonic() ? this.#kept.outcome : undefined;
  }

  /** Reads it, unless a read is in flight, and wakes `key` when the read ends. */
  start(key: string): void {
    this.#subscriptions.of(key).awaitsCatalog = true;
    if (!this.#isReading) void this.#fetch();
  }

  async #fetch(): Promise<void> {
    this.#isReading = true;
    const outcome = await this.#read();
    this.#isReading = false;
    this.#kept = { outcome, until: this.#clock.monotonic() + (outcome.ok ? keptFor : failureKeptFor) };
    const waiting = [...this.#subscriptions.records()].filter(({ awaitsCatalog }) => awaitsCatalog);
    for (const record of waiting) record.awaitsCatalog = false;
    for (const { key } of waiting) this.#wake(key);
  }
}
