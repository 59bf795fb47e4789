import { describe, expect, test } from 'vitest';
import { withPastTimes } from '../../../src/reconcile/prepare.ts';
import { now, objectWith, secondsAgo } from '../../plan/fixtures.ts';
import { createWorld, type World } from '../world/world.ts';

const minute = 60_000;
const hour = 60 * minute;
const future = ['9999-12-31T23:59:59Z', 'no time at all', secondsAgo(-1)];

describe('future times in the status', () => {
  test.each(future)('%s: an operation counts as begun now', (startTime) => {
    const operation = { type: 'Stop', startTime, deadlineTime: startTime, attempts: 2 } as const;
    const { status } = withPastTimes(objectWith({ id: 90, status: { operation } }), now);
    expect(status?.operation).toEqual({ type: 'Stop', startTime: secondsAgo(0), attempts: 2 });
  });

  test.each(future)('%s: a condition counts as changed now', (lastTransitionTime) => {
    const ready = { type: 'Ready', status: 'True', reason: 'Available', message: '', observedGeneration: 1 } as const;
    const object = objectWith({ id: 90, status: { conditions: [{ ...ready, lastTransitionTime }] } });
    const { status } = withPastTimes(object, now);
    expect(Date.parse(status?.conditions?.[0]?.lastTransitionTime ?? '')).toBeLessThanOrEqual(now);
  });

  test('delays a start by at most the usual delay', () => {
    const startFailure = { count: 3, lastTime: '9999-12-31T00:00:00Z', retryTime: '9999-12-31T00:05:00Z' };
    const { status } = withPastTimes(objectWith({ id: 90, status: { startFailure } }), now);
    expect(status?.startFailure).toEqual({ count: 3, lastTime: secondsAgo(0), retryTime: secondsAgo(-450) });
  });

  test('a condition has whole seconds, as in Kubernetes', () => {
    const ready = { type: 'Ready', status: 'True', reason: 'Available', message: '', observedGeneration: 1 } as const;
    const object = objectWith({ status: { conditions: [{ ...ready, lastTransitionTime: secondsAgo(-1) }] } });
    const { status } = withPastTimes(object, now);
    expect(status?.conditions?.[0]?.lastTransitionTime).toBe(secondsAgo(0).replace('.000Z', 'Z'));
  });

  test('changes only times in the future', () => {
    const condition = { status: 'True', reason: 'x', message: '', observedGeneration: 1 } as const;
    const past = {
      operation: { type: 'Stop', startTime: secondsAgo(5), deadlineTime: secondsAgo(-60), attempts: 1 },
      // As late as a start is ever put off.
      startFailure: { count: 3, lastTime: secondsAgo(9), retryTime: secondsAgo(-450) },
      conditions: [{ ...condition, type: 'Ready', lastTransitionTime: secondsAgo(5) }],
    } as const;
    const wrong = {
      operation: { ...past.operation, startTime: secondsAgo(-1) },
      startFailure: { ...past.startFailure, retryTime: secondsAgo(-451) },
      conditions: [...past.conditions, { ...condition, type: 'Synced', lastTransitionTime: secondsAgo(-1) }],
    } as const;
    for (const field of ['operation', 'startFailure', 'conditions'] as const) {
      const { status } = withPastTimes(objectWith({ status: { ...past, [field]: wrong[field] } }), now);
      const { [field]: changed, ...others } = { ...past, ...status };
      expect(changed).not.toEqual(wrong[field]);
      expect(others).toMatchObject(Object.fromEntries(Object.entries(past).filter(([name]) => name !== field)));
      expect(status?.conditions?.[0]).toEqual(past.conditions[0]);
    }
    // Of a failure that was never put off, nothing is.
    const never = { ...wrong, startFailure: { count: 1, lastTime: secondsAgo(9) } };
    expect(withPastTimes(objectWith({ status: never }), now).status?.startFailure).toEqual(never.startFailure);
  });

  test('returns an object without a status as it is', () => {
    const { status: _, ...object } = objectWith();
    expect(withPastTimes(object, now)).toBe(object);
  });

  test('returns an object whose times are in the past as it is', () => {
    const startFailure = { count: 3, lastTime: secondsAgo(1), retryTime: secondsAgo(-300) };
    const operation = { type: 'Start', startTime: secondsAgo(0), attempts: 1 } as const;
    const object = objectWith({ id: 90, status: { startFailure, operation } });
    expect(withPastTimes(object, now)).toBe(object);
  });
});

async function create() {
  const world = await createWorld();
  world.apply('web', { powerOff: { mode: 'TrySoft', gracePeriodSeconds: 60 } });
  await world.clock.advance(2 * minute);
  return world;
}

/** Whatever is going on when the wall clock is set back by a day is over as soon as it would have been. */
describe('after the wall clock is set back by a day', () => {
  test('while a guest ignores the shutdown: its power is cut after the grace period', async () => {
    const { fakeProvider, clock, cluster } = await create();
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(100);
    ignoreShutdown(fakeProvider, clock);
    clock.setBack(24 * hour);
    await clock.advance(3 * minute);
    expect(fakeProvider.count('KillMachine')).toBe(1);
    await clock.advance(minute);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
  });

  test('while the provider is busy: the call is sent once the provider is ready', async () => {
    const { fakeProvider, clock, cluster } = await create();
    fakeProvider.broken.set('StopMachine', { class: 'Wait', code: 'Busy', status: 406 });
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(2 * minute);
    clock.setBack(24 * hour);
    fakeProvider.broken.delete('StopMachine');
    await clock.advance(2 * minute);
    expect(cluster.machine('web')?.status?.state).toBe('Halted');
  });

  test('while a refused create waits: it is retried after half an hour', async () => {
    const { fakeProvider, clock, apply, condition } = await create();
    fakeProvider.accidents.set('CreateMachine', [{ class: 'Terminal', code: 'Unprocessable', status: 422 }]);
    apply('new');
    await clock.advance(minute);
    clock.setBack(24 * hour);
    await clock.advance(32 * minute);
    expect([fakeProvider.count('CreateMachine'), condition('new', 'Ready')?.status]).toEqual([3, 'True']);
  });

  test('while a deletion is accepted and not carried out: it is repeated', async () => {
    const { fakeProvider, clock, cluster } = await create();
    cluster.change('web', { spec: { powerState: 'Halted' } });
    await clock.advance(minute);
    const machine = fakeProvider.machines.get(1);
    cluster.remove('virtualmachines', 'web');
    await clock.advance(8);
    if (machine !== undefined) fakeProvider.machines.set(1, machine);
    clock.setBack(24 * hour);
    await clock.advance(2 * minute);
    expect([cluster.machine('web'), fakeProvider.machines.size]).toEqual([undefined, 0]);
    expect(fakeProvider.count('DeleteMachine')).toBe(2);
  });

  test('while a restart is in flight: it is performed once', async () => {
    const { fakeProvider, clock, cluster } = await create();
    fakeProvider.accidents.set('RestartMachine', [
      { class: 'UnknownOutcome', code: 'ConnectionLost', hasEffect: true },
    ]);
    cluster.change('web', { spec: { restartRequest: 'one' } });
    await clock.advance(100);
    clock.setBack(24 * hour);
    await clock.advance(10 * minute);
    expect([fakeProvider.restarts, cluster.machine('web')?.status?.lastRestartRequest]).toEqual([1, 'one']);
  });
});

/** The guest of VM 1 would have halted after two seconds. */
function ignoreShutdown(fakeProvider: World['fakeProvider'], clock: World['clock']): void {
  if (fakeProvider.count('KillMachine') > 0) return;
  fakeProvider.set(1, { state: 'Halting' });
  clock.schedule(500, () => ignoreShutdown(fakeProvider, clock));
}
