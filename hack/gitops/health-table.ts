/**
 * How GitOps tools interpret each reason: the library kstatus (Flux, kpt, Helm 4), and Argo CD with the script in
 * deploy/gitops/argocd. Tests compare it with both; docs/gitops-health.md is generated from it.
 */
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';

export type KStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating';
export type ArgoHealth = 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended';

export interface ToolHealth {
  readonly kstatus: KStatus;
  readonly argo: ArgoHealth;
}

export interface HealthRow extends ToolHealth {
  /** The verdicts for an object that was Ready with its current spec, where they differ. */
  readonly wasReady?: ToolHealth;
  readonly because: string;
}

const done: ToolHealth = { kstatus: 'Current', argo: 'Healthy' };
const going: ToolHealth = { kstatus: 'InProgress', argo: 'Progressing' };
const failed: ToolHealth = { kstatus: 'Failed', argo: 'Degraded' };
/** kstatus has no state for an object that is at rest and doesn't match its spec. A rollout must not count it as done. */
const atRest: ToolHealth = { kstatus: 'InProgress', argo: 'Suspended' };
/** For kstatus, a reconciliation is in progress; the VM still matches the spec. */
const keptUp: ToolHealth = { kstatus: 'InProgress', argo: 'Healthy' };
const leaving: ToolHealth = { kstatus: 'Terminating', argo: 'Progressing' };

const progresses = 'the operator continues without your action';
const needsAction = 'the object requires your action';
const policy = 'a policy prevents changes, and the VM does not match the spec';
const outage = 'an outage is not a failure of the object; a VM that was Ready counts as unchanged';

export const healthTable: Readonly<Record<Reason, HealthRow>> = {
  Observing: { ...going, because: 'the operator reads the first list of the account' },
  Available: { ...done, because: 'the power state matches the spec, running or halted' },
  HaltedBySchedule: { ...done, because: 'the schedule of the spec halts the VM' },
  InvalidSchedule: { ...failed, because: needsAction },
  Creating: { ...going, because: progresses },
  Adopting: { ...going, because: progresses },
  ProvisioningFailed: { ...failed, because: needsAction },
  CreateOutcomeUnknown: { ...going, because: 'the next lists show whether the VM exists' },
  CreateBackoff: { ...going, because: 'the next request may lead to a VM' },
  NameConflict: { ...failed, because: needsAction },
  NameTaken: { ...failed, because: needsAction },
  HeldByOtherObject: { ...failed, because: needsAction },
  AdoptionMismatch: { ...failed, because: needsAction },
  IdentityMismatch: { ...failed, because: needsAction },
  IdentityUnproven: { ...failed, because: needsAction },
  InvalidSpec: { ...failed, because: needsAction },
  UnknownCatalogName: { ...failed, because: needsAction },
  CombinationNotOffered: { ...failed, because: needsAction },
  CreateRefused: { ...failed, because: needsAction },
  QuotaExceeded: { ...failed, because: needsAction },
  NamespaceLimitReached: { ...failed, because: needsAction },
  AccountLimitReached: { ...failed, because: needsAction },
  AccountLimitsUnknown: { ...going, because: progresses },
  Starting: { ...going, because: progresses },
  Stopping: { ...going, because: progresses },
  Restarting: { ...going, because: progresses },
  ProviderBusy: { ...going, because: progresses },
  PowerTransitionStuck: { ...failed, because: 'the operator has retried for a long time; check the VM' },
  PowerChangeFailed: { ...going, because: 'the operator retries' },
  StartBackoff: { ...going, because: 'the next start may succeed' },
  PowerDrift: {
    kstatus: 'InProgress',
    argo: 'Degraded',
    because: 'the power state was changed outside the operator, and the spec asks to report that and not to correct it',
  },
  CredentialsMissing: { ...failed, because: needsAction },
  CredentialsRejected: { ...failed, because: needsAction },
  ApiKeyLimitReached: { ...failed, because: needsAction },
  AccountMismatch: { ...failed, because: needsAction },
  RateLimited: { ...going, wasReady: keptUp, because: outage },
  ProviderUnavailable: { ...going, wasReady: keptUp, because: outage },
  ProtocolError: { ...going, wasReady: keptUp, because: outage },
  ExternallyDeleted: { ...failed, because: needsAction },
  AbsenceUnconfirmed: { ...going, because: 'the next lists show whether the VM exists' },
  RecreationDelayed: { ...going, because: progresses },
  DuplicateMachine: { ...failed, because: needsAction },
  IdentityFromOtherObject: { ...failed, because: needsAction },
  OrphanCandidateFound: { ...failed, because: needsAction },
  AdoptionTargetNotFound: { ...failed, because: needsAction },
  AdoptionNotPermitted: { ...failed, because: needsAction },
  DiffersFromSpec: {
    ...done,
    because: 'the power state matches the spec; AsSpecified, an event, and an alert report the difference',
  },
  InitialPasswordConflict: { ...done, because: 'the power state matches the spec; Synced reports the Secret' },
  InitialPasswordNotStored: { ...done, because: 'the power state matches the spec; Synced reports the Secret' },
  InvalidAnnotation: { ...done, because: 'reported as an event only' },
  MachineAnnotationCorrected: { ...done, because: 'reported as an event only' },
  RestartSkipped: { ...done, because: 'reported as an event only' },
  WriteRefused: { ...failed, because: 'a policy refuses the write; change the policy or the object' },
  OwnedByOtherInstallation: { ...done, because: 'reported as an event only' },
  Deleting: { ...leaving, because: 'independent of the conditions' },
  Retained: { ...done, because: 'reported as an event only' },
  DeletionProtected: { ...leaving, because: 'independent of the conditions' },
  OrphanNotPermitted: { ...leaving, because: 'independent of the conditions' },
  Paused: {
    ...atRest,
    wasReady: { kstatus: 'Current', argo: 'Suspended' },
    because: 'a paused object keeps its earlier result',
  },
  ObserveOnly: { ...atRest, because: policy },
  PlanOnly: { ...atRest, because: policy },
};
