import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assertProperty } from '../support/property.ts';
import { type Accident, type Guest, minute, PowerLife, type Wanted } from './world/power-life.ts';

type Event =
  | { readonly type: 'Change'; readonly more: Partial<Wanted> }
  | { readonly type: 'Keep'; readonly minutes: number }
  | { readonly type: 'Restart' | 'OperatorRestart' | 'HaltByItself' }
  | { readonly type: 'OperatorDown'; readonly minutes: number }
  | { readonly type: 'User'; readonly call: 'Start' | 'Stop' | 'Restart' | 'Kill' }
  | { readonly type: 'Guest'; readonly guest: Guest }
  | { readonly type: 'Clock'; readonly minutes: number }
  | { readonly type: 'Accidents'; readonly accidents: readonly Accident[] };

const changes: fc.Arbitrary<Partial<Wanted>> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ powerState: fc.constantFrom('Running', 'Halted') }) },
  fc.record({ mode: fc.constantFrom('TrySoft', 'Soft', 'Hard') }),
  fc.record({ grace: fc.constantFrom(10, 60, 300) }),
  fc.record({ drift: fc.constantFrom('Correct', 'Report') }),
  fc.record({ policy: fc.constantFrom('Manage', 'Plan', 'Observe') }),
  fc.record({ window: fc.constantFrom(undefined, [10, 20] as const, [20, 25] as const, [30, 45] as const) }),
  fc.record({ isPaused: fc.boolean() }),
  fc.record({ isForced: fc.boolean() }),
);

const guests: fc.Arbitrary<Guest> = fc.oneof(
  fc.constantFrom<Guest>('Ignores', 'Hangs', { after: 0, takes: 5 }),
  fc.record({ after: fc.constantFrom(0, 5, 50, 85, 120, 400), takes: fc.constantFrom(1, 30, 55, 70, 200) }),
);

const events: fc.Arbitrary<Event> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('Change' as const), more: changes }) },
  fc.record({ type: fc.constant('Keep' as const), minutes: fc.constantFrom(-1, 1, 3, 8, 20) }),
  { weight: 2, arbitrary: fc.constantFrom<Event>({ type: 'Restart' }, { type: 'OperatorRestart' }) },
  fc.record({ type: fc.constant('OperatorDown' as const), minutes: fc.constantFrom(1, 8, 70) }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('User' as const),
      call: fc.constantFrom('Start', 'Stop', 'Restart', 'Kill'),
    }),
  },
  fc.constant<Event>({ type: 'HaltByItself' }),
  fc.record({ type: fc.constant('Clock' as const), minutes: fc.constantFrom(-70, -3, 3, 70) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('Guest' as const), guest: guests }) },
  fc.record({
    type: fc.constant('Accidents' as const),
    accidents: fc.array(fc.constantFrom<Accident>('LostBefore', 'LostAfter', 'Busy'), { minLength: 1, maxLength: 2 }),
  }),
);

const waits = fc.oneof(
  fc.integer({ min: 0, max: 10_000 }),
  fc.integer({ min: 0, max: 100_000 }),
  fc.constantFrom(0, 60_000, 61_000, 90_000, 5 * minute, 12 * minute),
);

const lives = fc.array(fc.record({ event: events, wait: waits }), { minLength: 1, maxLength: 12 });

const firsts: fc.Arbitrary<Partial<Wanted>> = fc.record(
  {
    mode: fc.constantFrom('TrySoft', 'Soft'),
    drift: fc.constantFrom('Report', 'Correct'),
    window: fc.constantFrom([10, 20] as const, [6, 7] as const),
  },
  { requiredKeys: [] },
);

async function happen(life: PowerLife, event: Event): Promise<void> {
  switch (event.type) {
    case 'Change':
      return life.change(event.more);
    case 'Keep':
      return life.change({ keepUntil: life.clock.now() + event.minutes * minute });
    case 'Restart':
      return life.change({ restarts: life.wanted.restarts + 1 });
    case 'OperatorRestart':
      return life.restartOperator();
    case 'OperatorDown':
      return life.stopOperatorFor(event.minutes * minute);
    case 'User':
      return life.byUser(event.call);
    case 'HaltByItself':
      return life.haltByItself();
    case 'Clock':
      // With a schedule, the clock changes which window is open; a call that was just decided may be on its way.
      await life.advance(3_000);
      if (life.wanted.window === undefined && life.wanted.keepUntil === undefined)
        life.clock.setBack(event.minutes * minute);
      return;
    case 'Guest':
      return void (life.guest = event.guest);
    case 'Accidents':
      return void life.accidents.push(...event.accidents);
  }
}

/** What the object claims against what is, once there was time to see it. */
function judgeStatus(life: PowerLife): void {
  const { reason } = life.ready ?? {};
  const isUndisturbed = life.clock.monotonic() - Math.max(life.lastMove, life.flips.at(-1)?.at ?? 0) > 70_000;
  if ((reason === 'Available' || reason === 'HaltedBySchedule') && isUndisturbed && life.state !== life.wantedState())
    if (!['Halting'].includes(life.state))
      life.fault(`${reason}, but the VM is ${life.state} and is to be ${life.wantedState()}`);
  if (reason === 'HaltedBySchedule' && isUndisturbed && !life.isHaltedBySchedule(life.wanted, life.clock.now()))
    life.fault('HaltedBySchedule without a window');
  const hasForeign = life.lastUserAction > 0 || life.lastGuestHalt > 0 || life.hasLostRecord();
  const said = life.world.events('web').join('\n');
  if (!hasForeign && /PowerDrift|StartBackoff/.test(said))
    life.fault(`only the operator changed the power, but: ${said}`);
}

/** The end of all trouble, and time enough to get over it: the last minutes are at least three after any edge of a window. */
async function calm(life: PowerLife): Promise<void> {
  life.guest = { after: 0, takes: 5 };
  life.accidents = [];
  life.change({ isPaused: false, policy: 'Manage' });
  await life.advance(75 * minute);
  life.endHang();
  if (life.wanted.mode === 'Soft' && life.state !== life.wantedState()) life.change({ mode: 'TrySoft' });
  await life.advance(15 * minute);
  while (life.clock.monotonic() - (life.flips.at(-1)?.at ?? 0) < 3 * minute) await life.advance(minute);
}

function judgeEnd(life: PowerLife): void {
  const status = life.world.cluster.machine('web')?.status;
  const isDone = life.isInSync() && status?.state === life.state;
  const isReported =
    life.wanted.drift === 'Report' &&
    life.ready?.reason === 'PowerDrift' &&
    (life.lastUserAction > 0 || life.lastGuestHalt > 0 || life.hasLostRecord());
  if (!isDone && !isReported)
    life.fault(
      `in the end it is ${life.state} and to be ${life.wantedState()}: ${JSON.stringify([life.ready?.reason, life.ready?.message, status?.operation])}`,
    );
  const requested = life.wanted.restarts === 0 ? undefined : `request ${life.wanted.restarts}`;
  if (isDone && status?.lastRestartRequest !== requested) life.fault('the request to restart is not handled');
}

type Steps = readonly { readonly event: Event; readonly wait: number }[];

async function liveThrough(first: Partial<Wanted>, guest: Guest, steps: Steps): Promise<readonly string[]> {
  const life = await PowerLife.begin();
  if (Object.keys(first).length > 0) life.change(first);
  life.guest = guest;
  for (const { event, wait } of steps) {
    await happen(life, event);
    await life.advance(wait);
    if (wait > 75_000) judgeStatus(life);
  }
  await calm(life);
  judgeEnd(life);
  judgeStatus(life);
  const stopped = life.world.stop();
  await life.clock.advance(minute);
  await stopped;
  return life.faults;
}

const accident = (...accidents: readonly Accident[]): Event => ({ type: 'Accidents', accidents });
const change = (more: Partial<Wanted>): Event => ({ type: 'Change', more });

describe('whatever happens to the power of a VM', { timeout: 120_000 }, () => {
  test('it is changed only as its object wants', async () => {
    await assertProperty(
      fc.asyncProperty(firsts, guests, lives, async (first, guest, steps) => {
        expect(await liveThrough(first, guest, steps)).toEqual([]);
      }),
      { runs: 30 },
    );
  });

  test.each<[what: string, first: Partial<Wanted>, guest: Guest, steps: Steps]>([
    [
      'the response to the signal is lost, and the window ends before the guest has followed it',
      { window: [6, 7], drift: 'Report' },
      'Hangs',
      [
        { event: accident('LostAfter'), wait: 0 },
        { event: { type: 'OperatorRestart' }, wait: 300_000 },
      ],
    ],
    [
      'the guest follows the signal minutes after the window ended',
      { window: [6, 7] },
      { after: 400, takes: 1 },
      [{ event: accident('LostBefore'), wait: 90_000 }],
    ],
    [
      'a halt is called off, and wanted again',
      {},
      'Ignores',
      [
        { event: change({ powerState: 'Halted' }), wait: 30_000 },
        { event: change({ powerState: 'Running' }), wait: 50_000 },
        { event: change({ powerState: 'Halted' }), wait: 90_000 },
      ],
    ],
    [
      'the VM is to be halted before the provider shows its start',
      { drift: 'Report' },
      { after: 0, takes: 5 },
      [
        { event: change({ powerState: 'Halted' }), wait: 60_000 },
        { event: change({ powerState: 'Running' }), wait: 100 },
        { event: change({ powerState: 'Halted' }), wait: 60_000 },
      ],
    ],
  ])('as once, when %s', async (_what, first, guest, steps) => {
    expect(await liveThrough(first, guest, steps)).toEqual([]);
  });
});
