import { expect, test } from 'vitest';
import { MachineCache } from '../../../src/provider/account/machine-cache.ts';
import { machine } from '../../support/fake-provider.ts';

const running = machine(1);
const halting = machine(1, { state: 'Halting' });
const halted = machine(1, { state: 'Halted' });
const nothing = { ids: new Set(), names: new Set() };
const first = { ids: new Set([1]), names: new Set(['machine-1']) };

function scene() {
  const sightings = new MachineCache();
  sightings.replace(100, 110, [running, machine(2)]);
  return sightings;
}

test('a read by id after the list updates the cached VM, and the list stays as it was answered', () => {
  const sightings = scene();
  expect(sightings.upsert(200, halting)).toEqual(first);
  expect(sightings.get(1)).toEqual({ startedAt: 200, machine: halting });
  expect(sightings.get(2)).toEqual({ startedAt: 100, machine: machine(2) });
  expect([sightings.snapshot?.startedAt, sightings.snapshot?.byId(1)]).toEqual([100, running]);
});

test('an equal read changes only the time', () => {
  const sightings = scene();
  expect(sightings.upsert(200, machine(1))).toEqual(nothing);
  expect(sightings.get(1)?.startedAt).toBe(200);
});

test.for([
  ['before the list', 50],
  ['together with the list', 100],
])('a read that started %s changes nothing', ([, startedAt]) => {
  const sightings = scene();
  expect(sightings.upsert(Number(startedAt), halted)).toEqual(nothing);
  expect(sightings.get(1)?.machine).toBe(running);
});

test('of two reads the one that started later counts, whichever is answered first', () => {
  const sightings = scene();
  sightings.upsert(300, halted);
  expect(sightings.upsert(200, halting)).toEqual(nothing);
  expect(sightings.get(1)).toEqual({ startedAt: 300, machine: halted });
});

test('a later list replaces a read by id, and reports what changed since that read', () => {
  const sightings = scene();
  sightings.upsert(200, halting);
  expect(sightings.replace(300, 310, [halting, machine(2)])).toEqual(nothing);
  expect(sightings.get(1)).toEqual({ startedAt: 300, machine: halting });
  sightings.upsert(400, halted);
  // As the list before it: a comparison with that one alone would see no change.
  expect(sightings.replace(500, 510, [halting, machine(2)])).toEqual(first);
  expect(sightings.get(1)?.machine).toEqual(halting);
});

test('a read by id that started after a list which was answered later still counts', () => {
  const sightings = scene();
  sightings.upsert(300, halted);
  sightings.replace(250, 400, [halting, machine(2)]);
  expect(sightings.get(1)).toEqual({ startedAt: 300, machine: halted });
  expect(sightings.snapshot?.byId(1)).toEqual(halting);
});

test('a VM that only a read by id showed is not in the list, and its disappearance is reported', () => {
  const sightings = scene();
  expect(sightings.upsert(200, machine(3))).toEqual({ ids: new Set([3]), names: new Set(['machine-3']) });
  expect([sightings.get(3)?.startedAt, sightings.snapshot?.byId(3), sightings.snapshot?.byName('machine-3')]).toEqual([
    200,
    undefined,
    [],
  ]);
  expect(sightings.replace(300, 310, [running, machine(2)])).toEqual({
    ids: new Set([3]),
    names: new Set(['machine-3']),
  });
  expect(sightings.get(3)).toBeUndefined();
});

test('the first list has nothing to compare with', () => {
  expect(new MachineCache().replace(0, 10, [running])).toBeUndefined();
});
