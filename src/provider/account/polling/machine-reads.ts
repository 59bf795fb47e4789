import type { Clock } from '../../../domain/clock.ts';
import type { Machine, ProviderId } from '../../../domain/machine.ts';
import type { Timed } from '../account.ts';

/** A failure is answered again for a moment, so that passes in quick succession do not each read. */
const failureKeptFor = 5_000;

type Answer = Timed<Machine | undefined>;

interface LookUp {
  readonly id: ProviderId;
  isUnderWay: boolean;
  answer: Answer | undefined;
  answeredAt: number;
  /** Whether nobody has had the answer yet. */
  isOwed: boolean;
}

/**
 * Single machines as keys look them up, one for each key. Nobody waits for a read: its key is told when it is there,
 * and asks again. An answer is given once even if newer ones are asked for by then, because lists that come faster than
 * answers would otherwise outdate them all.
 */
export class LookUps {
  readonly #clock: Clock;
  readonly #read: (id: ProviderId, key: string) => Promise<Answer | undefined>;
  readonly #tell: (key: string) => void;
  readonly #byKey = new Map<string, LookUp>();

  /** `read` answers undefined when no call was made. */
  constructor(
    clock: Clock,
    read: (id: ProviderId, key: string) => Promise<Answer | undefined>,
    tell: (key: string) => void,
  ) {
    this.#clock = clock;
    this.#read = read;
    this.#tell = tell;
  }

  /** What is known without a call: the answer of a read that started at or after `notBefore`, or was never given. */
  known(key: string, id: ProviderId, notBefore: number): Answer | undefined {
    const lookUp = this.#byKey.get(key);
    if (lookUp?.answer === undefined || lookUp.id !== id) return undefined;
    const { answer, answeredAt, isOwed } = lookUp;
    lookUp.isOwed = false;
    if (isOwed) return answer;
    const isFresh = answer.outcome.ok
      ? answer.startedAt >= notBefore
      : this.#clock.monotonic() - answeredAt < failureKeptFor;
    return isFresh ? answer : undefined;
  }

  /** Reads it, unless that is under way; `key` is told when there is something to ask for. */
  start(key: string, id: ProviderId): void {
    const known = this.#byKey.get(key);
    const lookUp =
      known?.id === id ? known : { id, isUnderWay: false, answer: undefined, answeredAt: 0, isOwed: false };
    if (lookUp.isUnderWay) return;
    this.#byKey.set(key, lookUp);
    void this.#carryOut(key, lookUp);
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }

  /** A list shows machines: what was answered before it is nothing to judge their next absence by. */
  forgetListed(isListed: (id: ProviderId) => boolean): void {
    for (const [key, { id }] of this.#byKey) if (isListed(id)) this.#byKey.delete(key);
  }

  async #carryOut(key: string, lookUp: LookUp): Promise<void> {
    lookUp.isUnderWay = true;
    const answer = await this.#read(lookUp.id, key);
    lookUp.isUnderWay = false;
    if (this.#byKey.get(key) !== lookUp) return;
    if (answer !== undefined) {
      lookUp.answer = answer;
      lookUp.answeredAt = this.#clock.monotonic();
      lookUp.isOwed = true;
    }
    this.#tell(key);
  }
}
