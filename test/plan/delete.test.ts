import { expect, test } from 'vitest';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, observedWith, secondsAgo } from './fixtures.ts';
import { describeRows } from './rows.ts';

describeRows('deleting', [
  { because: 'nothing was ever stored, so nothing can be there', given: { deleting: true }, action: 'None' },
  {
    because: 'powered off first',
    given: { deleting: true, id: 90, machine: 'Running' },
    action: 'Stop',
    reason: 'Deleting',
  },
  {
    because: 'the same mode as any power-off',
    given: {
      deleting: true,
      id: 90,
      machine: 'Running',
      spec: { powerOff: { mode: 'Hard', gracePeriodSeconds: 300 } },
    },
    action: 'Kill',
    reason: 'Deleting',
  },
  {
    because: 'provisioning has to end first',
    given: { deleting: true, id: 90, machine: 'Pending' },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'DELETE only on halted',
    given: { deleting: true, id: 90, machine: 'Halted' },
    action: 'Delete',
    reason: 'Deleting',
  },
  {
    because: 'accepted is not gone; it is not asked twice in a hurry',
    given: {
      deleting: true,
      id: 90,
      machine: 'Halted',
      history: { deleteAcceptedAt: Date.parse(secondsAgo(10)), deletes: 1 },
    },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'but again when nothing comes of it',
    given: {
      deleting: true,
      id: 90,
      machine: 'Halted',
      history: { deleteAcceptedAt: Date.parse(secondsAgo(30)), deletes: 1 },
    },
    action: 'Delete',
  },
  { because: 'confirmed deleted', given: { deleting: true, id: 90, machine: 'Absent' }, action: 'ReleaseFinalizer' },
  {
    because: 'not seen is not gone',
    given: { deleting: true, id: 90, machine: { kind: 'AbsenceUnconfirmed' } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'half the account disappears at once: no finalizer is released',
    given: { deleting: true, id: 90, machine: { kind: 'MassAbsence', vanished: 9, of: 40 } },
    action: 'None',
    reason: 'AbsenceUnconfirmed',
  },
  {
    because: 'a rejected key never lets a machine be forgotten',
    given: {
      deleting: true,
      id: 90,
      machine: 'Absent',
      observed: { credentials: { kind: 'Rejected', failure: undefined } },
    },
    action: 'None',
    reason: 'CredentialsRejected',
  },
  {
    because: 'a create that may have happened is looked for before the object goes',
    given: { deleting: true, intent: true, machine: { kind: 'OutcomeUnknown' } },
    action: 'None',
    reason: 'CreateOutcomeUnknown',
  },
  { because: 'and found', given: { deleting: true, intent: true, machine: 'Pending' }, action: 'RecordIdentity' },
  { because: 'or shown not to have happened', given: { deleting: true, intent: true }, action: 'ReleaseFinalizer' },
  {
    because: 'an unmanaged VM of the name is neither deleted nor keeps the object',
    given: {
      deleting: true,
      finalizer: true,
      spec: { providerName: 'shared' },
      machine: machineIn('Halted', { name: 'shared' }),
    },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'what was recorded for another object is not deleted with this one',
    given: { deleting: true, id: 90, recordedFor: 'another-uid', machine: 'Halted' },
    action: 'ReleaseFinalizer',
  },
  {
    because: 'an id edited to point at an unmanaged VM does not delete it',
    given: { deleting: true, id: 91, machine: machineIn('Halted', { id: 91, name: 'unmanaged' }) },
    action: 'None',
    reason: 'IdentityMismatch',
  },
]);

test('a delete above the limit waits in the queue for deletes, and is requeued when it is due', () => {
  const [held, allowed] = [5_000, 0].map((deletesHeldFor) =>
    plan(observedWith({ id: 90, deleting: true, machine: 'Halted', observed: { deletesHeldFor } })),
  );
  expect(held).toMatchObject({ action: { type: 'None' }, awaitsDelete: true, after: 5_000 });
  expect(allowed).toMatchObject({ action: { type: 'Delete' }, awaitsDelete: false });
});
