import { expect, it } from 'vitest';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, observedWith, secondsAgo } from './fixtures.ts';
import { halted, hard, kill, ready, soft, start, stop } from './powers.ts';
import { describeRows } from './rows.ts';

describeRows('power', [
  { because: 'running as in the spec', given: { id: 90, machine: 'Running' }, action: 'None', reason: 'Available' },
  {
    because: 'halted as in the spec',
    given: { id: 90, machine: 'Halted', spec: halted },
    action: 'None',
    reason: 'Available',
  },
  { because: 'still provisioning', given: { id: 90, machine: 'Pending' }, action: 'None', reason: 'Creating' },
  {
    because: 'to be halted, but still provisioning',
    given: { id: 90, machine: 'Pending', spec: halted },
    action: 'None',
    reason: 'Creating',
  },
  { because: 'still starting', given: { id: 90, machine: 'Starting' }, action: 'None', reason: 'Starting' },
  { because: 'off, wanted on', given: { id: 90, machine: 'Halted' }, action: 'Start', reason: 'Starting' },
  {
    because: 'on, wanted off',
    given: { id: 90, machine: 'Running', spec: halted },
    action: 'Stop',
    reason: 'Stopping',
  },
  {
    because: 'Hard cuts at once',
    given: { id: 90, machine: 'Running', spec: hard },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'halting, wanted on: it has to end first',
    given: { id: 90, machine: 'Halting' },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'also when it was us who began it, as long as its time lasts',
    given: { id: 90, machine: 'Halting', status: { operation: { ...stop, startTime: secondsAgo(299) } } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a guest that ignores the signal would keep our own shutdown from ever ending',
    given: { id: 90, machine: 'Halting', status: { operation: { ...stop, startTime: secondsAgo(300) } } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'Soft does not kill then either',
    given: {
      id: 90,
      machine: 'Halting',
      spec: { powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } },
      status: { operation: { ...stop, startTime: secondsAgo(400) } },
    },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a power cut that was canceled is not sent again before it had time to show',
    given: { id: 90, machine: 'Halting', status: { operation: kill } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'one that was never Ready did not halt by itself after a start',
    given: { id: 90, machine: 'Halted', status: { state: 'Running' } },
    action: 'Start',
    reason: 'Starting',
  },
  {
    because: 'a shutdown that others began is theirs, however long it takes',
    given: { id: 90, machine: 'Halting', history: { stateFor: 900_000 } },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'unless the user shortens it',
    given: { id: 90, machine: 'Halting', annotations: { 'vps247.com/force-power-off': 'true' } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'a restart leads through halting by itself, whatever is to be cut short',
    given: {
      id: 90,
      machine: 'Halting',
      annotations: { 'vps247.com/force-power-off': 'true' },
      status: { operation: { type: 'Restart', startTime: secondsAgo(20), attempts: 1, restartRequest: 'once' } },
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'the state lags behind the accepted stop',
    given: { id: 90, machine: 'Running', spec: halted, status: { operation: stop } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'the guest has time until the grace period ends',
    given: { id: 90, machine: 'Halting', spec: halted, status: { operation: { ...stop, startTime: secondsAgo(299) } } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'the guest ignored the signal for the whole grace period',
    given: { id: 90, machine: 'Halting', spec: halted, status: { operation: { ...stop, startTime: secondsAgo(300) } } },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'also when the provider still calls it running',
    given: { id: 90, machine: 'Running', spec: halted, status: { operation: { ...stop, startTime: secondsAgo(300) } } },
    action: 'Kill',
  },
  {
    because: 'the wall clock was set forward, which shortens no grace period',
    given: {
      id: 90,
      machine: 'Halting',
      spec: halted,
      status: { operation: { ...stop, startTime: secondsAgo(400) } },
      history: { operation: { startTime: secondsAgo(400), age: 299_000 } },
    },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'the signal was sent for an earlier halt: another one for this halt',
    given: {
      id: 90,
      machine: 'Running',
      spec: halted,
      status: { operation: { ...stop, startTime: secondsAgo(400), lastResult: 'Superseded' } },
    },
    action: 'Stop',
    reason: 'Stopping',
  },
  {
    because: 'the power was cut for an earlier halt: the guest is signaled first',
    given: {
      id: 90,
      machine: 'Running',
      spec: halted,
      status: { operation: { ...kill, lastResult: 'Superseded' } },
    },
    action: 'Stop',
  },
  {
    because: 'the power was cut so long ago that a user may have started the VM since',
    given: {
      id: 90,
      machine: 'Running',
      spec: halted,
      status: { operation: { ...kill, startTime: secondsAgo(3_900) } },
    },
    action: 'Stop',
  },
  {
    because: 'the guest follows a signal of an earlier halt only now: it has its grace period from now on',
    given: {
      id: 90,
      machine: 'Halting',
      spec: halted,
      status: { operation: { ...stop, startTime: secondsAgo(400), lastResult: 'Superseded' } },
      history: { stateFor: 299_000 },
    },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'also while it is to run',
    given: {
      id: 90,
      machine: 'Halting',
      status: { operation: { ...stop, startTime: secondsAgo(400), lastResult: 'Superseded' } },
      history: { stateFor: 299_000 },
    },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'and no longer',
    given: {
      id: 90,
      machine: 'Halting',
      status: { operation: { ...stop, startTime: secondsAgo(400), lastResult: 'Superseded' } },
      history: { stateFor: 300_000 },
    },
    action: 'Kill',
  },
  {
    because: 'a power cut of an earlier halt halts the VM: it is started, whatever the drift policy',
    given: {
      id: 90,
      machine: 'Halted',
      spec: { powerDriftPolicy: 'Report' },
      status: { operation: { ...kill, lastResult: 'Superseded' }, internal: { lastSyncedPowerState: 'Running' } },
    },
    action: 'Start',
  },
  {
    because: 'the response to the signal was lost, so it may not have arrived: another one',
    given: {
      id: 90,
      machine: 'Running',
      spec: halted,
      status: { operation: { ...stop, startTime: secondsAgo(400), lastResult: 'Timeout' } },
    },
    action: 'Stop',
  },
  {
    because: 'the response to the signal was lost, and the VM halts because of it, which does not count as drift',
    given: {
      id: 90,
      machine: 'Halted',
      spec: { powerDriftPolicy: 'Report' },
      status: { operation: { ...stop, lastResult: 'Timeout' }, internal: { lastSyncedPowerState: 'Running' } },
    },
    action: 'Start',
  },
  {
    because: 'the response to the start was lost: another one at once',
    given: { id: 90, machine: 'Halted', status: { operation: { ...start, lastResult: 'Timeout' } } },
    action: 'Start',
  },
  {
    because: 'a start is shown only after the VM is to be halted, which does not count as drift',
    given: {
      id: 90,
      machine: 'Running',
      spec: { ...halted, powerDriftPolicy: 'Report' },
      status: { operation: { ...start, lastResult: 'Superseded' }, internal: { lastSyncedPowerState: 'Halted' } },
    },
    action: 'Stop',
  },
  {
    because: 'the pending task is the very shutdown that the guest ignores',
    given: {
      id: 90,
      machine: machineIn('Halting', { lastTask: { name: 'VmStop', status: 'pending' } }),
      spec: halted,
      status: { operation: { ...stop, startTime: secondsAgo(300) } },
      history: { taskBusyFor: 300_000 },
    },
    action: 'Kill',
  },
  {
    because: 'Soft never kills',
    given: {
      id: 90,
      machine: 'Halting',
      spec: soft,
      status: { operation: { ...stop, startTime: secondsAgo(86_400), attempts: 9 } },
    },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'Soft asks again when the guest slept through it',
    given: { id: 90, machine: 'Running', spec: soft, status: { operation: { ...stop, startTime: secondsAgo(301) } } },
    action: 'Stop',
  },
  {
    because: 'a shutdown someone else began has its grace period too',
    given: { id: 90, machine: 'Halting', spec: halted, history: { stateFor: 299_000 } },
    action: 'None',
  },
  {
    because: 'and its end',
    given: { id: 90, machine: 'Halting', spec: halted, history: { stateFor: 300_000 } },
    action: 'Kill',
  },
  {
    because: 'one power cut is enough until the provider had time to show it',
    given: { id: 90, machine: 'Running', spec: hard, status: { operation: kill } },
    action: 'None',
    reason: 'Stopping',
  },
  {
    because: 'a power cut on record that had no effect is repeated',
    given: { id: 90, machine: 'Running', spec: hard, status: { operation: { ...kill, startTime: secondsAgo(30) } } },
    action: 'Kill',
  },
  {
    because: 'the third only two windows after the second: with exponential backoff',
    given: {
      id: 90,
      machine: 'Running',
      spec: hard,
      status: { operation: { ...kill, startTime: secondsAgo(59), attempts: 2 } },
    },
    action: 'None',
  },
  {
    because: 'a power cut that the provider certainly did not take is tried again at once',
    given: {
      id: 90,
      machine: 'Running',
      spec: hard,
      status: { operation: { ...kill, attempts: 0, lastResult: 'Busy' } },
    },
    action: 'Kill',
  },
  {
    because: 'the accepted start does not show yet',
    given: { id: 90, machine: 'Halted', status: { operation: start } },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'an accepted start without effect is sent again',
    given: { id: 90, machine: 'Halted', status: { operation: { ...start, startTime: secondsAgo(30) } } },
    action: 'Start',
  },
  {
    because: 'it came up and fell back: the next start waits',
    given: {
      id: 90,
      machine: 'Halted',
      status: { operation: start },
      history: { lastUpAt: Date.parse(secondsAgo(5)) },
    },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'it was Ready for less than a minute: a boot loop too',
    given: { id: 90, machine: 'Halted', status: ready(20) },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'it was halted by others right after it came up: no boot loop',
    given: { id: 90, machine: 'Halted', status: ready(20), history: { wasActedOn: true } },
    action: 'Start',
  },
  {
    because: 'it ran for long and was halted by others: put back at once',
    given: { id: 90, machine: 'Halted', status: ready(3600) },
    action: 'Start',
  },
  {
    because: 'the wait after a failed start is not over',
    given: {
      id: 90,
      machine: 'Halted',
      status: { startFailure: { count: 1, lastTime: secondsAgo(1), retryTime: secondsAgo(-9) } },
    },
    action: 'None',
    reason: 'StartBackoff',
  },
  {
    because: 'the wait after a failed start is over',
    given: {
      id: 90,
      machine: 'Halted',
      status: { startFailure: { count: 1, lastTime: secondsAgo(20), retryTime: secondsAgo(1) } },
    },
    action: 'Start',
  },
  {
    because: 'the provider is at work on it',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: { name: 'VmBackup', status: 'pending' } }),
      spec: halted,
    },
    action: 'None',
    reason: 'ProviderBusy',
  },
  {
    because: 'a task that never ends does not block permanently',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: { name: 'VmBackup', status: 'pending' } }),
      spec: halted,
      history: { taskBusyFor: 600_000 },
    },
    action: 'Stop',
  },
  {
    because: 'starting for longer than anyone should wait',
    given: { id: 90, machine: 'Starting', history: { stateFor: 600_000 } },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'the provider was busy a moment ago',
    given: { id: 90, machine: 'Halted', history: { notBefore: Date.parse(secondsAgo(-5)) } },
    action: 'None',
  },
]);

const reported = {
  region: { id: 1, name: 'Amsterdam 1' },
  package: { id: 2, name: 'Budget' },
  osTemplate: { id: 4, name: 'Debian 13 x64' },
};

const drifted = { status: { internal: { lastSyncedPowerState: 'Running' } } } as const;

it.each([
  { given: { machine: machineIn('Running', reported) }, says: 'VM 90 is running; matches the spec' },
  { given: { machine: machineIn('Halted', reported), spec: halted }, says: 'VM 90 is halted; matches the spec' },
  {
    given: { machine: machineIn('Running', reported), spec: { managementPolicy: 'Observe' } },
    says: 'VM 90 is running; matches the spec',
  },
  {
    // AsSpecified reports the region.
    given: { machine: machineIn('Running', { ...reported, region: { id: 7, name: 'London 1' } }) },
    says: 'VM 90 is running; its power state matches the spec',
  },
  {
    // What it was created with is on record only.
    given: { machine: machineIn('Running', reported), status: { ipv6: true } },
    says: 'VM 90 is running; its power state matches the spec',
  },
  {
    // The provider reports nothing but the power state, so no more is claimed.
    given: { machine: 'Running' },
    says: 'VM 90 is running; its power state matches the spec',
  },
  {
    given: { machine: 'Halted', ...drifted, spec: { powerDriftPolicy: 'Report' } },
    says: `power drift: VM 90 is halted but spec.powerState is Running; to have the operator correct it: kubectl -n default patch vps web --type merge -p '{"spec":{"powerDriftPolicy":"Correct"}}'; to keep it: kubectl -n default patch vps web --type merge -p '{"spec":{"powerState":"Halted"}}'`,
  },
  { given: { machine: 'Halted' }, says: 'VM 90 is starting' },
  { given: { machine: 'Running', spec: halted }, says: 'the operator sent VM 90 the shutdown signal' },
  { given: { machine: 'Halted', deleting: true }, says: 'deleting VM 90' },
] as const)('reports the state in the words of the documentation: $says', ({ given, says }) => {
  expect(plan(observedWith({ id: 90, ...given })).statusReason?.message).toBe(says);
});

it('reports that the result of a create request is unknown', () => {
  const { statusReason } = plan(observedWith({ intent: true, machine: { kind: 'OutcomeUnknown' } }));
  expect(statusReason?.message).toBe(
    'the result of the create request for "web-0a1b2c3d" is unknown; checking whether the VM exists',
  );
});

it.each([
  {
    spec: {},
    says: 'VM 90 is halting; the operator starts it after that; to cut its power now: kubectl -n default annotate vps web vps247.com/force-power-off=true --overwrite',
  },
  {
    spec: { powerOff: { mode: 'Soft', gracePeriodSeconds: 300 } },
    says: 'VM 90 is halting; the operator starts it after that',
  },
  { spec: { managementPolicy: 'Plan' }, says: 'VM 90 is halting; its start is due after that' },
  { spec: { managementPolicy: 'Observe' }, says: 'VM 90 is halting; its start is due after that' },
] as const)('a shutdown that began elsewhere is reported with what follows: $says', ({ spec, says }) => {
  expect(plan(observedWith({ id: 90, machine: 'Halting', spec })).statusReason?.message).toBe(says);
});

it.each([
  { what: 'a shutdown signal', operation: { ...stop, deadlineTime: secondsAgo(-240) }, after: 270_000, isSoon: true },
  { what: 'a signal whose grace period is over', operation: { ...stop, startTime: secondsAgo(400) }, after: 3_530_000 },
  { what: 'a power cut', operation: kill, after: 20_000, isSoon: true },
] as const)('remembers $what that was sent before the VM was to run, without its deadline', (row) => {
  const { operation, after, fastPolling } = plan(
    observedWith({ id: 90, machine: 'Running', status: { operation: row.operation } }),
  );
  const { deadlineTime: _, ...sent }: OperationStatus = row.operation;
  expect(operation).toEqual({ ...sent, lastResult: 'Superseded' });
  expect([after, fastPolling]).toEqual([row.after, 'isSoon' in row]);
});

it.each([
  { what: 'a signal', operation: { ...stop, startTime: secondsAgo(3_930) } },
  { what: 'a power cut', operation: { ...kill, startTime: secondsAgo(30) } },
  { what: 'a call that was not made', operation: { ...kill, attempts: 0 } },
])('forgets $what that no VM follows any more', ({ operation }) => {
  expect(plan(observedWith({ id: 90, machine: 'Running', status: { operation } })).operation).toBeUndefined();
});

it.each([
  { what: 'remembers a start', seconds: 29, expected: ['Superseded', 1_000] },
  { what: 'forgets a start that the provider would have shown by now', seconds: 30, expected: [undefined, undefined] },
])('$what that was sent before the VM was to be halted', ({ seconds, expected }) => {
  const operation = { ...start, startTime: secondsAgo(seconds) };
  const decision = plan(observedWith({ id: 90, machine: 'Halted', spec: halted, status: { operation } }));
  expect([decision.operation?.lastResult, decision.after]).toEqual(expected);
  expect(decision.statusReason?.reason).toBe('Available');
});
