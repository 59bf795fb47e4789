import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachineSpec } from '../../../src/api/v1alpha1/types.ts';
import { failed, type Outcome, succeeded } from '../../../src/domain/failure.ts';
import type { MachineState } from '../../../src/domain/machine.ts';
import { createManualClock, type ManualClock } from '../../support/clock.ts';
import { usualSpec } from './operator.ts';
import { createWorld, type World } from './world.ts';

export const minute = 60_000;

type Call = 'Start' | 'Stop' | 'Restart' | 'Kill';

/** What happens to the next power call: its answer is lost, before or after its effect, or the provider is busy. */
export type Accident = 'LostBefore' | 'LostAfter' | 'Busy';

/** How a guest follows the shutdown signal: the provider shows it running for `after`, then halting for `takes` (seconds). */
export type Guest = { readonly after: number; readonly takes: number } | 'Ignores' | 'Hangs';

/** All that decides which power state is wanted, and how the operator may reach it. */
export interface Wanted {
  readonly powerState: 'Running' | 'Halted';
  readonly mode: 'TrySoft' | 'Soft' | 'Hard';
  readonly grace: number;
  readonly drift: 'Correct' | 'Report';
  readonly policy: 'Manage' | 'Plan' | 'Observe';
  /** Minutes of each hour. */
  readonly window: readonly [from: number, to: number] | undefined;
  /** Epoch milliseconds. */
  readonly keepUntil: number | undefined;
  readonly isPaused: boolean;
  readonly isForced: boolean;
  readonly restarts: number;
}

interface Entry {
  /** Monotonic, as all times of the ledger. */
  readonly at: number;
  readonly call: Call | 'GuestHalt';
  readonly by: 'Operator' | 'User' | 'Guest';
  readonly state: MachineState;
  readonly isAccepted: boolean;
  readonly accident: Accident | undefined;
}

/** How long a change of the object may take to reach a call that was just decided. */
const reaction = 2_000;

const initial: Wanted = {
  powerState: 'Running',
  mode: 'TrySoft',
  grace: 60,
  drift: 'Correct',
  policy: 'Manage',
  window: undefined,
  keepUntil: undefined,
  isPaused: false,
  isForced: false,
  restarts: 0,
};

/** One VM whose power the spec, a schedule, its guest and users at the provider change, and the operator that manages it. */
export class PowerLife {
  readonly clock: ManualClock;
  readonly ledger: Entry[] = [];
  /** What was wanted since when. */
  readonly history: { readonly at: number; readonly wanted: Wanted }[] = [{ at: 0, wanted: initial }];
  /** Times at which what is wanted changed between running and halted, by the spec or the schedule. */
  readonly flips: { readonly at: number; readonly state: 'Running' | 'Halted' }[] = [];
  /** Violations, with their times. */
  readonly faults: string[] = [];
  guest: Guest = { after: 0, takes: 5 };
  accidents: Accident[] = [];
  /** `begin` sets it, because the world calls back into the life. */
  world!: World;
  #cancel: (() => void)[] = [];
  #downSince = Infinity;
  #isFollowing = false;
  #lastUp = 0;
  /** When the operator was killed: a signal that was just accepted isn't on record. */
  readonly #killedAt: number[] = [];
  /** The VM was changed at the provider while it was in sync and drift is to be reported only. */
  #isReportOnly = false;
  lastUserAction = -Infinity;
  lastGuestHalt = -Infinity;
  /** When the VM last changed its state. */
  lastMove = 0;

  private constructor(clock: ManualClock) {
    this.clock = clock;
  }

  static async begin(): Promise<PowerLife> {
    const life = new PowerLife(createManualClock());
    life.world = await life.#operator();
    life.world.apply('web', { powerOff: { mode: initial.mode, gracePeriodSeconds: initial.grace } });
    await life.advance(5 * minute);
    return life;
  }

  #operator(beside?: World): Promise<World> {
    const { clock } = this;
    const power = (call: Call) => (): Promise<Outcome<void>> => this.#byOperator(call);
    return createWorld(
      {},
      {
        clock,
        ...(beside === undefined ? {} : { beside }),
        withoutBystanders: 'one VM is all that happens',
        through: (provider) => ({
          ...provider,
          startMachine: power('Start'),
          stopMachine: power('Stop'),
          restartMachine: power('Restart'),
          killMachine: power('Kill'),
        }),
      },
    );
  }

  get wanted(): Wanted {
    return this.history.at(-1)?.wanted ?? initial;
  }

  get id(): number {
    return this.world.cluster.machine('web')?.status?.id ?? 1;
  }

  get state(): MachineState {
    return this.world.fakeProvider.machines.get(this.id)?.state ?? 'Unknown';
  }

  /** The power state that the object wants at this time (epoch milliseconds). */
  wantedState(wanted = this.wanted, at = this.clock.now()): 'Running' | 'Halted' {
    return this.isHaltedBySchedule(wanted, at) ? 'Halted' : wanted.powerState;
  }

  isHaltedBySchedule({ powerState, window, keepUntil }: Wanted, at: number): boolean {
    if (window === undefined || powerState === 'Halted' || (keepUntil ?? 0) > at) return false;
    const inHour = (at / minute) % 60;
    return inHour >= window[0] && inHour < window[1];
  }

  /** Time passes in steps, because what is wanted changes with it. */
  async advance(milliseconds: number): Promise<void> {
    let left = milliseconds;
    while (left > 0) {
      const step = Math.min(left, 10_000);
      await this.clock.advance(step);
      left -= step;
      this.#noteFlip();
    }
  }

  #noteFlip(): void {
    const state = this.wantedState();
    if (this.flips.at(-1)?.state === state) return;
    this.flips.push({ at: this.clock.monotonic(), state });
    this.#isReportOnly = false;
  }

  change(more: Partial<Wanted>): void {
    const before = this.wanted;
    const wanted = { ...before, ...more };
    this.history.push({ at: this.clock.monotonic(), wanted });
    this.#isReportOnly = false;
    this.#noteFlip();
    const { powerState, mode, grace, drift, policy, window, keepUntil, isPaused, isForced, restarts } = wanted;
    this.world.cluster.change('web', {
      metadata: {
        annotations: {
          [annotations.keepRunningUntil]: keepUntil === undefined ? null : new Date(keepUntil).toISOString(),
          [annotations.paused]: isPaused ? 'true' : null,
          [annotations.forcePowerOff]: isForced ? 'true' : null,
        },
      },
      spec: {
        ...usualSpec,
        powerState,
        powerOff: { mode, gracePeriodSeconds: grace },
        powerDriftPolicy: drift,
        managementPolicy: policy,
        powerSchedule:
          window === undefined
            ? null
            : { timeZone: 'UTC', halted: [{ from: `${window[0]} * * * *`, to: `${window[1]} * * * *` }] },
        ...(restarts === 0 ? {} : { restartRequest: `request ${restarts}` }),
      } satisfies Omit<VirtualMachineSpec, 'powerSchedule'> & { powerSchedule: unknown },
    });
  }

  async restartOperator(): Promise<void> {
    this.#killedAt.push(this.clock.monotonic());
    await this.world.restart();
  }

  async stopOperatorFor(milliseconds: number): Promise<void> {
    // A call in flight ends first.
    const stopped = this.world.stop();
    await this.advance(milliseconds);
    await stopped;
    this.world = await this.#operator(this.world);
  }

  /** A user of the provider's console. */
  byUser(call: Call): void {
    this.#noteForeign();
    const isAccepted = this.#carryOut(call);
    this.#log(call, 'User', isAccepted, undefined);
    if (isAccepted) this.lastUserAction = this.clock.monotonic();
  }

  /** Whether the operator has nothing left to do about the power. */
  isInSync(): boolean {
    const { status } = this.world.cluster.machine('web') ?? {};
    return this.ready?.status === 'True' && status?.operation === undefined && this.state === this.wantedState();
  }

  #noteForeign(): void {
    const { drift, policy, isPaused } = this.wanted;
    const isCalm = this.clock.monotonic() - (this.history.at(-1)?.at ?? 0) > 30_000;
    this.#isReportOnly ||= isCalm && drift === 'Report' && policy === 'Manage' && !isPaused && this.isInSync();
  }

  haltByItself(): void {
    if (this.state !== 'Running') return;
    this.#noteForeign();
    this.ledger.push({
      at: this.clock.monotonic(),
      call: 'GuestHalt',
      by: 'Guest',
      state: 'Running',
      isAccepted: true,
      accident: undefined,
    });
    this.lastGuestHalt = this.clock.monotonic();
    this.#reset();
    this.#move('Halted');
  }

  /** A guest that hangs in the shutdown that a user began: only that user's console helps. */
  endHang(): void {
    if (this.state === 'Halting' && this.ledger.findLast(({ isAccepted }) => isAccepted)?.by === 'User')
      this.#move('Halted');
  }

  async #byOperator(call: Call): Promise<Outcome<void>> {
    const operation = `${call}Machine` as const;
    const accident = this.accidents.shift();
    await this.#pass(5);
    const before = this.state;
    const isAccepted =
      accident === 'LostBefore' || accident === 'Busy' ? false : this.#carryOut(call, 'Operator', accident);
    if (!isAccepted) this.#log(call, 'Operator', false, accident, before);
    await this.#pass(5);
    if (accident === 'LostBefore' || accident === 'LostAfter')
      return failed({ operation, class: 'UnknownOutcome', code: 'Timeout', text: '' });
    return isAccepted
      ? succeeded(undefined)
      : failed({ operation, class: 'Wait', code: 'Busy', status: 406, text: '' });
  }

  #log(call: Call, by: Entry['by'], isAccepted: boolean, accident: Accident | undefined, state = this.state): void {
    this.ledger.push({ at: this.clock.monotonic(), call, by, state, isAccepted, accident });
  }

  #carryOut(call: Call, by: 'User' | 'Operator' = 'User', accident?: Accident): boolean {
    const from: Readonly<Record<Call, readonly MachineState[]>> = {
      Start: ['Halted'],
      Stop: ['Running'],
      Restart: ['Running'],
      Kill: ['Running', 'Halting'],
    };
    const { state } = this;
    if (!from[call].includes(state)) return false;
    if (by === 'Operator') {
      this.#judge(call, state);
      this.#log(call, by, true, accident, state);
    }
    this.world.fakeProvider.set(this.id, { updatedAt: new Date(this.clock.now()).toISOString() });
    switch (call) {
      case 'Start':
        this.#reset();
        this.#later(5_000, () => this.#move('Starting'));
        this.#later(9_000, () => this.#move('Running'));
        return true;
      case 'Kill':
        this.#reset();
        this.#later(1_500, () => this.#move('Halted'));
        return true;
      case 'Restart':
        this.#reset();
        this.#later(1_000, () => this.#move('Halting'));
        this.#later(6_000, () => this.#move('Halted'));
        this.#later(8_000, () => this.#move('Starting'));
        this.#later(12_000, () => this.#move('Running'));
        return true;
      case 'Stop':
        this.#follow();
        return true;
    }
  }

  #follow(): void {
    const { guest } = this;
    if (guest === 'Ignores' || this.#isFollowing) return;
    this.#isFollowing = true;
    const after = guest === 'Hangs' ? 0 : guest.after * 1_000;
    this.#later(after + 500, () => this.#move('Halting'));
    if (guest !== 'Hangs') this.#later(after + 500 + guest.takes * 1_000, () => this.#move('Halted'));
  }

  #reset(): void {
    this.#isFollowing = false;
    for (const cancel of this.#cancel) cancel();
    this.#cancel = [];
  }

  #later(after: number, callback: () => void): void {
    this.#cancel.push(this.clock.schedule(after, callback));
  }

  #pass(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.clock.schedule(milliseconds, resolve));
  }

  #move(state: MachineState): void {
    const now = this.clock.monotonic();
    this.lastMove = now;
    if (state === 'Halting') this.#downSince = now;
    if (state === 'Halted') this.#reset();
    if (state === 'Starting') this.#lastUp = now;
    if (state !== 'Halting') this.#downSince = Infinity;
    this.world.fakeProvider.set(this.id, { state });
  }

  /** What was wanted in the last moments. */
  recently(): readonly Wanted[] {
    const since = this.clock.monotonic() - reaction;
    const from = this.history.findLastIndex(({ at }) => at <= since);
    return this.history.slice(Math.max(0, from)).map(({ wanted }) => wanted);
  }

  recentStates(): readonly string[] {
    const now = this.clock.now();
    return this.recently().flatMap((wanted) => [
      this.wantedState(wanted, now),
      this.wantedState(wanted, now - reaction),
    ]);
  }

  fault(text: string): void {
    this.faults.push(`${Math.round(this.clock.monotonic() / 100) / 10} s: ${text}`);
  }

  /** Holds a call of the operator that the provider is about to carry out against what is wanted. */
  #judge(call: Call, state: MachineState): void {
    this.#noteFlip();
    const states = this.recentStates();
    if (!this.recently().some(({ policy, isPaused }) => policy === 'Manage' && !isPaused))
      this.fault(`${call} without leave`);
    if (this.#isReportOnly) this.fault(`${call} although drift is to be reported only`);
    if ((call === 'Start' || call === 'Restart') && !states.includes('Running'))
      this.fault(`${call} of what is to be halted`);
    switch (call) {
      case 'Start':
        return;
      case 'Restart':
        return this.#judgeRestart();
      case 'Stop':
        return this.#judgeStop(states);
      case 'Kill':
        return this.#judgeKill(states, state);
    }
  }

  /** Signals that the provider accepted since the VM was last started. */
  #signals(): readonly Entry[] {
    return this.ledger.filter(({ call, isAccepted, at }) => call === 'Stop' && isAccepted && at >= this.#lastUp);
  }

  #judgeRestart(): void {
    const restarts = this.ledger.filter(
      ({ call, by, isAccepted }) => call === 'Restart' && by === 'Operator' && isAccepted,
    );
    if (restarts.length >= this.wanted.restarts) this.fault('another Restart for one request');
  }

  #judgeStop(states: readonly string[]): void {
    if (!states.includes('Halted')) this.fault('Stop of what is to run');
    if (this.recently().some(({ mode }) => mode !== 'TrySoft')) return;
    const since = Math.max(this.haltedSince(), this.clock.monotonic() - 60 * minute);
    const before = this.#signals().findLast(
      ({ by, at, accident }) => by === 'Operator' && at >= since && accident === undefined && !this.hasLostRecord(at),
    );
    if (before !== undefined) this.fault(`a second signal after that at ${before.at / 1_000} s`);
  }

  #judgeKill(states: readonly string[], state: MachineState): void {
    const recently = this.recently();
    const signals = this.#signals();
    const isForced = recently.some((wanted) => wanted.isForced);
    const endsShutdown = state === 'Halting' && (isForced || signals.some(({ by }) => by === 'Operator'));
    if (!states.includes('Halted') && !endsShutdown) this.fault('Kill of what is to run');
    if (isForced || recently.some(({ mode }) => mode === 'Hard')) return;
    if (recently.every(({ mode }) => mode === 'Soft')) this.fault('Kill in mode Soft');
    const shortest = Math.min(...recently.map(({ grace }) => grace)) * 1_000;
    const episode = this.haltedSince();
    const began = Math.min(signals.find(({ at }) => at >= episode)?.at ?? Infinity, this.#downSince);
    const lasted = this.clock.monotonic() - began;
    // The provider shows the VM halting half a second after the signal.
    if (lasted < shortest - 500) this.fault(`Kill ${lasted / 1_000} s after the begin of the shutdown`);
  }

  /** Whether the operator was killed between a call and its record, as it may be. */
  hasLostRecord(at?: number): boolean {
    const calls = at === undefined ? this.ledger.filter(({ by }) => by === 'Operator').map((call) => call.at) : [at];
    return calls.some((call) => this.#killedAt.some((killed) => Math.abs(killed - call) < 50));
  }

  /** When it was last to be halted from then on; with a moment before in which the operator may already know. */
  haltedSince(): number {
    const last = this.flips.findLast(({ state }) => state === 'Halted');
    return (last?.at ?? this.clock.monotonic()) - reaction;
  }

  get ready() {
    return this.world.condition('web', 'Ready');
  }
}
