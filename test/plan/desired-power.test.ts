import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, now, observedWith, secondsAgo } from './fixtures.ts';
import { halted, ready } from './powers.ts';
import { describeRows } from './rows.ts';

const minute = 60_000;
const inWindow = { schedule: { kind: 'Halted', until: now + 10 * minute, validUntil: now + 10 * minute } } as const;
const outside = {
  schedule: { kind: 'Running', haltsAt: now + 20 * minute, validUntil: now + 20 * minute },
} as const;
const invalid = {
  schedule: {
    kind: 'Invalid',
    message: 'spec.powerSchedule.timeZone "Nowhere" is not an IANA time zone',
    validUntil: Infinity,
  },
} as const;
const keptUntil = (seconds: number) => ({ [annotations.keepRunningUntil]: secondsAgo(-seconds) });

describeRows('a power schedule', [
  {
    because: 'in a window',
    given: { id: 90, machine: 'Running', observed: inWindow },
    action: 'Stop',
    reason: 'Stopping',
  },
  {
    because: 'halted in it',
    given: { id: 90, machine: 'Halted', observed: inWindow },
    action: 'None',
    reason: 'HaltedBySchedule',
  },
  { because: 'after it', given: { id: 90, machine: 'Halted', observed: outside }, action: 'Start', reason: 'Starting' },
  { because: 'outside', given: { id: 90, machine: 'Running', observed: outside }, action: 'None', reason: 'Available' },
  {
    because: 'after it, halted by the spec',
    given: { id: 90, machine: 'Halted', spec: halted, observed: outside },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'in it, halted by the spec too',
    given: { id: 90, machine: 'Halted', spec: halted, observed: inWindow },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'kept running for now',
    given: { id: 90, machine: 'Running', annotations: keptUntil(60), observed: inWindow },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'kept running, so it is started',
    given: { id: 90, machine: 'Halted', annotations: keptUntil(60), observed: inWindow },
    action: 'Start',
  },
  {
    because: 'kept running until just now',
    given: { id: 90, machine: 'Running', annotations: keptUntil(0), observed: inWindow },
    action: 'Stop',
  },
  {
    because: 'kept running does not start what the spec halts',
    given: { id: 90, machine: 'Halted', spec: halted, annotations: keptUntil(60), observed: inWindow },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'an unreadable time keeps nothing running',
    given: { id: 90, machine: 'Running', annotations: { [annotations.keepRunningUntil]: '2999' }, observed: inWindow },
    action: 'Stop',
  },
  {
    because: 'with a day that the month does not have',
    given: {
      id: 90,
      machine: 'Running',
      annotations: { [annotations.keepRunningUntil]: '2999-02-31T00:00:00Z' },
      observed: inWindow,
    },
    action: 'Stop',
  },
  {
    because: 'started in a window outside the operator, which reports drift',
    given: {
      id: 90,
      machine: 'Running',
      spec: { powerDriftPolicy: 'Report' },
      status: { internal: { lastSyncedPowerState: 'Halted' } },
      observed: inWindow,
    },
    action: 'None',
    reason: 'PowerDrift',
  },
  {
    because: 'the window began, which does not count as drift',
    given: {
      id: 90,
      machine: 'Running',
      spec: { powerDriftPolicy: 'Report' },
      status: { ...ready(600), internal: { lastSyncedPowerState: 'Running' } },
      observed: inWindow,
    },
    action: 'Stop',
  },
  { because: 'no VM yet: it is created, and halted then', given: { observed: inWindow }, action: 'Create' },
  { because: 'unreadable: no create', given: { observed: invalid }, action: 'None', reason: 'InvalidSchedule' },
  {
    because: 'unreadable: no change of the power',
    given: { id: 90, machine: 'Halted', observed: invalid },
    action: 'None',
    reason: 'InvalidSchedule',
  },
  {
    because: 'unreadable: a deletion continues',
    given: { id: 90, machine: 'Halted', deleting: true, observed: invalid },
    action: 'Delete',
  },
  {
    because: 'planned only',
    given: { id: 90, machine: 'Running', spec: { managementPolicy: 'Plan' }, observed: inWindow },
    action: 'None',
    reason: 'PlanOnly',
  },
]);

describe('the object is requeued', () => {
  it.each([
    { what: 'at the end of the window', given: { observed: inWindow }, after: 10 * minute },
    { what: 'at the beginning of the next one', given: { observed: outside }, after: 20 * minute },
    {
      what: 'when the time that it is kept running until is over',
      given: { annotations: keptUntil(60), observed: inWindow },
      after: minute,
    },
    {
      what: 'at the end of the window that it is kept running beyond',
      given: { annotations: keptUntil(3_600), observed: inWindow },
      after: 10 * minute,
    },
    {
      what: 'after an hour at the latest, because the wall clock may be set',
      given: { observed: { schedule: { kind: 'Running', haltsAt: undefined, validUntil: now + 50 * 60 * minute } } },
      after: 60 * minute,
    },
    {
      what: 'with policy Plan too',
      given: { spec: { managementPolicy: 'Plan' }, observed: inWindow },
      after: 10 * minute,
    },
  ] as const)('$what', ({ given, after }) => {
    const machine = 'annotations' in given || 'spec' in given ? 'Running' : 'Halted';
    expect(plan(observedWith({ id: 90, machine: machineIn(machine), ...given })).after).toBe(after);
  });

  it('not without a schedule, or for one that cannot be read', () => {
    expect(plan(observedWith({ id: 90, machine: 'Running' })).after).toBeUndefined();
    expect(plan(observedWith({ id: 90, machine: 'Running', observed: invalid })).after).toBeUndefined();
  });
});

it('the message says until when, and how to run the VM now', () => {
  expect(plan(observedWith({ id: 90, machine: 'Halted', observed: inWindow })).statusReason?.message).toBe(
    'VM 90 is halted by spec.powerSchedule until 2026-06-01T12:10:00Z; to run it now: kubectl -n default annotate vps web vps247.com/keep-running-until=2026-06-01T12:10:00Z --overwrite',
  );
});
