import type { Clock } from '../../../domain/clock.ts';
import type { Machine, ProviderId } from '../../../domain/machine.ts';
import type { TimedRead } from '../account.ts';

/** A failure is answered again for a moment, so that passes in quick succession do not each read. */
const failureKeptFor = 5_000;

type MachineResult = TimedRead<Machine | undefined>;

interface MachineRead {
  readonly id: ProviderId;
  isInFlight: boolean;
  result: MachineResult | undefined;
  answeredAt: number;
  /** Whether nobody has had the answer yet. */
  isUnconsumed: boolean;
}

/**
 * Single machines as keys look them up, one for each key. Nobody waits for a read: its key is told when it is there,
 * and asks again. An answer is given once even if newer ones are asked for by then, because lists that come faster than
 * answers would otherwise outdate them all.
 */
export class MachineReads {
  readonly #clock: Clock;
  readonly #getMachine: (id: ProviderId, key: string) => Promise<MachineResult | undefined>;
  readonly #wake: (key: string) => void;
  readonly #byKey = new Map<string, MachineRead>();

  /** `read` answers undefined when no call was made. */
  constructor(
    clock: Clock,
    getMachine: (id: ProviderId, key: string) => Promise<MachineResult | undefined>,
    wake: (key: string) => void,
  ) {
    this.#clock = clock;
    this.#getMachine = getMachine;
    this.#wake = wake;
  }

  /** What is known without a call: the answer of a read that started at or after `notBefore`, or was never given. */
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

  /** Reads it, unless that is under way; `key` is told when there is something to ask for. */
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

  /** A list shows machines: what was answered before it is nothing to judge their next absence by. */
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
