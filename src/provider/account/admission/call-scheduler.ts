import type { Clock } from '../../../domain/clock.ts';
import type { Bucket } from './token-bucket.ts';

/** What calls are for, the more urgent first: what ends a machine or its power, power, new machines, reads. */
export const lanes = ['Remove', 'Power', 'Create', 'Read', 'List'] as const;
export type Lane = (typeof lanes)[number];

/** One turn in so many goes to the lane that has waited longest for one, so that none starves. */
const sharedTurn = 4;

export interface TurnsOptions {
  readonly bucket: Bucket;
  /** Calls under way at a time, lists apart: there is only ever one of those, and it must not wait for calls that hang. */
  readonly maxInFlight: number;
  /** Whether only a list may go out for now; call `grant` when that is over. */
  readonly isHeld: () => boolean;
}

/**
 * Who may call next. Worked table, when all of these wait and a token comes:
 *
 * | waits                                                   | has the turn                                            |
 * | ------------------------------------------------------- | ------------------------------------------------------- |
 * | 1,000 creates, and a delete that came last              | the delete                                              |
 * | 1,000 creates of one namespace, one create of another   | one of each in turn: the one is second at most          |
 * | 1,000 deletes and a create                              | three deletes, then the create                          |
 * | 1,000 deletes, stops, creates, reads, and a list        | three deletes, a stop, three deletes, a create, …       |
 * | calls, but as many as may be are under way              | nobody, until one ends; a list goes out all the same    |
 * | calls, but the key is in doubt                          | a list only: it shows whether the key is accepted       |
 *
 * So a lane that waits has one in sixteen turns at least, and within it the groups take turns.
 */
export class Turns {
  readonly #clock: Clock;
  readonly #options: TurnsOptions;
  readonly #lanes = new Map<Lane, Line>(lanes.map((lane) => [lane, new Line()]));
  readonly #idle = Promise.withResolvers<void>();
  #inFlight = 0;
  #turn = 0;
  #isStopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, options: TurnsOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Calls under way now, lists apart. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** How many wait in each lane. */
  get waiting(): Readonly<Record<Lane, number>> {
    // The map has exactly the lanes.
    return Object.fromEntries([...this.#lanes].map(([lane, line]) => [lane, line.size])) as Record<Lane, number>;
  }

  /**
   * Waits for a turn. True: call now, and `end` it. False: turned away, stopped, or `signal` was aborted before the turn
   * came. `group` is who shares with others.
   */
  async take(lane: Lane, group: string, signal?: AbortSignal): Promise<boolean> {
    if (this.#isStopped || signal?.aborted === true) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const line = this.#line(lane);
    const leave = (): void => {
      if (line.remove(group, resolve)) resolve(false);
    };
    signal?.addEventListener('abort', leave);
    line.add(group, resolve);
    this.grant();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', leave);
    }
  }

  /** The call of a turn in this lane has ended. */
  end(lane: Lane): void {
    if (lane !== 'List') this.#inFlight -= 1;
    this.grant();
    if (this.#isStopped && this.#inFlight === 0) this.#idle.resolve();
  }

  /** Grants what may be granted now. */
  grant(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (let lane = this.#next(); lane !== undefined; lane = this.#next()) {
      if (!this.#options.bucket.take()) {
        this.#cancelTimer = this.#clock.schedule(this.#options.bucket.nextIn, () => this.grant());
        return;
      }
      this.#turn += 1;
      if (lane !== 'List') this.#inFlight += 1;
      this.#line(lane).grant(this.#turn);
    }
  }

  /** Whoever waits gets no turn: it would not be soon. */
  turnAway(): void {
    for (const line of this.#lanes.values()) line.turnAway();
    this.grant();
  }

  /** Turns away who waits, and resolves when the last call has ended, lists apart. */
  stop(): Promise<void> {
    this.#isStopped = true;
    this.turnAway();
    if (this.#inFlight === 0) this.#idle.resolve();
    return this.#idle.promise;
  }

  #next(): Lane | undefined {
    const mayCall = this.#inFlight < this.#options.maxInFlight && !this.#options.isHeld();
    const waiting = lanes.filter((lane) => this.#line(lane).size > 0 && (mayCall || lane === 'List'));
    if ((this.#turn + 1) % sharedTurn !== 0) return waiting[0];
    let longest = waiting[0];
    for (const lane of waiting) {
      if (longest === undefined || this.#line(lane).lastTurn < this.#line(longest).lastTurn) longest = lane;
    }
    return longest;
  }

  #line(lane: Lane): Line {
    // There is one for each lane, from the beginning.
    return this.#lanes.get(lane) as Line;
  }
}

type Answer = (granted: boolean) => void;

/** Who waits in one lane: the groups in turn, and within a group in the order of asking. */
class Line {
  size = 0;
  /** The number of the last turn that the lane had. */
  lastTurn = 0;
  readonly #groups = new Map<string, Answer[]>();

  add(group: string, answer: Answer): void {
    const waiting = this.#groups.get(group);
    if (waiting === undefined) this.#groups.set(group, [answer]);
    else waiting.push(answer);
    this.size += 1;
  }

  /** Whether it was still in line. */
  remove(group: string, answer: Answer): boolean {
    const waiting = this.#groups.get(group) ?? [];
    const place = waiting.indexOf(answer);
    if (place === -1) return false;
    waiting.splice(place, 1);
    if (waiting.length === 0) this.#groups.delete(group);
    this.size -= 1;
    return true;
  }

  grant(turn: number): void {
    const [next] = this.#groups;
    if (next === undefined) return;
    const [group, waiting] = next;
    const answer = waiting.shift();
    this.#groups.delete(group);
    // At the end of the round.
    if (waiting.length > 0) this.#groups.set(group, waiting);
    this.size -= 1;
    this.lastTurn = turn;
    answer?.(true);
  }

  turnAway(): void {
    const all = [...this.#groups.values()].flat();
    this.#groups.clear();
    this.size = 0;
    for (const answer of all) answer(false);
  }
}
