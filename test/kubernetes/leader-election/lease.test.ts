import { expect, test } from 'vitest';
import { readLease, acquiredSpec } from '../../../src/kubernetes/leader-election/lease.ts';

const claim = { identity: 'pod-1', duration: 15_000, at: 0 };

test.each([
  ['one without a holder', undefined, 0],
  ['one that another one had', readLease({ metadata: {}, spec: { holderIdentity: 'pod-2', leaseTransitions: 7 } }), 8],
  ['one that was given back', readLease({ metadata: {}, spec: { holderIdentity: '', leaseTransitions: 7 } }), 8],
  ['one without a number', readLease({ metadata: {}, spec: { leaseTransitions: 'many' } }), 1],
])('acquiring %s counts the change of the holder', (_what, before, leaseTransitions) => {
  expect(acquiredSpec(claim, before)).toMatchObject({
    holderIdentity: 'pod-1',
    leaseDurationSeconds: 15,
    leaseTransitions,
  });
});
