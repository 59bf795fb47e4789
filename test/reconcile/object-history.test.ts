import { expect, it } from 'vitest';
import { type PowerHistory, unseen, withRead } from '../../src/reconcile/object-history.ts';
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
