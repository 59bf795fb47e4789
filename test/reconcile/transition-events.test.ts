import { expect, it } from 'vitest';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { transitionEvents } from '../../src/reconcile/transition-events.ts';
import { conditionsFor } from '../../src/status/conditions.ts';
import { now } from '../plan/fixtures.ts';

const message = 'because';
const comparison = { result: 'Same', message: 'as specified' } as const;

function statusWith(reason: Reason, trouble?: Reason): VirtualMachineStatus {
  const context = {
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
