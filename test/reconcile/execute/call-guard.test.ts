import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/domain/secret.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import { plan } from '../../../src/plan/plan.ts';
import type { Account } from '../../../src/provider/account/account.ts';
import { ObjectState } from '../../../src/reconcile/object-state.ts';
import { createCallGuard } from '../../../src/reconcile/execute/call-guard.ts';
import type { KeyLookup } from '../../../src/reconcile/credentials.ts';
import { silentLog } from '../../../src/telemetry/log.ts';
import { machineIn, type ObservedOptions, observedWith, uid } from '../../plan/fixtures.ts';
import { createManualClock } from '../../support/clock.ts';

const key = 'default/web';
const stopping: ObservedOptions = { id: 90, machine: 'Running', spec: { powerState: 'Halted' } };
const creating: ObservedOptions = {};
const site: ObservedOptions = { spec: { providerName: 'site' } };
const found: KeyLookup = { kind: 'Found', apiKey: new Secret('planted-key-guard'), version: '1', isDefault: false };

/** A call that was decided on, and everything that may change until it gets its slot. */
class Room {
  readonly clock = createManualClock();
  readonly calls: string[] = [];
  readonly reports: string[] = [];
  readonly objectState = new ObjectState(uid, 0);
  readonly observed: ReturnType<typeof observedWith>;
  readonly decision: ReturnType<typeof plan>;
  cached: VirtualMachine | undefined;
  isLeader = true;
  lookup: KeyLookup = found;
  isOtherAccount = false;
  named: readonly object[] = [];
  shown: ReturnType<typeof machineIn> | undefined;
  listedAt = 0;
  hasSlot = true;
  /** What runs when the records of the call are stored. */
  beforeCall: (() => Promise<boolean>) | undefined = () => Promise.resolve(true);
  /** How long the provider takes to respond, in milliseconds. */
  responseTime = 0;
  waiting: AbortSignal | undefined;
  readonly #slot = Promise.withResolvers<void>();

  constructor(given: ObservedOptions) {
    this.observed = observedWith(given);
    this.decision = plan(this.observed);
    this.cached = this.observed.object;
    this.shown = this.observed.machine.kind === 'Present' ? this.observed.machine.machine : undefined;
  }

  /** Starts the call; it waits for its slot until `getSlot`. Resolves with whether it was sent. */
  start(): Promise<boolean> {
    // `as`: the guard uses nothing else of an account.
    const account = new FakeAccount(this, this.#slot.promise) as unknown as Account;
    const guard = createCallGuard(
      {
        clock: this.clock,
        log: silentLog,
        fence: () => this.isLeader,
        cache: { get: () => this.cached },
        reactionLatency: { observeCall: (object) => this.calls.push(`observe ${object}`) },
        credentials: { lookup: () => Promise.resolve(this.lookup) },
        accountLimits: { pausedBy: () => undefined },
        accountFor: () => (this.isOtherAccount ? ({} as Account) : account),
      },
      {
        reportUnanswered: (): Promise<void> => {
          this.reports.push('unanswered');
          return Promise.resolve();
        },
      },
    );
    const guarded = guard(account, this.observed, this.decision, this.objectState, (wait) => wait);
    const call = async (): Promise<{ readonly ok: true; readonly value: undefined }> => {
      this.calls.push('call');
      if (this.responseTime > 0) await new Promise<void>((resolve) => this.clock.schedule(this.responseTime, resolve));
      return { ok: true, value: undefined };
    };
    // `as`: the fake account ignores for which VM the call is.
    const answered = guarded.write(
      {} as Parameters<typeof guarded.write>[0],
      call,
      this.beforeCall && (() => this.beforeCall?.() ?? Promise.resolve(true)),
    );
    return answered.then((outcome) => outcome !== undefined);
  }

  getSlot(): void {
    this.#slot.resolve();
  }
}

class FakeAccount {
  readonly ownerId = 1;
  readonly #room: Room;
  readonly #slot: Promise<void>;

  constructor(room: Room, slot: Promise<void>) {
    this.#room = room;
    this.#slot = slot;
  }

  get snapshot(): object {
    return { answeredAt: this.#room.listedAt, byName: () => this.#room.named };
  }

  cachedMachine(): object | undefined {
    return this.#room.shown && { machine: this.#room.shown };
  }

  get recreations(): object {
    return { use: () => this.#room.hasSlot };
  }

  async write(
    { signal }: { readonly signal: AbortSignal },
    call: (provider: object) => Promise<unknown>,
    before: () => Promise<boolean>,
  ): Promise<unknown> {
    this.#room.waiting = signal;
    await Promise.race([this.#slot, aborted(signal)]);
    return !signal.aborted && (await before()) ? call({}) : undefined;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

const changed = (room: Room): void => {
  const { object } = room.observed;
  room.cached = { ...object, metadata: { ...object.metadata, resourceVersion: '8' } };
};

describe('a call that gets its slot', () => {
  it.each([
    { what: 'a power call', given: stopping },
    { what: 'a create', given: creating },
    { what: 'a create of a chosen name', given: site },
    { what: 'a delete', given: { id: 90, machine: 'Halted', deleting: true } },
  ] as const)('is sent if nothing has changed: $what', async ({ given }) => {
    const room = new Room(given);
    const sent = room.start();
    room.getSlot();
    expect(await sent).toBe(true);
    expect(room.calls).toEqual([`observe ${key}`, 'call']);
  });

  it.each<{ readonly what: string; readonly given: ObservedOptions; readonly change: (room: Room) => void }>([
    { what: 'the process is not the leader', given: stopping, change: (room) => (room.isLeader = false) },
    { what: 'the object was changed', given: stopping, change: changed },
    { what: 'the object was deleted', given: creating, change: (room) => (room.cached = undefined) },
    { what: 'the VM is in another state', given: stopping, change: (room) => (room.shown = machineIn('Halted')) },
    { what: 'lists lack the VM', given: stopping, change: (room) => (room.shown = undefined) },
    { what: 'a VM has the name of the one to create', given: creating, change: (room) => (room.named = [{}]) },
    {
      what: 'the recorded VM is back',
      given: { id: 90, machine: 'Absent' },
      change: (room) => (room.shown = machineIn('Halted')),
    },
    { what: 'the list that showed a chosen name free is old', given: site, change: (room) => (room.listedAt = -5_001) },
    { what: 'the key is of another account', given: stopping, change: (room) => (room.isOtherAccount = true) },
    {
      what: 'the key is gone',
      given: stopping,
      change: (room) => (room.lookup = { kind: 'Missing', message: 'no Secret' } as KeyLookup),
    },
    {
      what: 'the account allows no further recreation yet',
      given: { id: 90, machine: 'Absent', observed: { recreation: { id: 90, dueAt: 0 } } },
      change: (room) => (room.hasSlot = false),
    },
    {
      what: 'its records could not be stored',
      given: stopping,
      change: (room) => (room.beforeCall = () => Promise.resolve(false)),
    },
    {
      what: 'leadership ended while its records were stored',
      given: stopping,
      change: (room) =>
        (room.beforeCall = () => {
          room.isLeader = false;
          return Promise.resolve(true);
        }),
    },
  ])('is not sent if $what', async ({ given, change }) => {
    const room = new Room(given);
    const sent = room.start();
    change(room);
    room.getSlot();
    expect(await sent).toBe(false);
    expect(room.calls).toEqual([]);
  });

  it('is not sent if it needs no record and the process is not the leader', async () => {
    const room = new Room(stopping);
    room.beforeCall = undefined;
    const sent = room.start();
    room.isLeader = false;
    room.getSlot();
    expect(await sent).toBe(false);
  });

  it('is sent for a deletion although the key left the Secret', async () => {
    const room = new Room({ id: 90, machine: 'Halted', deleting: true });
    room.isOtherAccount = true;
    const sent = room.start();
    room.getSlot();
    expect(await sent).toBe(true);
  });

  it('is sent for a new VM that no list has shown yet', async () => {
    const room = new Room(stopping);
    room.shown = undefined;
    const sent = room.start();
    room.getSlot();
    expect(await sent).toBe(true);
  });

  it('needs no recent list if the name is the object’s own', async () => {
    const room = new Room(creating);
    room.listedAt = -5_001;
    const sent = room.start();
    room.getSlot();
    expect(await sent).toBe(true);
  });
});

describe('a call that waits for its slot', () => {
  it('is canceled when the object changes, and not by a check that finds it unchanged', async () => {
    const room = new Room(stopping);
    const sent = room.start();
    room.objectState.abortOutdated?.();
    expect(room.waiting?.aborted).toBe(false);
    changed(room);
    room.objectState.abortOutdated?.();
    expect(await sent).toBe(false);
    expect(room.objectState.abortOutdated).toBeUndefined();
    expect(room.clock.pending).toBe(0);
  });

  it('is given up after a second, so that the wait is reported', async () => {
    const room = new Room(stopping);
    const sent = room.start();
    await room.clock.advance(999);
    expect([room.waiting?.aborted, room.objectState.queueing]).toEqual([false, undefined]);
    await room.clock.advance(1);
    expect([await sent, room.objectState.queueing]).toEqual([false, 'Unreported']);
  });

  it('keeps its place in the queue once the wait is reported, which ends when it is sent', async () => {
    const room = new Room(stopping);
    room.objectState.queueing = 'Reported';
    const sent = room.start();
    await room.clock.advance(60_000);
    expect([room.waiting?.aborted, room.objectState.queueing]).toEqual([false, 'Reported']);
    room.getSlot();
    expect([await sent, room.objectState.queueing]).toEqual([true, undefined]);
  });
});

describe('a call without a response', () => {
  it.each([
    { responseTime: 999, reports: [] },
    { responseTime: 1_001, reports: ['unanswered'] },
  ])('is reported after a second: $responseTime ms', async ({ responseTime, reports }) => {
    const room = new Room(stopping);
    room.responseTime = responseTime;
    const sent = room.start();
    room.getSlot();
    await room.clock.advance(2_000);
    expect([await sent, room.reports]).toEqual([true, reports]);
  });
});
