import { expect, it } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { transitionEvents } from '../../src/reconcile/report.ts';
import { conditionsFor } from '../../src/status/conditions.ts';
import { now, secondsAgo } from '../plan/fixtures.ts';

const message = 'because';
const comparison = { result: 'Same', message: 'as specified' } as const;

function statusWith(reason: Reason, trouble?: Reason, more: { readonly isDeleting?: true } = {}): VirtualMachineStatus {
  const context = {
    ...more,
    credentials: { kind: 'Accepted' },
    generation: 1,
    comparison,
    ...(trouble === undefined ? {} : { trouble: { reason: trouble, message } }),
  } as const;
  return { observedGeneration: 1, conditions: conditionsFor({ reason, message }, context, now) };
}

it.each<[what: string, before: VirtualMachineStatus, reason: Reason, trouble: Reason | undefined, events: Reason[]]>([
  ['another reason', statusWith('Starting'), 'Available', undefined, ['Available']],
  ['the same reason', statusWith('Available'), 'Available', undefined, []],
  ['trouble beside it', statusWith('Available'), 'Available', 'DuplicateMachine', ['DuplicateMachine']],
  ['the same trouble', statusWith('Available', 'DuplicateMachine'), 'Available', 'DuplicateMachine', []],
  [
    'trouble that is the reason too',
    statusWith('Available'),
    'DuplicateMachine',
    'DuplicateMachine',
    ['DuplicateMachine'],
  ],
])('a status with %s emits its events once each', (_what, before, reason, trouble, events) => {
  const emitted = transitionEvents(before, statusWith(reason, trouble), { reason, message });
  expect(emitted.map((event) => event.reason)).toEqual(events);
});

it.each<{ what: string; before: VirtualMachineStatus; after: VirtualMachineStatus; reason: Reason; count: number }>([
  {
    what: 'a deletion that a pause holds up',
    before: statusWith('Paused'),
    after: statusWith('Paused', undefined, { isDeleting: true }),
    reason: 'Paused',
    count: 1,
  },
  {
    what: 'a deletion that is still held up',
    before: statusWith('Paused', undefined, { isDeleting: true }),
    after: statusWith('Paused', undefined, { isDeleting: true }),
    reason: 'Paused',
    count: 0,
  },
  {
    what: 'a plan with another step',
    before: { ...statusWith('PlanOnly'), plannedActions: [{ operation: 'StopMachine', message }] },
    after: { ...statusWith('PlanOnly'), plannedActions: [{ operation: 'DeleteMachine', message }] },
    reason: 'PlanOnly',
    count: 1,
  },
  {
    what: 'the same plan',
    before: { ...statusWith('PlanOnly'), plannedActions: [{ operation: 'StopMachine', message }] },
    after: { ...statusWith('PlanOnly'), plannedActions: [{ operation: 'StopMachine', message }] },
    reason: 'PlanOnly',
    count: 0,
  },
])('the reason stays the same, and $what emits $count events', ({ before, after, reason, count }) => {
  expect(transitionEvents(before, after, { reason, message })).toEqual(
    Array.from({ length: count }, () => ({ reason, message })),
  );
});

const halted = { id: 90, origin: 'Created', state: 'Halted', lastRestartRequest: 'twice' } as const;

it.each<
  [what: string, before: Partial<VirtualMachineStatus>, after: Partial<VirtualMachineStatus>, isReported: boolean]
>([
  ['while the VM is halted', { lastRestartRequest: 'once' }, halted, true],
  ['that was reported', halted, halted, false],
  ['that started the VM', {}, { ...halted, state: 'Starting' }, false],
  ['whose VM is halted at its end', { operation: { type: 'Restart', startTime: secondsAgo(9) } }, halted, false],
])('a restart request %s', (_what, before, after, isReported) => {
  const status = statusWith('Available');
  const emitted = transitionEvents(
    { ...status, origin: 'Created', ...before },
    { ...status, ...after },
    {
      reason: 'Available',
      message,
    },
  );
  const words =
    'spec.restartRequest "twice" has no effect, because VM 90 is halted; to restart it when it runs, set another text then';
  expect(emitted).toEqual(isReported ? [{ reason: 'RestartSkipped', message: words }] : []);
});
