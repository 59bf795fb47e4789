/**
 * What the tools of GitOps make of each reason: the library kstatus (Flux, kpt, Helm 4), and Argo CD with the
 * script in deploy/gitops/argocd. Tests hold it against both; docs/gitops-health.md is generated from it.
 */
import type { Reason } from '../../src/api/v1alpha1/reasons.ts';

export type KStatus = 'Current' | 'InProgress' | 'Failed' | 'Terminating';
export type ArgoHealth = 'Healthy' | 'Progressing' | 'Degraded' | 'Suspended';

export interface Verdicts {
  readonly kstatus: KStatus;
  readonly argo: ArgoHealth;
}

export interface VerdictRow extends Verdicts {
  /** The same for a machine that was as this very spec asks before, where it differs. */
  readonly wasReady?: Verdicts;
  readonly because: string;
}

const done: Verdicts = { kstatus: 'Current', argo: 'Healthy' };
const going: Verdicts = { kstatus: 'InProgress', argo: 'Progressing' };
const failed: Verdicts = { kstatus: 'Failed', argo: 'Degraded' };
/** kstatus has no word for what is at rest and not as the spec says: a rollout must not be told that it is done. */
const atRest: Verdicts = { kstatus: 'InProgress', argo: 'Suspended' };
/** As kstatus puts it, work is under way; the machine is as asked all the same. */
const keptUp: Verdicts = { kstatus: 'InProgress', argo: 'Healthy' };
const leaving: Verdicts = { kstatus: 'Terminating', argo: 'Progressing' };

const passes = 'it goes on by itself';
const needsSomebody = 'it waits until you act';
const policy = 'it is at rest but not as the spec says, because a policy wants it so';
const outage = 'an outage is no failure of the object; nothing shows that a VM that was Ready changed';

export const verdicts: Readonly<Record<Reason, VerdictRow>> = {
  Observing: { ...going, because: 'the operator reads the first list of the account' },
  Available: { ...done, because: 'the power state is as the spec says, running or halted' },
  Creating: { ...going, because: passes },
  ProvisioningFailed: { ...failed, because: needsSomebody },
  CreateOutcomeUnknown: { ...going, because: 'lists will tell' },
  CreateBackoff: { ...going, because: 'the next request may lead to a VM' },
  NameConflict: { ...failed, because: needsSomebody },
  NameTaken: { ...failed, because: needsSomebody },
  HeldByOtherObject: { ...failed, because: needsSomebody },
  AdoptionMismatch: { ...failed, because: needsSomebody },
  IdentityMismatch: { ...failed, because: needsSomebody },
  IdentityUnproven: { ...failed, because: needsSomebody },
  InvalidSpec: { ...failed, because: needsSomebody },
  UnknownCatalogName: { ...failed, because: needsSomebody },
  CombinationNotOffered: { ...failed, because: needsSomebody },
  CreateRefused: { ...failed, because: needsSomebody },
  QuotaExceeded: { ...failed, because: needsSomebody },
  NamespaceLimitReached: { ...failed, because: needsSomebody },
  Starting: { ...going, because: passes },
  Stopping: { ...going, because: passes },
  Restarting: { ...going, because: passes },
  ProviderBusy: { ...going, because: passes },
  PowerTransitionStuck: { ...failed, because: 'the operator retries, but has for long: check the VM' },
  PowerChangeFailed: { ...going, because: 'it is tried again' },
  StartBackoff: { ...going, because: 'the next start may hold' },
  PowerDrift: {
    kstatus: 'InProgress',
    argo: 'Degraded',
    because: 'the power was changed outside the operator, and the spec has that reported, not corrected: you decide',
  },
  CredentialsMissing: { ...failed, because: needsSomebody },
  CredentialsRejected: { ...failed, because: needsSomebody },
  ApiKeyLimitReached: { ...failed, because: needsSomebody },
  AccountMismatch: { ...failed, because: needsSomebody },
  RateLimited: { ...going, wasReady: keptUp, because: outage },
  ProviderUnavailable: { ...going, wasReady: keptUp, because: outage },
  ProtocolError: { ...going, wasReady: keptUp, because: outage },
  ExternallyDeleted: { ...failed, because: needsSomebody },
  AbsenceUnconfirmed: { ...going, because: 'lists will tell' },
  RecreationDelayed: { ...going, because: passes },
  DuplicateMachine: { ...failed, because: needsSomebody },
  IdentityFromOtherObject: { ...failed, because: needsSomebody },
  OrphanCandidateFound: { ...failed, because: needsSomebody },
  AdoptionTargetNotFound: { ...failed, because: needsSomebody },
  AdoptionNotPermitted: { ...failed, because: needsSomebody },
  DiffersFromSpec: {
    ...done,
    because: 'the power state is as the spec says; AsSpecified, an event and an alert report the rest',
  },
  InitialPasswordConflict: { ...done, because: 'the power state is as the spec says; Synced reports the Secret' },
  InvalidAnnotation: { ...done, because: 'reported as an event only' },
  MachineAnnotationCorrected: { ...done, because: 'reported as an event only' },
  WriteRefused: { ...failed, because: 'a policy stands in the way: you have to change it or the object' },
  OwnedByOtherInstallation: { ...done, because: 'reported as an event only' },
  Deleting: { ...leaving, because: 'whatever the conditions say' },
  DeletionProtected: { ...leaving, because: 'whatever the conditions say' },
  OrphanNotPermitted: { ...leaving, because: 'whatever the conditions say' },
  Paused: {
    ...atRest,
    wasReady: { kstatus: 'Current', argo: 'Suspended' },
    because: 'what was reached stays reached; what was not is not',
  },
  ObserveOnly: { ...atRest, because: policy },
  PlanOnly: { ...atRest, because: policy },
};
