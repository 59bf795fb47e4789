import { expect, it } from 'vitest';
import { historyOf, type PowerHistory, unseen, withRead } from '../../src/reconcile/object-history.ts';
import type { Machine, MachineState } from '../../src/domain/machine.ts';
import { machineIn } from '../plan/fixtures.ts';

const after = (state: MachineState, more: Partial<Machine> = {}, before: PowerHistory = unseen): PowerHistory =>
  withRead(before, { machine: machineIn(state, more), startedAt: 100, at: 120 });

it.each<{ readonly state: MachineState; readonly isUp: boolean; readonly isDown: boolean }>([
  { state: 'Pending', isUp: false, isDown: false },
  // A restart leads through it, so it shows both.
  { state: 'Starting', isUp: true, isDown: true },
  { state: 'Running', isUp: true, isDown: false },
  { state: 'Halting', isUp: false, isDown: true },
  { state: 'Halted', isUp: false, isDown: true },
  { state: 'Unknown', isUp: false, isDown: false },
])('a VM that is $state was up: $isUp, and down: $isDown, when the read started', ({ state, isUp, isDown }) => {
  const { lastUpAt, lastDownAt, updatedAtWhenUp } = after(state, { updatedAt: 'now' });
  expect([lastUpAt, lastDownAt]).toEqual([isUp ? 100 : undefined, isDown ? 100 : undefined]);
  expect(updatedAtWhenUp).toBe(isUp ? 'now' : undefined);
});

it('a state lasts from when its first read was used, and another state from its own first read', () => {
  const first = after('Halted');
  const second = withRead(first, { machine: machineIn('Halted'), startedAt: 200, at: 220 });
  const third = withRead(second, { machine: machineIn('Starting'), startedAt: 300, at: 320 });
  expect([first.stateSince, second.stateSince, third.stateSince]).toEqual([120, 120, 320]);
  expect([first.lastDownAt, second.lastDownAt, third.lastUpAt]).toEqual([100, 200, 300]);
});

it('a task lasts from when it was first shown until it ends', () => {
  const busy = { lastTask: { name: 'VmStart', status: 'running' } };
  const first = after('Halted', busy);
  const second = withRead(first, { machine: machineIn('Halted', busy), startedAt: 200, at: 220 });
  const third = withRead(second, { machine: machineIn('Halted'), startedAt: 300, at: 320 });
  expect([first.busySince, second.busySince, third.busySince]).toEqual([120, 120, undefined]);
});

const source: Parameters<typeof historyOf>[0] = {
  power: after('Halted'),
  firstSeenAt: 40,
  refusedSince: 500,
  refusedWords: '406: busy',
  notBefore: 1_500,
  deleteAcceptedAt: 600,
  deletes: 1,
  refusal: undefined,
  operation: undefined,
  writeRefusal: undefined,
  passwordSecret: undefined,
  passwordConflict: undefined,
  queueing: undefined,
};

it('has its moments in epoch milliseconds, and its durations up to now', () => {
  expect(historyOf(source, { now: 1_000_000, monotonic: 1_000 })).toMatchObject({
    knownFor: 960,
    stateFor: 880,
    lastDownAt: 999_100,
    deleteAcceptedAt: 999_600,
    refusedFor: 500,
    refusedWords: '406: busy',
    notBefore: 1_000_500,
  });
});

const read = (state: MachineState) => ({ machine: machineIn(state), startedAt: 900, at: 950 });

it('defers no call because of a state that the VM has left', () => {
  const moment = { now: 1_000_000, monotonic: 1_000 };
  expect(historyOf(source, moment, read('Halted'))).toMatchObject({ refusedFor: 500, notBefore: 1_000_500 });
  const left = historyOf(source, moment, read('Running'));
  expect([left.refusedFor, left.refusedWords, left.notBefore]).toEqual([0, undefined, undefined]);
});
