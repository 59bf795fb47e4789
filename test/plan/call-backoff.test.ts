import { expect, it } from 'vitest';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, now, observedWith, secondsAgo } from './fixtures.ts';
import { describeRows } from './rows.ts';

const second = 1_000;
const counts = [1, 2, 3, 4, 50] as const;
/** By count, with a visibility window of 30 s. */
const pauses = [30, 60, 120, 240, 1_800].map((seconds) => seconds * second);

it('a DELETE without an effect is repeated with exponential backoff, half an hour apart at most', () => {
  const afters = counts.map(
    (deletes) =>
      plan(observedWith({ id: 90, deleting: true, machine: 'Halted', history: { deleteAcceptedAt: now, deletes } }))
        .after,
  );
  expect(afters).toEqual(pauses);
});

const restarting = (seconds: number, more: Partial<OperationStatus>) => {
  const actedAt = secondsAgo(5_000);
  return observedWith({
    id: 90,
    machine: machineIn('Running', { updatedAt: actedAt }),
    spec: { restartRequest: 'two' },
    // Longer than stuckAfter, which it would be reported at otherwise.
    history: { stateFor: 700 * second },
    status: {
      lastRestartRequest: 'one',
      operation: {
        type: 'Restart',
        startTime: secondsAgo(seconds),
        restartRequest: 'two',
        previousActionTime: actedAt,
        attempts: 1,
        ...more,
      },
    },
  });
};

it('a restart whose answers are lost is repeated with exponential backoff, each time after a call can no longer be in flight', () => {
  const afters = counts.map((attempts) => plan(restarting(0, { attempts })).after);
  expect(afters).toEqual([30, 60, 120, 240, 64 * 30].map((seconds) => (35 + seconds) * second));
});

it('a restart that is refused after lost answers keeps their backoff', () => {
  const refused = { lastResult: 'Busy' };
  expect(counts.map((attempts) => plan(restarting(0, { attempts, ...refused })).after)).toEqual(pauses);
  expect(plan(restarting(120, { attempts: 3, ...refused })).action).toMatchObject({
    type: 'Restart',
    operation: { attempts: 4, startTime: secondsAgo(0), restartRequest: 'two' },
  });
});

const hard = { powerState: 'Halted', powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } } as const;
const cut = (seconds: number) =>
  ({
    id: 90,
    machine: 'Running',
    spec: hard,
    status: { operation: { type: 'Kill', startTime: secondsAgo(seconds), attempts: 3 } },
    history: { stateFor: 2_000 * second },
  }) as const;

describeRows('a call that was sent three times, 30 s and 60 s apart', [
  { because: 'is stuck 600 s after the first', given: cut(510), action: 'Kill', reason: 'PowerTransitionStuck' },
  { because: 'and no earlier', given: cut(509), action: 'Kill', reason: 'Stopping' },
]);

const hour = { powerState: 'Halted', powerOff: { mode: 'TrySoft', gracePeriodSeconds: 3600 } } as const;
const soft = { powerState: 'Halted', powerOff: { mode: 'Soft', gracePeriodSeconds: 3600 } } as const;
const stop = (seconds: number): OperationStatus => ({ type: 'Stop', startTime: secondsAgo(seconds), attempts: 1 });
const stopping = (seconds: number, state: 'Running' | 'Halting') =>
  ({ id: 90, machine: state, status: { operation: stop(seconds) }, history: { stateFor: seconds * second } }) as const;

it('a shutdown that began outside the operator is requeued at the end of its grace period, from the first observation on', () => {
  const afters = [0, 1].map(
    (seconds) =>
      plan(observedWith({ id: 90, machine: 'Halting', spec: hour, history: { stateFor: seconds * second } })).after,
  );
  expect(afters).toEqual([3_600 * second, 3_599 * second]);
});

describeRows('a shutdown that takes as long as its grace period', [
  {
    because: 'is not sent again before that has passed, however long it is',
    given: { ...stopping(2_400, 'Running'), spec: soft },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'is not stuck while it has time, however small stuckAfter is',
    given: { ...stopping(3_599, 'Halting'), spec: hour },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'nor while the provider still calls the VM running',
    given: { ...stopping(3_599, 'Running'), spec: hour },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'nor if others began it, which leaves no record of it',
    given: { id: 90, machine: 'Halting', spec: soft, history: { stateFor: 3_599 * second } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'and is stuck when stuckAfter has passed on top of that',
    given: { ...stopping(4_200, 'Halting'), spec: soft },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
]);
