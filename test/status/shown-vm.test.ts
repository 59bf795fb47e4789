import { describe, expect, it } from 'vitest';
import { type Report, statusFor } from '../../src/status/status.ts';
import { observedWith, secondsAgo } from '../plan/fixtures.ts';

const report = {
  statusReason: { reason: 'Available', message: 'because' },
  operation: undefined,
  startFailure: undefined,
  handledRestart: undefined,
  plannedActions: undefined,
} as const satisfies Report;

describe('the VM in the status', () => {
  it.each([
    { because: 'as the spec says, so the spec may say something else now', budget: 2, shown: {} },
    { because: 'not as the spec says, so it is not recreated', budget: 9, shown: { package: { id: 9 } } },
  ])('of a VM that was deleted outside the operator: it was $because', ({ budget, shown }) => {
    const observed = observedWith({
      id: 90,
      machine: 'Absent',
      spec: { package: { id: 2 } },
      status: { state: 'Running', package: { id: budget } },
    });
    const { region, package: size, osTemplate } = statusFor(observed, report);
    expect({ region, package: size, osTemplate }).toEqual({ region: undefined, osTemplate: undefined, ...shown });
  });

  it('is hidden if it was recorded for another object, and that record stays', () => {
    const record = {
      id: 90,
      origin: 'Created',
      providerName: 'web-99999999',
      internal: { objectUID: 'of-another-object' },
    } as const;
    const vm = {
      state: 'Running',
      hostname: 'x',
      region: { id: 7 },
      creationTime: secondsAgo(9),
      diskIds: [1],
    } as const;
    const observed = observedWith({ machine: { kind: 'NotYetSeen' }, status: { ...record, ...vm } });
    const unusable = { ...report, statusReason: { reason: 'IdentityFromOtherObject', message: 'because' } } as const;
    const { conditions, observedGeneration: _, ...status } = statusFor(observed, unusable);
    expect(status).toEqual(record);
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'AsSpecified',
        status: 'Unknown',
        message: 'the object carries the identity of another object, so it has no VM to compare',
      }),
    );
  });

  const options = { ipv6: true, privateNetworking: false, sshKeyIds: [7] };
  const created = { id: 90, origin: 'Created', name: 'web' } as const;

  it.each([
    { because: 'the one just created', given: {}, record: { ...created, options }, shown: options },
    { because: 'an unchanged one', given: { id: 90, machine: 'Running', status: options }, shown: options },
    { because: 'one in place of another', given: { id: 80, status: options }, record: created, shown: {} },
    { because: 'one that is gone', given: { id: 90, status: options, spec: options }, shown: {} },
    { because: 'one that is gone, and was different', given: { id: 90, status: options }, shown: options },
  ] as const)('includes the options it was created with: $because', ({ given, shown, ...more }) => {
    const status = statusFor(observedWith(given), { ...report, ...more });
    const { ipv6, privateNetworking, sshKeyIds } = status;
    expect({ ipv6, privateNetworking, sshKeyIds }).toEqual(shown);
  });
});
