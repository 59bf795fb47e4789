import { expect, it } from 'vitest';
import type { VirtualMachineStatus } from '../../../src/api/v1alpha1/types.ts';
import { KubeError } from '../../../src/kubernetes/errors.ts';
import type { Action } from '../../../src/plan/action.ts';
import { ownershipNotStored, writeRefused } from '../../../src/reconcile/execute/write-refusal.ts';
import { now, objectWith, observedWith, type ObservedOptions, secondsAgo } from '../../plan/fixtures.ts';

const refusal = new KubeError('patch virtualmachines default/web: 403', {
  reason: 'Forbidden',
  words: 'labels are missing',
});
const wordless = new KubeError('patch virtualmachines default/web: 403', { reason: 'Forbidden' });

it.each<{ given: ObservedOptions; says: string }>([
  { given: { machine: 'Absent' }, says: 'the VM is gone, but' },
  { given: { machine: 'Halted' }, says: 'no VM is left to delete for this object, but' },
])('a finalizer that cannot be removed: $says', ({ given, says }) => {
  const { message } = writeRefused(observedWith({ id: 90, ...given }), { type: 'ReleaseFinalizer' }, refusal);
  expect(message).toMatch(new RegExp(`^${says} .*: labels are missing; change the object`));
});

it.each<{ action: Action; says: string }>([
  {
    action: { type: 'RecordIdentity', machine: { id: 7, name: 'legacy', origin: 'Adopted' } },
    says: 'VM 7 cannot be recorded in the object',
  },
  { action: { type: 'WithdrawIntent' }, says: 'the provider refused to create the VM, but' },
  { action: { type: 'None' }, says: 'the status cannot be stored' },
  { action: { type: 'Delete', id: 90 }, says: 'the status cannot be stored' },
])('a refused write of $action.type: $says', ({ action, says }) => {
  const of = (error: KubeError): string => writeRefused(observedWith(), action, error).message;
  expect(of(refusal)).toMatch(new RegExp(`^${says}.*: labels are missing; change the object`));
  // The API server gave no message.
  expect(of(wordless)).toMatch(new RegExp(`^${says}.*: patch virtualmachines default/web: 403; change the object`));
});

it("an object whose finalizer cannot be written keeps the VM's status, with its time", () => {
  const ready = { type: 'Ready', status: 'True', reason: 'Available', message: '', observedGeneration: 1 } as const;
  const before: VirtualMachineStatus = {
    observedGeneration: 1,
    id: 90,
    state: 'Running',
    conditions: [{ ...ready, lastTransitionTime: secondsAgo(600) }],
  };
  const { status, statusReason: verdict } = ownershipNotStored(objectWith(), before, refusal, now);
  expect(status).toMatchObject({ id: 90, state: 'Running' });
  expect(status.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({
    status: 'True',
    lastTransitionTime: secondsAgo(600),
  });
  expect(status.conditions?.find(({ type }) => type === 'Synced')).toMatchObject({ status: 'False', ...verdict });
  expect(verdict.message).toContain('cannot be stored: labels are missing; change the object');
});
