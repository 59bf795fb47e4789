import type { EmulatorClock } from './clock.ts';
import { isWrite, type Operation } from './operations.ts';
import { possibleMoves, type Command, type State } from './transitions.ts';

/**
 * How a call ended: its HTTP status, a connection error, or `open` while it is in progress. `abandoned`: the client
 * disconnected first.
 */
export type CallOutcome = number | 'open' | 'hang' | 'reset' | 'abandoned';

export interface CallEntry {
  readonly seq: number;
  /** Milliseconds since the epoch, by the emulator's clock. */
  readonly at: number;
  /** Milliseconds of the machine's monotonic clock, which all processes on it share. */
  readonly monotonic: number;
  /** The owner id of the account; undefined for an unknown key. */
  readonly account?: number;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
  readonly machineId?: number;
  readonly machineName?: string;
  readonly outcome: CallOutcome;
  /** The fault that was applied, as `when kind`. */
  readonly fault?: string;
}

/** The seq of the call that caused it, `panel` for the control panel, or `clock` for the VM by itself. */
export type Cause = number | 'panel' | 'clock';

interface EffectBase {
  readonly seq: number;
  readonly at: number;
  readonly account: number;
  readonly machineId: number;
  readonly machineName: string;
  readonly cause: Cause;
}

export type Effect = EffectBase &
  (
    | { readonly kind: 'created'; readonly to: State }
    | { readonly kind: 'transition'; readonly from: State; readonly to: State }
    | { readonly kind: 'deleted'; readonly from: State }
    /** Requested in a state that doesn't allow it, without effect. */
    | { readonly kind: 'refused'; readonly from: State; readonly command: Command }
  );

/** An `Effect` before the ledger numbers and timestamps it. */
export type EffectNote = Effect extends infer E ? (E extends Effect ? Omit<E, 'seq' | 'at'> : never) : never;

export interface LedgerMachine {
  readonly id: number;
  readonly name: string;
  readonly account: number;
  readonly createdAt: number;
  readonly cause: Cause;
}

/**
 * Every call and every effect in order, append-only. Tests and the demo's summary verify the operator with it. It
 * contains neither keys nor passwords.
 */
export class Ledger {
  readonly #clock: Pick<EmulatorClock, 'now' | 'monotonic'>;
  readonly #calls: CallEntry[] = [];
  readonly #effects: Effect[] = [];
  readonly #callIndex = new Map<number, number>();
  readonly #callsByOperation: Partial<Record<Operation, number>> = {};
  #seq = 0;

  constructor(clock: Pick<EmulatorClock, 'now' | 'monotonic'>) {
    this.#clock = clock;
  }

  /** Records a call that arrived; returns its seq. */
  called(call: Omit<CallEntry, 'seq' | 'at' | 'monotonic' | 'outcome'>): number {
    const seq = ++this.#seq;
    this.#callIndex.set(seq, this.#calls.length);
    this.#callsByOperation[call.operation] = (this.#callsByOperation[call.operation] ?? 0) + 1;
    this.#calls.push({ seq, at: this.#clock.now(), monotonic: this.#clock.monotonic(), ...call, outcome: 'open' });
    return seq;
  }

  /** Completes the record of a call. Only the first outcome counts. */
  ended(seq: number, known: { readonly outcome?: CallOutcome; readonly fault?: string }): void {
    const index = this.#callIndex.get(seq);
    const entry = index === undefined ? undefined : this.#calls[index];
    if (index === undefined || entry === undefined) return;
    const outcome = entry.outcome === 'open' ? (known.outcome ?? 'open') : entry.outcome;
    this.#calls[index] = { ...entry, ...known, outcome };
  }

  happened(effect: EffectNote): void {
    this.#effects.push({ seq: ++this.#seq, at: this.#clock.now(), ...effect });
  }

  get calls(): readonly CallEntry[] {
    return this.#calls;
  }

  get effects(): readonly Effect[] {
    return this.#effects;
  }

  /** The calls after the one with this seq. Searched from the end, because clients have read the others before. */
  callsSince(seq: number): readonly CallEntry[] {
    const last = this.#calls.findLastIndex((call) => call.seq <= seq);
    return this.#calls.slice(last + 1);
  }

  /** The number of calls of each operation; operations that were never called are missing. */
  callsByOperation(): Partial<Record<Operation, number>> {
    return { ...this.#callsByOperation };
  }

  /** Calls that create, delete or change power, whatever their result. */
  writes(): readonly CallEntry[] {
    return this.#calls.filter(({ operation }) => isWrite(operation));
  }

  /** VMs that ever existed, optionally of one name, in order of creation. */
  machinesEverCreated(name?: string): readonly LedgerMachine[] {
    return this.#effects
      .filter((effect) => effect.kind === 'created' && (name === undefined || effect.machineName === name))
      .map(({ machineId, machineName, account, at, cause }) => ({
        id: machineId,
        name: machineName,
        account,
        createdAt: at,
        cause,
      }));
  }

  /** VMs that were created and not deleted: those that are billed. */
  liveMachines(): readonly LedgerMachine[] {
    const deleted = new Set(this.#effects.filter(({ kind }) => kind === 'deleted').map(({ machineId }) => machineId));
    return this.machinesEverCreated().filter(({ id }) => !deleted.has(id));
  }

  /** Existing VMs that don't belong to any of the given names. */
  leaks(names: Iterable<string>): readonly LedgerMachine[] {
    const accounted = new Set(names);
    return this.liveMachines().filter(({ name }) => !accounted.has(name));
  }

  /** Names that two VMs of one account ever had at the same time. */
  duplicates(): readonly string[] {
    const live = new Map<string, number>();
    const found = new Set<string>();
    for (const { kind, account, machineName } of this.#effects) {
      const nameKey = `${account}/${machineName}`;
      if (kind === 'created') live.set(nameKey, (live.get(nameKey) ?? 0) + 1);
      if (kind === 'deleted') live.set(nameKey, (live.get(nameKey) ?? 0) - 1);
      if ((live.get(nameKey) ?? 0) > 1) found.add(machineName);
    }
    return [...found];
  }

  /** Requests in a state that doesn't allow them: power calls in transition, a delete of a running VM. */
  forbiddenTransitions(): readonly Effect[] {
    return this.#effects.filter(({ kind }) => kind === 'refused');
  }

  /**
   * Effects that contradict the provider's contract: an impossible transition, or a delete by a call while the VM is
   * not halted.
   */
  impossibleEffects(): readonly Effect[] {
    const states = new Map<number, State>();
    return this.#effects.filter((effect) => {
      const before = states.get(effect.machineId);
      if (effect.kind === 'created' || effect.kind === 'transition') states.set(effect.machineId, effect.to);
      switch (effect.kind) {
        case 'created':
          return before !== undefined;
        case 'transition':
          return before !== effect.from || !possibleMoves[effect.from].includes(effect.to);
        case 'deleted':
          states.delete(effect.machineId);
          return before !== effect.from || (effect.cause !== 'panel' && effect.from !== 'halted');
        case 'refused':
          return before !== effect.from;
      }
    });
  }

  toJSON(): { readonly calls: readonly CallEntry[]; readonly effects: readonly Effect[] } {
    return { calls: this.#calls, effects: this.#effects };
  }
}
