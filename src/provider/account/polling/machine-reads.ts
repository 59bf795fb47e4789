import type { Clock } from '../../../domain/clock.ts';
import type { ProviderId } from '../../../domain/machine.ts';
import type { MachineRead, Subscription, Subscriptions } from '../subscriptions.ts';

/** A failure is returned again for a short time, so that reconciliations in quick succession don't each read. */
const failureKeptFor = 5_000;

type MachineResult = NonNullable<MachineRead['result']>;

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

  async #run(record: Subscription, read: MachineRead): Promise<void> {
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
