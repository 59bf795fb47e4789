import { expect, test } from 'vitest';
import type { Machine } from '../../../src/domain/machine.ts';
import { Secret } from '../../../src/domain/secret.ts';
import { createSnapshot, diffSnapshots } from '../../../src/provider/account/snapshot.ts';
import { machine } from '../../support/fake-provider.ts';

function changedNames(before: readonly Machine[], after: readonly Machine[]): readonly string[] {
  return [...diffSnapshots(createSnapshot(0, 0, before), createSnapshot(1, 1, after)).names].toSorted();
}

const base = machine(1, {
  addresses: [{ version: 4, address: '10.0.0.1', gateway: '10.0.0.254', prefixLength: 24 }],
  lastTask: { name: 'VmStart', status: 'done' },
  region: { id: 1, name: 'New York 1' },
});

const meaningful: readonly [what: string, fields: Partial<Machine>][] = [
  ['state', { state: 'Halted' }],
  ['owner', { ownerId: 2 }],
  ['hostname', { hostname: 'web' }],
  ['created', { createdAt: '2026-01-01T00:00:00.000Z' }],
  ['password came', { initialPassword: new Secret('a') }],
  ['task status', { lastTask: { name: 'VmStart', status: 'pending' } }],
  ['task name', { lastTask: { name: 'VmKill', status: 'done' } }],
  ['region', { region: { id: 2, name: 'New York 1' } }],
  ['region name', { region: { id: 1, name: 'London' } }],
  ['package', { package: { id: 2 } }],
  ['template', { osTemplate: { id: 2 } }],
  ['address', { addresses: [{ version: 4, address: '10.0.0.2', gateway: '10.0.0.254', prefixLength: 24 }] }],
  ['gateway', { addresses: [{ version: 4, address: '10.0.0.1', gateway: '10.0.0.253', prefixLength: 24 }] }],
  ['prefix', { addresses: [{ version: 4, address: '10.0.0.1', gateway: '10.0.0.254', prefixLength: 25 }] }],
  [
    'first of a range',
    { addresses: [{ version: 4, address: '10.0.0.1', first: '10.0.0.1', gateway: '10.0.0.254', prefixLength: 24 }] },
  ],
  [
    'last of a range',
    { addresses: [{ version: 4, address: '10.0.0.1', last: '10.0.0.3', gateway: '10.0.0.254', prefixLength: 24 }] },
  ],
  ['a disk', { diskIds: [88] }],
  ['address gone', { addresses: [] }],
];

test.for(meaningful)('%s counts as a change of the VM', ([, fields]) => {
  expect(changedNames([base], [{ ...base, ...fields }])).toEqual(['machine-1']);
});

const meaningless: readonly [why: string, fields: Partial<Machine>][] = [
  ['the progress of a task moves all the time', { lastTask: { name: 'VmStart', status: 'done', progress: '40' } }],
  ['a task with another id that ended alike', { lastTask: { id: 9, name: 'VmStart', status: 'done' } }],
  ['usage moves all the time', { unbilledHours: 3, transferTotal: 5, transferRemaining: 4 }],
  ['the time of the last action says nothing that state and task do not', { updatedAt: '2026-01-01T00:00:00.000Z' }],
];

test.for(meaningless)('counts as unchanged, and the newest value is shown: %s', ([, fields]) => {
  const now = { ...base, ...fields };
  expect(changedNames([base], [now])).toEqual([]);
  expect(createSnapshot(1, 1, [now], createSnapshot(0, 0, [base])).byId(1)).toBe(now);
});

test('a password is written only once, so another one does not count as a change', () => {
  const before = { ...base, initialPassword: new Secret('a') };
  expect(changedNames([before], [{ ...base, initialPassword: new Secret('b') }])).toEqual([]);
});

test('reports appeared and disappeared VMs, and a renamed VM by both names', () => {
  expect(changedNames([machine(1), machine(2)], [machine(2), machine(3)])).toEqual(['machine-1', 'machine-3']);
  expect(changedNames([machine(1)], [machine(1, { name: 'renamed' })])).toEqual(['machine-1', 'renamed']);
});

test('a snapshot finds VMs by id and name, also when a name exists twice, and returns their owners', () => {
  const machines = [machine(1, { ownerId: 7 }), machine(2, { name: 'machine-1', ownerId: 3 })];
  const snapshot = createSnapshot(5, 6, machines);
  expect(snapshot.byId(2)).toBe(machines[1]);
  expect(snapshot.byName('machine-1')).toEqual(machines);
  expect(snapshot.byName('none')).toEqual([]);
  expect(snapshot.ownerIds).toEqual([3, 7]);
});

test('an unchanged VM is kept as the same object, and replaced after any difference', () => {
  const before = createSnapshot(0, 0, [base, machine(2), machine(3, { initialPassword: new Secret('a') })]);
  const same = { ...base, addresses: base.addresses.map((address) => ({ ...address })) };
  const after = createSnapshot(
    1,
    1,
    [same, machine(2, { unbilledHours: 1 }), machine(3, { initialPassword: new Secret('a') })],
    before,
  );
  expect(after.byId(1)).toBe(base);
  expect(after.byId(2)).toEqual(machine(2, { unbilledHours: 1 }));
  expect(after.machines[2]).toBe(before.machines[2]);
  const changed = createSnapshot(2, 2, [machine(3, { initialPassword: new Secret('b') })], after);
  expect(changed.byId(3)?.initialPassword?.reveal()).toBe('b');
});

test('a VM is unreadable since the first list of the uninterrupted series that shows it so', () => {
  const problem = { id: 1, problem: 'its state is missing' };
  const lists = [[problem], [problem], [machine(1)], [problem]];
  let snapshot = createSnapshot(0, 0, [machine(1)]);
  const since = lists.map((list, index) => {
    snapshot = createSnapshot(10 * index + 10, 10 * index + 11, list, snapshot);
    return snapshot.unreadable.get(1)?.since;
  });
  expect(since).toEqual([10, 10, undefined, 40]);
});
