import { describe, expect, it } from 'vitest';
import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { VirtualMachineStatus } from '../../src/api/v1alpha1/types.ts';
import { type Report, statusFor } from '../../src/status/status.ts';
import { type ObservedOptions, observedWith } from '../plan/fixtures.ts';
import { type KStatus, kstatus } from '../support/kstatus.ts';

interface Row {
  /** What a rollout that waits for the object sees. */
  readonly is: KStatus;
  /** The same for an object that was Ready before, where it differs. */
  readonly wasReady?: KStatus;
  readonly because: string;
}

const passes = 'it goes on by itself';
const needsSomebody = 'waiting longer changes nothing: somebody has to act';
const wanted = 'it is at rest but not as the spec says, so a rollout must not be told that it is done';

/** One row for each reason there is. */
const table: Readonly<Record<Reason, Row>> = {
  Available: { is: 'Current', because: 'the machine is as asked, running or halted' },
  Creating: { is: 'InProgress', because: passes },
  CreateOutcomeUnknown: { is: 'InProgress', because: 'lists will tell' },
  NameConflict: { is: 'Failed', because: needsSomebody },
  IdentityMismatch: { is: 'Failed', because: needsSomebody },
  InvalidSpec: { is: 'Failed', because: needsSomebody },
  UnknownCatalogName: { is: 'Failed', because: needsSomebody },
  QuotaExceeded: { is: 'Failed', because: needsSomebody },
  Starting: { is: 'InProgress', because: passes },
  Stopping: { is: 'InProgress', because: passes },
  Restarting: { is: 'InProgress', because: passes },
  ProviderBusy: { is: 'InProgress', because: passes },
  PowerTransitionStuck: { is: 'Failed', because: 'it is tried again, but has been for long: somebody should look' },
  StartBackoff: { is: 'InProgress', because: 'the next start may hold' },
  PowerDrift: { is: 'InProgress', because: wanted },
  CredentialsMissing: { is: 'Failed', because: needsSomebody },
  CredentialsRejected: { is: 'Failed', because: needsSomebody },
  AccountMismatch: { is: 'Failed', because: needsSomebody },
  RateLimited: {
    is: 'InProgress',
    because: 'a machine that was Ready stays so, but a rollout waits until it was looked at again',
  },
  ProviderUnavailable: { is: 'InProgress', because: 'an outage is no failure of the object' },
  ProtocolError: { is: 'InProgress', because: 'an outage of another kind' },
  ExternallyDeleted: { is: 'Failed', because: needsSomebody },
  AbsenceUnconfirmed: { is: 'InProgress', because: 'lists will tell' },
  RestoredUnconfirmed: { is: 'Failed', because: needsSomebody },
  LookAlikeFound: { is: 'Failed', because: needsSomebody },
  NothingToAdopt: { is: 'Failed', because: needsSomebody },
  InitialPasswordConflict: {
    is: 'Current',
    because: 'the machine is as asked all the same; Synced tells of the Secret',
  },
  AnnotationIgnored: { is: 'Current', because: 'told in an event only' },
  Deleting: { is: 'Terminating', because: 'whatever the conditions say' },
  DeletionProtected: { is: 'Terminating', because: 'whatever the conditions say' },
  Paused: { is: 'InProgress', wasReady: 'Current', because: 'what was reached stays reached; what was not is not' },
  ObserveOnly: { is: 'InProgress', because: wanted },
  PlanOnly: { is: 'InProgress', because: wanted },
};

/** How an object comes to show a reason that is no verdict, or only in deletion. */
const circumstances: Partial<Record<Reason, ObservedOptions>> = {
  Deleting: { deleting: true },
  DeletionProtected: { deleting: true, spec: { deletionProtection: true } },
  InitialPasswordConflict: { history: { passwordConflict: 'Secret "x" is there' } },
};
const besides: ReadonlySet<Reason> = new Set<Reason>(['InitialPasswordConflict', 'AnnotationIgnored']);

const report = (reason: Reason): Report => ({
  verdict: { reason: besides.has(reason) ? 'Available' : reason, message: 'because' },
  operation: undefined,
  startFailure: undefined,
  handledRestart: undefined,
  plannedActions: undefined,
});

function seen(reason: Reason, status: Partial<VirtualMachineStatus> = {}): KStatus {
  const observed = observedWith({ id: 90, machine: 'Running', ...circumstances[reason], status });
  return kstatus({ metadata: observed.object.metadata, status: statusFor(observed, report(reason)) });
}

describe('to tools that wait for a rollout', () => {
  // Object.keys forgets that they are reasons.
  it.each(Object.keys(reasons) as Reason[])('%s is what the table says', (reason) => {
    const { is, wasReady = is, because } = table[reason];
    expect(seen(reason), because).toBe(is);
    const ready = statusFor(observedWith({ id: 90, machine: 'Running' }), report('Available'));
    expect(seen(reason, ready), `${because}; it was Ready before`).toBe(wasReady);
  });

  it('an object that nobody has looked at is not done', () => {
    // The default of the CRD, without which an object that tells nothing would count as Current.
    expect(kstatus({ metadata: { generation: 1 }, status: { observedGeneration: -1 } })).toBe('InProgress');
    expect(kstatus({ metadata: { generation: 1 } })).toBe('Current');
  });

  it('a newer spec is not done for having been so before', () => {
    const { metadata } = observedWith({ id: 90 }).object;
    const status = statusFor(observedWith({ id: 90, machine: 'Running' }), report('Available'));
    expect(kstatus({ metadata: { ...metadata, generation: 2 }, status })).toBe('InProgress');
  });
});
