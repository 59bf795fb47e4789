import { describe, expect, it } from 'vitest';
import { annotations } from '../../src/api/v1alpha1/constants.ts';
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';
import type { OperationStatus } from '../../src/api/v1alpha1/types.ts';
import { plan } from '../../src/plan/plan.ts';
import { failure, machineIn, now, type ObservedOptions, observedWith, secondsAgo } from './fixtures.ts';

interface Wait {
  readonly reason: Reason;
  readonly because: string;
  readonly given: ObservedOptions;
  /** Milliseconds until the object is requeued; undefined: a list, a Secret or the object itself requeues it. */
  readonly after: number | undefined;
}

const [seconds, minutes] = [1_000, 60_000];
const site = { providerName: 'site' } as const;
const named = (name: string) => machineIn('Running', { name });
const refusal = failure({ operation: 'CreateMachine', class: 'Terminal', code: 'BadRequest', status: 400 });
const mustExist = { adoption: { policy: 'MustExist' } } as const;
const candidate = { id: 70, name: 'web-11111111', state: 'Halted' } as const;

const withoutVm: readonly Wait[] = [
  {
    reason: 'CreateRefused',
    because: 'the refusal may end without an event, as an account gets credit',
    given: { history: { refusal } },
    after: 30 * minutes,
  },
  {
    reason: 'UnknownCatalogName',
    because: 'the catalog changes rarely',
    given: { spec: { region: { id: 77 } } },
    after: 30 * minutes,
  },
  {
    reason: 'AdoptionNotPermitted',
    because: 'the user has to change the object or the Secret',
    given: { spec: mustExist, observed: { isDefaultKey: true } },
    after: 30 * minutes,
  },
  {
    reason: 'AdoptionTargetNotFound',
    because: 'a list that contains the VM requeues the object',
    given: { spec: mustExist },
    after: 30 * minutes,
  },
  {
    reason: 'AdoptionTargetNotFound',
    because: 'also if no VM can be created instead',
    // `never`: the schema requires these fields for any other policy.
    given: { spec: { ...mustExist, package: undefined } as never },
    after: 30 * minutes,
  },
  {
    reason: 'ProviderUnavailable',
    because: 'the catalog is read again soon',
    given: { observed: { catalog: { kind: 'Unavailable', failure: failure() } } },
    after: 10 * seconds,
  },
  {
    reason: 'OrphanCandidateFound',
    because: 'another object may adopt the VM',
    given: { observed: { orphanCandidates: [candidate] } },
    after: minutes,
  },
  {
    reason: 'NamespaceLimitReached',
    because: 'another object may leave',
    given: { observed: { namespaceLimit: { limit: 1, leftRunning: [] } } },
    after: minutes,
  },
  {
    reason: 'AdoptionMismatch',
    because: 'the VM of that name may be created',
    given: { spec: { ...site, adoption: { policy: 'MustExist', id: 90 } }, machine: named('other') },
    after: minutes,
  },
  {
    reason: 'NameTaken',
    because: 'the VM of the name may be deleted',
    given: { spec: site, machine: named('site') },
    after: minutes,
  },
  {
    reason: 'IdentityUnproven',
    because: 'the VM may be deleted at the provider',
    given: {
      spec: site,
      machine: named('site'),
      annotations: {
        [annotations.createPending]: JSON.stringify({
          at: secondsAgo(5),
          name: 'site',
          uid: observedWith().object.metadata.uid,
        }),
      },
      observed: { isIntentProven: true, isIntentRefused: true },
    },
    after: minutes,
  },
  {
    reason: 'HeldByOtherObject',
    because: 'the other object may be deleted',
    given: { spec: { ...site, ...mustExist }, machine: named('site'), observed: { machineConflict: 'b/other' } },
    after: minutes,
  },
  {
    reason: 'NameConflict',
    because: 'the other object may be deleted',
    given: { spec: site, observed: { nameConflict: 'b/older' } },
    after: 15 * seconds,
  },
  {
    reason: 'CreateBackoff',
    because: 'each further create request may be billed',
    given: { intent: true, observed: { createsWithoutVm: { creates: 2, since: now - 1_000 } } },
    after: 299 * seconds,
  },
  {
    reason: 'CreateBackoff',
    because: 'the pauses double, up to six hours',
    given: { intent: true, observed: { createsWithoutVm: { creates: 30, since: now } } },
    after: 6 * 60 * minutes,
  },
];

const withVm: readonly Wait[] = [
  {
    reason: 'CredentialsMissing',
    because: 'a Secret without the label is not watched',
    given: { observed: { credentials: { kind: 'Missing', message: 'no Secret' } } },
    after: 15 * seconds,
  },
  {
    reason: 'CredentialsRejected',
    because: 'the key in a Secret without the label may change',
    given: { observed: { credentials: { kind: 'Rejected', failure: undefined } } },
    after: 15 * seconds,
  },
  {
    reason: 'ApiKeyLimitReached',
    because: 'an object with another key may leave',
    given: { observed: { credentials: { kind: 'TooMany', limit: 'TotalReached' } } },
    after: minutes,
  },
  {
    reason: 'DeletionProtected',
    because: 'the user lifts the protection',
    given: { machine: 'Absent', deleting: true, spec: { deletionProtection: true } },
    after: undefined,
  },
  {
    reason: 'HeldByOtherObject',
    because: 'the other object may be deleted',
    given: { machine: 'Running', observed: { machineConflict: 'b/other' } },
    after: 15 * seconds,
  },
  {
    reason: 'AccountMismatch',
    because: 'the key may change in a Secret that is not watched',
    given: { machine: { kind: 'OtherAccount', ownerId: 2 } },
    after: minutes,
  },
  {
    reason: 'AccountMismatch',
    because: 'so may that of a create request',
    given: { machine: { kind: 'OtherKey' } },
    after: minutes,
  },
  {
    reason: 'RateLimited',
    because: 'the provider asks for the pause',
    given: { machine: 'Halted', observed: { rateLimitedFor: 7_000 } },
    after: 7 * seconds,
  },
  {
    reason: 'AbsenceUnconfirmed',
    because: 'lists follow',
    given: { machine: { kind: 'AbsenceUnconfirmed' } },
    after: undefined,
  },
  {
    reason: 'AbsenceUnconfirmed',
    because: 'lists follow',
    given: { machine: { kind: 'MassAbsence', vanished: 9, of: 40 } },
    after: undefined,
  },
  {
    reason: 'RecreationDelayed',
    because: 'lists follow',
    given: { machine: { kind: 'AbsenceRecent', id: 90, until: now + 1_000 } },
    after: undefined,
  },
  {
    reason: 'ProtocolError',
    because: 'lists follow',
    given: { machine: { kind: 'Unreadable', id: 90, problem: 'its state is "odd"', isOurs: true } },
    after: undefined,
  },
  {
    reason: 'Paused',
    because: 'the user resumes it',
    given: { annotations: { [annotations.paused]: 'true' } },
    after: undefined,
  },
  { reason: 'InvalidSpec', because: 'the user corrects it', given: { flaws: ['spec.powerState …'] }, after: undefined },
  {
    reason: 'InvalidSpec',
    because: 'Retain matters in a deletion only',
    given: { flaws: ['spec.powerState …'], spec: { deletionPolicy: 'Retain' } },
    after: undefined,
  },
];

describe('an object that can not continue', () => {
  it.each(withoutVm)('without a VM is requeued in time for $reason: $because', ({ reason, given, after }) => {
    const decision = plan(observedWith(given));
    expect({ reason: decision.statusReason?.reason, after: decision.after }).toEqual({ reason, after });
    expect(decision.action.type).toBe('None');
  });

  it.each(withVm)(
    'with a VM keeps its operation, and is requeued in time for $reason: $because',
    ({ reason, given, after }) => {
      const operation: OperationStatus = { type: 'Start', startTime: secondsAgo(200), attempts: 1 };
      const startFailure = { count: 2, lastTime: secondsAgo(300), retryTime: secondsAgo(200) };
      const decision = plan(observedWith({ id: 90, ...given, status: { operation, startFailure, ...given.status } }));
      expect({ ...decision, reason: decision.statusReason?.reason }).toMatchObject({
        reason,
        after,
        operation,
        startFailure,
      });
      expect(decision.action.type).toBe('None');
    },
  );
});
