import type { Clock } from '../../../domain/clock.ts';
import type { Machine, ProviderId } from '../../../domain/machine.ts';
import type { TimedRead } from '../account.ts';

/** A failure is returned again for a short time, so that reconciliations in quick succession don't each read. */
const failureKeptFor = 5_000;

type MachineResult = TimedRead<Machine | undefined>;

interface MachineRead {
  readonly id: ProviderId;
  isInFlight: boolean;
  result: MachineResult | undefined;
  answeredAt: number;
  /** Whether the result was not returned yet. */
  isUnconsumed: boolean;
}

/**
 * The newest read of a single machine for each key. A read doesn't block: its key is woken when it ends, and calls
 * `known` again. A result is returned once even if it is older than requested by then: otherwise lists that are faster
 * than reads would outdate every result.
 */
export class MachineReads {
  readonly #clock: Clock;
  readonly #getMachine: (id: ProviderId, key: string) => Promise<MachineResult | undefined>;
  readonly #wake: (key: string) => void;
  readonly #byKey = new Map<string, MachineRead>();

  /** `getMachine` resolves to undefined when no call was made. */
  constructor(
    clock: Clock,
    getMachine: (id: ProviderId, key: string) => Promise<MachineResult | undefined>,
    wake: (key: string) => void,
  ) {
    this.#clock = clock;
    this.#getMachine = getMachine;
    this.#wake = wake;
  }

  /** The result of a read that started at or after `notBefore`, or that was not returned yet; undefined without one. */
  known(key: string, id: ProviderId, notBefore: number): MachineResult | undefined {
    const read = this.#byKey.get(key);
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
    const known = this.#byKey.get(key);
    const read =
      known?.id === id ? known : { id, isInFlight: false, result: undefined, answeredAt: 0, isUnconsumed: false };
    if (read.isInFlight) return;
    this.#byKey.set(key, read);
    void this.#run(key, read);
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  /** Forgets the reads of machines that a list shows: they are older than the next absence. */
  forgetListed(isListed: (id: ProviderId) => boolean): void {
    for (const [key, { id }] of this.#byKey) if (isListed(id)) this.#byKey.delete(key);
  }

  async #run(key: string, read: MachineRead): Promise<void> {
    read.isInFlight = true;
    const result = await this.#getMachine(read.id, key);
    read.isInFlight = false;
    if (this.#byKey.get(key) !== read) return;
    if (result !== undefined) {
      read.result = result;
      read.answeredAt = this.#clock.monotonic();
      read.isUnconsumed = true;
    }
    this.#wake(key);
  }
}
