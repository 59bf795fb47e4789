import { describe, expect, it, test } from 'vitest';
import type { Origin, VirtualMachineSpec } from '../../src/api/v1alpha1/types.ts';
import { plan } from '../../src/plan/plan.ts';
import { statusFor } from '../../src/status/status.ts';
import { machineIn, observedWith, type ObservedOptions } from '../plan/fixtures.ts';

const report = {
  statusReason: { reason: 'Available', message: 'because' },
  operation: undefined,
  startFailure: undefined,
  handledRestart: undefined,
  plannedActions: undefined,
} as const;

const created = { id: 90 } as const;
const adopted = { id: 90, adoptedAs: 'legacy' } as const;

function shownFor(options: ObservedOptions, record?: { readonly id: number; readonly origin: Origin }) {
  const known = record === undefined ? {} : { record: { ...record, name: 'web' } };
  const { deletionPolicy, onExternalDelete } = statusFor(observedWith(options), { ...report, ...known });
  return [deletionPolicy, onExternalDelete];
}

describe('the status shows the policies in effect', () => {
  it.each([
    { because: 'a VM that was created goes and comes back', given: created, shown: ['Delete', 'Recreate'] },
    { because: 'one that was adopted does not', given: adopted, shown: ['Retain', 'Report'] },
    {
      because: 'what the spec sets comes first',
      given: { ...created, spec: { deletionPolicy: 'Retain', onExternalDelete: 'Report' } },
      shown: ['Retain', 'Report'],
    },
    {
      because: 'also for a VM that was adopted',
      given: { ...adopted, spec: { deletionPolicy: 'Delete', onExternalDelete: 'Recreate' } },
      shown: ['Delete', 'Recreate'],
    },
    {
      because: 'who only observes deletes nothing',
      given: { ...created, spec: { managementPolicy: 'Observe', deletionPolicy: 'Delete' } },
      shown: ['Retain', 'Recreate'],
    },
    { because: 'the defaults depend on a VM', given: { machine: 'Absent' }, shown: [undefined, undefined] },
    {
      because: 'what is set does not',
      given: { machine: 'Absent', spec: { deletionPolicy: 'Delete', onExternalDelete: 'Report' } },
      shown: ['Delete', 'Report'],
    },
    {
      because: 'the VM of another object says nothing about this one',
      given: { recordedFor: 'another-uid', id: 90 },
      shown: [undefined, undefined],
    },
  ] as const)('$because', ({ given, shown }) => {
    expect(shownFor(given)).toEqual(shown);
  });

  it('as soon as a VM is recorded, with that record', () => {
    expect(shownFor({ machine: 'Absent' }, { id: 90, origin: 'Created' })).toEqual(['Delete', 'Recreate']);
    expect(shownFor({ machine: 'Halted' }, { id: 90, origin: 'Adopted' })).toEqual(['Retain', 'Report']);
  });
});

const policies = [undefined, 'Delete', 'Retain'].flatMap((deletionPolicy) =>
  [undefined, 'Recreate', 'Report'].flatMap((onExternalDelete) =>
    ['Manage', 'Observe'].flatMap((managementPolicy) =>
      ['Created', 'Adopted'].map((origin) => ({ deletionPolicy, onExternalDelete, managementPolicy, origin })),
    ),
  ),
);

test.each(policies)('the shown policies are those in effect: %j', ({ origin, ...policy }) => {
  // `as`: each is a value of its field; JSON leaves out what is undefined.
  const spec = JSON.parse(JSON.stringify(policy)) as Partial<VirtualMachineSpec>;
  const given = { ...(origin === 'Created' ? created : adopted), spec };
  const [deletionPolicy, onExternalDelete] = shownFor({ ...given, machine: 'Halted' });
  const machine = machineIn('Halted', origin === 'Created' ? {} : { name: adopted.adoptedAs });
  const deletion = plan(observedWith({ ...given, machine, deleting: true })).action.type;
  expect(deletion).toBe(deletionPolicy === 'Retain' ? 'ReleaseFinalizer' : 'Delete');
  if (spec.managementPolicy === 'Observe') return;
  const { action } = plan(observedWith({ ...given, machine: 'Absent' }));
  expect(action.type).toBe(onExternalDelete === 'Recreate' ? 'Create' : 'None');
});
