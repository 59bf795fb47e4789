import { expect, it } from 'vitest';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { plan } from '../../src/plan/plan.ts';
import { machineIn, now, observedWith, secondsAgo } from './fixtures.ts';
import { type Row, describeRows } from './rows.ts';

const request = { restartRequest: 'two' };
const known = { id: 90, origin: 'Created', lastRestartRequest: 'one' } as const;
const actedAt = secondsAgo(500);
const running = machineIn('Running', { updatedAt: actedAt });
const operation = (seconds: number, more: Partial<OperationStatus> = {}): OperationStatus => ({
  type: 'Restart',
  startTime: secondsAgo(seconds),
  attempts: 1,
  restartRequest: 'two',
  previousActionTime: actedAt,
  ...more,
});

const rows: readonly Row[] = [
  {
    because: 'a new request restarts a running machine',
    given: { id: 90, machine: running, spec: request, status: known },
    action: 'Restart',
    reason: 'Restarting',
  },
  {
    because: 'the same request does not',
    given: { id: 90, machine: running, spec: { restartRequest: 'one' }, status: known },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'no request does not',
    given: { id: 90, machine: running, status: known },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'a machine that is not up yet is restarted when it is',
    given: { id: 90, machine: 'Starting', spec: request, status: known },
    action: 'None',
    reason: 'Starting',
  },
  {
    because: 'one that is to be halted is not restarted first',
    given: { id: 90, machine: running, spec: { ...request, powerState: 'Halted' }, status: known },
    action: 'Stop',
  },
  {
    because: 'asked and answered, and not seen to go down yet: wait',
    given: {
      id: 90,
      machine: running,
      spec: request,
      status: { ...known, operation: operation(5, { lastResult: 'Accepted' }) },
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'seen down and up again: done',
    given: {
      id: 90,
      machine: running,
      spec: request,
      status: { ...known, operation: operation(5, { lastResult: 'Accepted' }) },
      history: { lastDownAt: now - 2_000 },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'accepted, and too quick to be seen',
    given: {
      id: 90,
      machine: running,
      spec: request,
      status: { ...known, operation: operation(31, { lastResult: 'Accepted' }) },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'accepted, and the task is still there',
    given: {
      id: 90,
      machine: { ...running, lastTask: { name: 'VmRestart', status: 'pending' } },
      spec: request,
      status: { ...known, operation: operation(31, { lastResult: 'Accepted' }) },
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'answer not known, and the call may still be in flight',
    given: { id: 90, machine: running, spec: request, status: { ...known, operation: operation(64) } },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'answer not known, long ago, and nothing happened to the machine since: the call was never made',
    given: { id: 90, machine: running, spec: request, status: { ...known, operation: operation(65) } },
    action: 'Restart',
    reason: 'Restarting',
  },
  {
    because: 'answer not known, and something happened to the machine: it was made',
    given: {
      id: 90,
      machine: machineIn('Running', { updatedAt: secondsAgo(60) }),
      spec: request,
      status: { ...known, operation: operation(3) },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'answer not known, something happened to the machine, and the task for it is still pending',
    given: {
      id: 90,
      machine: machineIn('Running', {
        updatedAt: secondsAgo(2),
        lastTask: { name: 'VmRestart', status: 'pending' },
      }),
      spec: request,
      status: { ...known, operation: operation(3) },
    },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'answer not known a second time: twice the window passes before it is sent again',
    given: { id: 90, machine: running, spec: request, status: { ...known, operation: operation(94, { attempts: 2 }) } },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'and then it is',
    given: { id: 90, machine: running, spec: request, status: { ...known, operation: operation(95, { attempts: 2 }) } },
    action: 'Restart',
  },
  {
    because: 'answer not known, and the provider reports no times: a second restart would hurt',
    given: { id: 90, machine: 'Running', spec: request, status: { ...known, operation: operation(65) } },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'answer not known, and no time of a last action is recorded or reported: a second restart would hurt',
    given: {
      id: 90,
      machine: 'Running',
      spec: request,
      status: {
        ...known,
        operation: { type: 'Restart', startTime: secondsAgo(65), attempts: 1, restartRequest: 'two' },
      },
    },
    action: 'None',
    reason: 'Available',
  },
  {
    because: 'answer not known, and only the recorded time: it shows nothing while the call may be in flight',
    given: { id: 90, machine: 'Running', spec: request, status: { ...known, operation: operation(3) } },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'refused as busy, so no call was made: asked again without a pause',
    given: {
      id: 90,
      machine: running,
      spec: request,
      status: { ...known, operation: operation(5, { attempts: 0, lastResult: 'Busy' }) },
    },
    action: 'Restart',
  },
  {
    because: 'halted on its way through a restart, it starts by itself',
    given: { id: 90, machine: 'Halted', spec: request, status: { ...known, operation: operation(5) } },
    action: 'None',
    reason: 'Restarting',
  },
  {
    because: 'one that stays halted is started',
    given: {
      id: 90,
      machine: 'Halted',
      spec: request,
      status: { ...known, operation: operation(65) },
      history: { stateFor: 30_000 },
    },
    action: 'Start',
  },
  {
    because: 'a provider at work on the machine is waited for',
    given: {
      id: 90,
      machine: { ...running, lastTask: { name: 'VmStart', status: 'running' } },
      spec: request,
      status: known,
    },
    action: 'None',
    reason: 'ProviderBusy',
  },
];

describeRows('restarting', rows);

const handled = (given: Parameters<typeof observedWith>[0]) => plan(observedWith(given)).handledRestart;

it.each([
  { because: 'at creation', given: { spec: request }, expected: 'two' },
  {
    because: 'before the status records the VM: the request is older',
    given: { finalizer: true, machine: running, spec: request },
    expected: 'two',
  },
  {
    because: 'while the VM is halted, as in the spec',
    given: { id: 90, machine: 'Halted', spec: { ...request, powerState: 'Halted' }, status: known },
    expected: 'two',
  },
  {
    because: 'when the restart is done, whatever the spec asks for by then',
    given: {
      id: 90,
      machine: running,
      spec: { restartRequest: 'three' },
      status: { ...known, operation: operation(5) },
      history: { lastDownAt: now - 2_000 },
    },
    expected: 'two',
  },
  {
    because: 'not before it is made',
    given: { id: 90, machine: running, spec: request, status: known },
    expected: undefined,
  },
  {
    because: 'not while it is in progress',
    given: { id: 90, machine: running, spec: request, status: { ...known, operation: operation(5) } },
    expected: undefined,
  },
] as const)('a request counts as handled: $because', ({ given, expected }) => {
  expect(handled(given)).toBe(expected);
});

it('stores its request, and the last action of the VM', () => {
  const { action } = plan(observedWith({ id: 90, machine: running, spec: request, status: known }));
  expect(action).toEqual({
    type: 'Restart',
    id: 90,
    operation: {
      type: 'Restart',
      startTime: new Date(now).toISOString(),
      restartRequest: 'two',
      previousActionTime: actedAt,
      attempts: 1,
    },
  });
});
