import type { Clock } from '../../domain/clock.ts';
import { type Failure, failed, type Outcome, succeeded } from '../../domain/failure.ts';
import type { ListedMachine, Machine, ProviderId } from '../../domain/machine.ts';
import type { Provider } from '../provider.ts';
import type { Catalog, TimedRead } from './account.ts';
import type { CallAdmission } from './admission/call-admission.ts';
import type { CredentialStatus } from './credential-status.ts';
import type { KeyProbes } from './polling/key-probes.ts';
import type { Subscriptions, SingleRead, Subscription } from './subscriptions.ts';

/** The flow of the account's own reads. No key or namespace is empty, so it is unique. */
const accountFlow = '';

export interface ReadsOptions {
  readonly clock: Clock;
  readonly provider: Provider;
  readonly admission: CallAdmission;
  readonly credential: CredentialStatus;
  readonly subscriptions: Subscriptions;
  readonly keyProbes: KeyProbes | undefined;
  /** Aborts all reads. */
  readonly signal: AbortSignal;
  /** Why no call is sent now. */
  readonly refusal: () => Failure | undefined;
}

/** The reads of an account. Each waits for a slot, and is undefined if it gets none. */
export class Reads {
  readonly #options: ReadsOptions;

  constructor(options: ReadsOptions) {
    this.#options = options;
  }

  /** Lists for keys that were never accepted share few slots: a tenant may store many invalid keys. */
  list(): Promise<TimedRead<readonly ListedMachine[]> | undefined> {
    const { provider, credential, subscriptions, keyProbes, signal } = this.#options;
    const read = () => this.#timed('List', accountFlow, () => provider.listMachines(signal));
    if (keyProbes === undefined || credential.status === 'Accepted') return read();
    const [group = accountFlow] = subscriptions.groups();
    return keyProbes.run(read, group, () => !signal.aborted && subscriptions.size > 0);
  }

  machine(id: ProviderId, flow = accountFlow): Promise<TimedRead<Machine | undefined> | undefined> {
    const { provider, signal } = this.#options;
    return this.#timed('Read', flow, () => provider.getMachine(id, signal));
  }

  /** All three lists, or the first failure among them. */
  async catalog(): Promise<Outcome<Catalog>> {
    const { provider, signal } = this.#options;
    const [regions, packages, osTemplates] = await Promise.all([
      this.#ofCatalog(() => provider.listRegions(signal)),
      this.#ofCatalog(() => provider.listPackages(signal)),
      this.#ofCatalog(() => provider.listOsTemplates(signal)),
    ]);
    if (!regions.ok) return regions;
    if (!packages.ok) return packages;
    if (!osTemplates.ok) return osTemplates;
    return succeeded({ regions: regions.value, packages: packages.value, osTemplates: osTemplates.value });
  }

  async #ofCatalog<T>(read: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    const answer = await this.#timed('Read', accountFlow, read);
    // Rejected because of the present refusal, or because the account is stopped.
    const refusal = this.#options.refusal() ?? { class: 'Retry', code: 'Canceled', text: '' };
    return answer?.outcome ?? failed({ ...refusal, operation: 'ListRegions' });
  }

  #timed<T>(
    priority: 'Read' | 'List',
    flow: string,
    read: () => Promise<Outcome<T>>,
  ): Promise<TimedRead<T> | undefined> {
    return this.#options.admission.schedule(priority, flow, async () => {
      const startedAt = this.#options.clock.monotonic();
      return { startedAt, outcome: await read() };
    });
  }
}

/** A failure is returned again for a short time, so that a thousand objects that need the same read cause one. */
const failureKeptFor = 5_000;

type MachineResult = NonNullable<SingleRead['result']>;

/**
 * The newest read of a single machine for each key. A read doesn't block: its key is woken when it ends, and calls
 * `known` again. A result is returned once even if it is older than requested by then: otherwise lists that are faster
 * than reads would outdate every result.
 */
export class MachineReads {
  readonly #clock: Clock;
  readonly #subscriptions: Subscriptions;
  readonly #getMachine: (id: ProviderId, reader: Subscription) => Promise<MachineResult | undefined>;
  readonly #wake: (key: string) => void;

  /** `getMachine` resolves to undefined when no call was made. */
  constructor(
    clock: Clock,
    subscriptions: Subscriptions,
    getMachine: (id: ProviderId, reader: Subscription) => Promise<MachineResult | undefined>,
    wake: (key: string) => void,
  ) {
    this.#clock = clock;
    this.#subscriptions = subscriptions;
    this.#getMachine = getMachine;
    this.#wake = wake;
  }

  /** The result of a read that started at or after `notBefore`, or that was not returned yet; undefined without one. */
  known(key: string, id: ProviderId, notBefore: number): MachineResult | undefined {
    const read = this.#subscriptions.get(key)?.read;
    if (read?.result === undefined || read.id !== id) return undefined;
    const { result, answeredAt, isUnconsumed } = read;
    read.isUnconsumed = false;
    if (isUnconsumed) return result;
    const isFresh = result.outcome.ok
      ? result.startedAt >= notBefore
      : this.#clock.monotonic() - answeredAt < failureKeptFor;
    return isFresh ? result : undefined;
  }

  /** Reads the machine, unless a read is in flight, and wakes `key` when the read ends. */
  start(key: string, id: ProviderId): void {
    const record = this.#subscriptions.of(key);
    if (record.read?.id !== id)
      record.read = { id, isInFlight: false, result: undefined, answeredAt: 0, isUnconsumed: false };
    if (!record.read.isInFlight) void this.#run(record, record.read);
  }

  /** Forgets the reads of machines that a list shows: they are older than the next absence. */
  forgetListed(isListed: (id: ProviderId) => boolean): void {
    for (const record of this.#subscriptions.records())
      if (record.read !== undefined && isListed(record.read.id)) record.read = undefined;
  }

  async #run(record: Subscription, read: SingleRead): Promise<void> {
    read.isInFlight = true;
    const result = await this.#getMachine(read.id, record);
    read.isInFlight = false;
    if (record.read !== read) return;
    if (result !== undefined) {
      read.result = result;
      read.answeredAt = this.#clock.monotonic();
      read.isUnconsumed = true;
    }
    this.#wake(record.key);
  }
}

const catalogKeptFor = 10 * 60_000;

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
    this.#kept = { outcome, until: this.#clock.monotonic() + (outcome.ok ? catalogKeptFor : failureKeptFor) };
    const waiting = [...this.#subscriptions.records()].filter(({ awaitsCatalog }) => awaitsCatalog);
    for (const record of waiting) record.awaitsCatalog = false;
    for (const { key } of waiting) this.#wake(key);
  }
}
