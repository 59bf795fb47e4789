import { expect, test } from 'vitest';
import { MachineCache } from '../../../src/provider/account/snapshot.ts';
import { machine } from '../../support/fake-provider.ts';

const running = machine(1);
const halting = machine(1, { state: 'Halting' });
const halted = machine(1, { state: 'Halted' });
const nothing = { ids: new Set(), names: new Set() };
const first = { ids: new Set([1]), names: new Set(['machine-1']) };

function scene() {
  const cache = new MachineCache();
  cache.replace(100, 110, [running, machine(2)]);
  return cache;
}

test('a read by id after the list updates the cached VM, and the list stays as it was answered', () => {
  const cache = scene();
  expect(cache.upsert(200, halting)).toEqual(first);
  expect(cache.get(1)).toEqual({ startedAt: 200, machine: halting });
  expect(cache.get(2)).toEqual({ startedAt: 100, machine: machine(2) });
  expect([cache.snapshot?.startedAt, cache.snapshot?.byId(1)]).toEqual([100, running]);
});

test('a read by id that shows another name reports the old and the new name', () => {
  const cache = scene();
  expect(cache.upsert(200, machine(1, { name: 'renamed' }))).toEqual({
    ids: new Set([1]),
    names: new Set(['renamed', 'machine-1']),
  });
});

test('an equal read changes only the time', () => {
  const cache = scene();
  expect(cache.upsert(200, machine(1))).toEqual(nothing);
  expect(cache.get(1)?.startedAt).toBe(200);
});

test.for([
  ['before the list', 50],
  ['together with the list', 100],
])('a read that started %s changes nothing', ([, startedAt]) => {
  const cache = scene();
  expect(cache.upsert(Number(startedAt), halted)).toEqual(nothing);
  expect(cache.get(1)?.machine).toBe(running);
});

test('of two reads the one that started later counts, whichever is answered first', () => {
  const cache = scene();
  cache.upsert(300, halted);
  expect(cache.upsert(200, halting)).toEqual(nothing);
  expect(cache.get(1)).toEqual({ startedAt: 300, machine: halted });
});

test('a later list replaces a read by id, and reports what changed since that read', () => {
  const cache = scene();
  cache.upsert(200, halting);
  expect(cache.replace(300, 310, [halting, machine(2)])).toEqual(nothing);
  expect(cache.get(1)).toEqual({ startedAt: 300, machine: halting });
  cache.upsert(400, halted);
  // As the list before it: a comparison with that one alone would see no change.
  expect(cache.replace(500, 510, [halting, machine(2)])).toEqual(first);
  expect(cache.get(1)?.machine).toEqual(halting);
});

test('a read by id that started after a list which was answered later still counts', () => {
  const cache = scene();
  cache.upsert(300, halted);
  cache.replace(250, 400, [halting, machine(2)]);
  expect(cache.get(1)).toEqual({ startedAt: 300, machine: halted });
  expect(cache.snapshot?.byId(1)).toEqual(halting);
});

test('a VM that only a read by id showed is not in the list, and its disappearance is reported', () => {
  const cache = scene();
  expect(cache.upsert(200, machine(3))).toEqual({ ids: new Set([3]), names: new Set(['machine-3']) });
  expect([cache.get(3)?.startedAt, cache.snapshot?.byId(3), cache.snapshot?.byName('machine-3')]).toEqual([
    200,
    undefined,
    [],
  ]);
  expect(cache.replace(300, 310, [running, machine(2)])).toEqual({
    ids: new Set([3]),
    names: new Set(['machine-3']),
  });
  expect(cache.get(3)).toBeUndefined();
});

test('the first list has nothing to compare with', () => {
  expect(new MachineCache().replace(0, 10, [running])).toBeUndefined();
});
