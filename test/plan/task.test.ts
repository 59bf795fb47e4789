import { describe, expect, it } from 'vitest';
import type { LastTask } from '../../src/domain/machine.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, observedWith, type ObservedOptions, secondsAgo } from './fixtures.ts';
import { halted, hard, kill, soft, start, stop } from './powers.ts';
import { describeRows } from './rows.ts';

const failed = (name: string): LastTask => ({ name, status: 'failed' });
const restart = {
  type: 'Restart',
  startTime: secondsAgo(5),
  attempts: 1,
  restartRequest: 'once',
  lastResult: 'Accepted',
} as const;
const reported = [
  {
    type: 'Ready',
    status: 'False',
    reason: 'PowerChangeFailed',
    message: '',
    observedGeneration: 1,
    lastTransitionTime: secondsAgo(5),
  },
] as const;
const messageWith = (given: ObservedOptions) => plan(observedWith({ id: 90, ...given })).statusReason?.message;

describeRows('a task that failed', [
  {
    because: 'provisioning failed, and nothing is concluded from it',
    given: { id: 90, machine: machineIn('Pending', { lastTask: failed('VmCreate') }) },
    action: 'None',
    reason: 'ProvisioningFailed',
  },
  {
    because: 'whatever the task is called, and however long ago it was',
    given: { id: 90, machine: machineIn('Pending', { lastTask: { status: 'error' } }), history: { stateFor: 9e9 } },
    action: 'None',
    reason: 'ProvisioningFailed',
  },
  {
    because: 'a VM that runs was provisioned, whatever its task says',
    given: { id: 90, machine: machineIn('Running', { lastTask: failed('VmCreate') }) },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'a status that this version does not know says nothing',
    given: { id: 90, machine: machineIn('Pending', { lastTask: { name: 'VmCreate', status: 'sleeping' } }) },
    action: 'None',
    reason: 'Creating',
  },
  {
    because: 'a VM to be deleted is deleted all the same, in time',
    given: {
      id: 90,
      deleting: true,
      machine: machineIn('Pending', { lastTask: failed('VmCreate') }),
      history: { stateFor: 599_999 },
    },
    action: 'None',
    reason: 'Deleting',
  },
  {
    because: 'and with patience at its end',
    given: {
      id: 90,
      deleting: true,
      machine: machineIn('Pending', { lastTask: failed('VmCreate') }),
      history: { stateFor: 600_000 },
    },
    action: 'Delete',
    reason: 'Deleting',
  },
  {
    because: 'a start failed: it is sent again no sooner',
    given: {
      id: 90,
      machine: machineIn('Halted', { lastTask: failed('VmStart') }),
      status: { operation: { ...start, startTime: secondsAgo(29) } },
    },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'and no later',
    given: {
      id: 90,
      machine: machineIn('Halted', { lastTask: failed('VmStart') }),
      status: { operation: { ...start, startTime: secondsAgo(30) } },
    },
    action: 'Start',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'while the next attempt is in progress, the one before has failed',
    given: {
      id: 90,
      machine: machineIn('Halted', { lastTask: { name: 'VmStart', status: 'pending' } }),
      status: { operation: { ...start, attempts: 2 }, lastTask: failed('VmStart') },
    },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'the first attempt of an operation is not the one that failed before',
    given: {
      id: 90,
      machine: machineIn('Halted', { lastTask: { name: 'VmStart', status: 'pending' } }),
      status: { operation: start, lastTask: failed('VmStart') },
    },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'the next attempt succeeded',
    given: {
      id: 90,
      machine: machineIn('Starting', { lastTask: { name: 'VmStart', status: 'complete' } }),
      status: { operation: { ...start, attempts: 2 }, lastTask: failed('VmStart') },
    },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'the failed task is not that of the operation',
    given: {
      id: 90,
      machine: machineIn('Halted', { lastTask: failed('VmRestart') }),
      status: { operation: start },
    },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'a task without a name is that of no operation',
    given: { id: 90, machine: machineIn('Halted', { lastTask: { status: 'failed' } }), status: { operation: start } },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'a shutdown failed: the guest still has its grace period',
    given: {
      id: 90,
      spec: halted,
      machine: machineIn('Running', { lastTask: failed('VmStop') }),
      status: { operation: { ...stop, startTime: secondsAgo(299) } },
    },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'and then its power is cut',
    given: {
      id: 90,
      spec: halted,
      machine: machineIn('Running', { lastTask: failed('VmStop') }),
      status: { operation: { ...stop, startTime: secondsAgo(300) } },
    },
    action: 'Kill',
    reason: 'Stopping',
  },
  {
    because: 'a power cut failed',
    given: {
      id: 90,
      spec: hard,
      machine: machineIn('Running', { lastTask: failed('VmKill') }),
      status: { operation: kill },
    },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'for too long: it needs a human',
    given: {
      id: 90,
      spec: soft,
      machine: machineIn('Halting', { lastTask: failed('VmStop') }),
      status: { operation: { ...stop, startTime: secondsAgo(1_000) } },
    },
    action: 'None',
    reason: 'PowerTransitionStuck',
  },
  {
    because: 'a restart failed, which is reported',
    given: { id: 90, machine: machineIn('Running', { lastTask: failed('VmRestart') }), status: { operation: restart } },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'also if that showed only after the visibility window',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: failed('VmRestart') }),
      status: { operation: { ...restart, startTime: secondsAgo(60) } },
    },
    action: 'None',
    reason: 'PowerChangeFailed',
  },
  {
    because: 'a second restart would hurt, so it is done',
    given: {
      id: 90,
      machine: machineIn('Running', { lastTask: failed('VmRestart') }),
      status: { operation: { ...restart, startTime: secondsAgo(30) }, conditions: reported },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'a failed task of the provider does not lead to a call for a VM that matches the spec',
    given: { id: 90, machine: machineIn('Running', { lastTask: failed('VmBackup') }) },
    action: 'None',
    reason: 'Available',
  },
]);

describe('a message', () => {
  it.each([
    {
      says: "VM 90 isn't provisioned: its last task at the provider failed (VmCreate: failed)",
      given: { machine: machineIn('Pending', { lastTask: failed('VmCreate') }) },
    },
    {
      says: 'start of VM 90 failed at the provider (VmStart: failed); the operator sends it again with exponential backoff',
      given: { machine: machineIn('Halted', { lastTask: failed('VmStart') }), status: { operation: start } },
    },
    {
      says: 'stop of VM 90 failed at the provider (VmStop: failed)',
      given: {
        spec: halted,
        machine: machineIn('Halting', { lastTask: failed('VmStop') }),
        status: { operation: stop },
      },
    },
    {
      says: 'restart of VM 90 failed at the provider (VmRestart: failed); to repeat it, set another spec.restartRequest',
      given: { machine: machineIn('Running', { lastTask: failed('VmRestart') }), status: { operation: restart } },
    },
    {
      says: 'for more than 600 s (VmStart: failed); the operator sends it again',
      given: {
        machine: machineIn('Halted', { lastTask: failed('VmStart') }),
        status: { operation: { ...start, startTime: secondsAgo(700) } },
      },
    },
    {
      says: 'VM 90 is running; its power state matches the spec; its last task at the provider failed (VmRestart: failed)',
      given: { machine: machineIn('Running', { lastTask: failed('VmRestart') }) },
    },
    {
      says: 'VM 90 is halted; its power state matches the spec; its last task at the provider failed (VmStart: failed)',
      given: { spec: halted, machine: machineIn('Halted', { lastTask: failed('VmStart') }) },
    },
    {
      says: 'deleting VM 90; its last task at the provider failed (VmDelete: failed)',
      given: { deleting: true, machine: machineIn('Halted', { lastTask: failed('VmDelete') }) },
    },
    {
      says: 'deleting VM 90; its last task at the provider failed (VmRemove: failed)',
      given: {
        deleting: true,
        machine: machineIn('Halted', { lastTask: failed('VmRemove') }),
        status: { operation: stop },
      },
    },
  ] as const)('names the task: $says', ({ says, given }) => {
    expect(messageWith(given)).toContain(says);
  });

  it.each(['Pending', 'Starting', 'Running', 'Halting', 'Halted'] as const)(
    'names no task that did not fail: %s',
    (state) => {
      for (const status of ['complete', 'pending', 'running', 'sleeping'])
        expect(messageWith({ machine: machineIn(state, { lastTask: { name: 'VmBackup', status } }) })).not.toMatch(
          /failed/,
        );
    },
  );
});
