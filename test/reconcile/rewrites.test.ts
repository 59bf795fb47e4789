import { expect, it } from 'vitest';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { heldFor, noteStoredStatus, type Rewrites } from '../../src/reconcile/rewrites.ts';

const minute = 60_000;
const statusAt = (lastTransitionTime: string, state: 'Running' | 'Halted' = 'Running'): VirtualMachineStatus => ({
  observedGeneration: 1,
  state,
  conditions: [
    { type: 'Ready', status: 'True', reason: 'Available', message: '', observedGeneration: 1, lastTransitionTime },
  ],
});
const status = statusAt('2026-01-01T00:00:00Z');
/** When it was put back, its times follow from what it was put in place of. */
const sameLater = statusAt('2026-01-01T01:00:00Z');
const other = statusAt('2026-01-01T00:00:00Z', 'Halted');

/** Stores these, each after a pause, and answers how long each of two statuses would be held after the last one. */
function heldAfter(stored: readonly VirtualMachineStatus[], pause = 1_000): readonly number[] {
  let rewrites: Rewrites | undefined;
  let now = 0;
  for (const one of stored) {
    now += pause;
    rewrites = noteStoredStatus(rewrites, one, now, 0.5);
  }
  return [heldFor(rewrites, sameLater, now), heldFor(rewrites, other, now)];
}

it.each<{ because: string; stored: readonly VirtualMachineStatus[]; pause?: number; held: number }>([
  { because: 'nothing was stored', stored: [], held: 0 },
  { because: 'it was stored once: it is put back at once', stored: [status], held: 0 },
  { because: 'it was put back once', stored: [status, sameLater], held: 750 },
  { because: 'it was put back twice', stored: [status, sameLater, status], held: 1_500 },
  { because: 'it was put back very often', stored: Array.from({ length: 30 }, () => status), held: 225_000 },
  { because: 'it stood for ten minutes each time', stored: [status, status, status], pause: 10 * minute, held: 0 },
  { because: 'it stood for a little less', stored: [status, status], pause: 10 * minute - 1, held: 750 },
  { because: 'another one was stored in between', stored: [status, other, status], held: 0 },
  { because: 'another one before it was put back often', stored: [other, other, other, status, status], held: 750 },
])('a status that another writer replaces waits for $held ms: $because', ({ stored, pause, held }) => {
  expect(heldAfter(stored, pause)[0]).toBe(held);
});

it('a status with a new value never waits', () => {
  expect(heldAfter([status, status, status])).toEqual([1_500, 0]);
});

it('the wait ends', () => {
  let rewrites: Rewrites | undefined;
  for (const now of [0, 1_000]) rewrites = noteStoredStatus(rewrites, status, now, 0.5);
  expect([1_000, 1_749, 1_750, 9_000].map((now) => heldFor(rewrites, status, now))).toEqual([750, 1, 0, 0]);
});
