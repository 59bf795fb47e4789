import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** What to look at, for each reason: the compiler asks for one of each. `NAME` and `NAMESPACE` are the object's. */
const looks = {
  object: 'kubectl -n NAMESPACE describe vps NAME',
  record: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.metadata.annotations}'`,
  operation: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.status.operation}'`,
  task: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.status.lastTask}'`,
  secret: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.spec.credentialsSecretRef}'\nkubectl -n NAMESPACE get secret vps247-credentials -o jsonpath='{.type} {.metadata.labels}'`,
  owner: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.status.ownerId}'`,
  log: 'kubectl -n vps247-system logs deployment/vps247-operator --tail=50',
  orphanCandidates: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.status.orphanCandidates}'`,
  holders: `kubectl get vps -A -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,ID:.status.id,MACHINE:.status.providerName`,
  comparison: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.spec.region} {.spec.package} {.spec.osTemplate}{"\\n"}{.status.region} {.status.package} {.status.osTemplate}{"\\n"}'`,
  planned: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{range .status.plannedActions[*]}{.operation}: {.message}{"\\n"}{end}'`,
  startFailure: `kubectl -n NAMESPACE get vps NAME -o jsonpath='{.status.startFailure}'`,
  passwords: 'kubectl -n NAMESPACE describe secret NAME-initial-password',
  events: 'kubectl -n NAMESPACE events --for virtualmachine/NAME',
} as const;

/** What somebody who was not there needs to understand a mistake of the operator. The issue form asks for the same: test/packaging/issue-forms.test.ts. */
export const gather: readonly { readonly what: string; readonly command: string }[] = [
  {
    what: 'the versions of Kubernetes and of the operator',
    command: `kubectl version
kubectl -n vps247-system get deployment vps247-operator -o jsonpath='{.spec.template.spec.containers[0].image}'`,
  },
  { what: 'how it is installed', command: 'helm -n vps247-system get values vps247-operator' },
  { what: 'the object', command: 'kubectl -n NAMESPACE get vps NAME -o yaml' },
  { what: 'its events', command: looks.events },
  {
    what: 'the log of all replicas, from before it happened',
    command: 'kubectl -n vps247-system logs -l app.kubernetes.io/name=vps247-operator --prefix --tail=-1 --since=1h',
  },
];

const lookAt: Readonly<Record<Reason, string>> = {
  Observing: looks.object,
  DiffersFromSpec: looks.comparison,
  Available: looks.object,
  Creating: looks.object,
  ProvisioningFailed: looks.task,
  CreateOutcomeUnknown: looks.record,
  CreateBackoff: looks.object,
  NameConflict: looks.holders,
  NameTaken: looks.holders,
  HeldByOtherObject: looks.holders,
  AdoptionMismatch: looks.object,
  IdentityMismatch: looks.holders,
  IdentityUnproven: looks.record,
  InvalidSpec: looks.object,
  UnknownCatalogName: looks.object,
  CombinationNotOffered: looks.object,
  CreateRefused: looks.object,
  QuotaExceeded: looks.object,
  NamespaceLimitReached: looks.holders,
  Starting: looks.operation,
  Stopping: looks.operation,
  Restarting: looks.operation,
  ProviderBusy: looks.operation,
  PowerTransitionStuck: looks.operation,
  PowerChangeFailed: looks.task,
  StartBackoff: looks.startFailure,
  PowerDrift: looks.events,
  CredentialsMissing: looks.secret,
  CredentialsRejected: looks.secret,
  ApiKeyLimitReached: looks.secret,
  AccountMismatch: looks.owner,
  RateLimited: looks.log,
  ProviderUnavailable: looks.log,
  ProtocolError: looks.log,
  ExternallyDeleted: looks.events,
  AbsenceUnconfirmed: looks.object,
  RecreationDelayed: looks.object,
  DuplicateMachine: looks.holders,
  IdentityFromOtherObject: looks.record,
  OrphanCandidateFound: looks.orphanCandidates,
  AdoptionTargetNotFound: looks.object,
  AdoptionNotPermitted: looks.secret,
  InitialPasswordConflict: looks.passwords,
  InitialPasswordNotStored: looks.events,
  InvalidAnnotation: looks.record,
  MachineAnnotationCorrected: looks.events,
  WriteRefused: looks.events,
  OwnedByOtherInstallation: looks.record,
  Deleting: looks.operation,
  DeletionProtected: looks.object,
  OrphanNotPermitted: looks.object,
  Paused: looks.record,
  ObserveOnly: looks.object,
  PlanOnly: looks.planned,
};

function links(which: readonly Reason[]): string {
  return which.map((reason) => `[${reason}](#${reason.toLowerCase()})`).join(', ');
}

/** docs/troubleshooting.md: for each reason what it means, what to look at and what to do. */
export function renderTroubleshooting(): string {
  // The compiler knows them as strings only; the table's type has them all.
  const all = Object.keys(reasons) as Reason[];
  const groups: readonly (readonly [string, readonly Reason[]])[] = [
    ['wait for you (`Stalled`)', all.filter((reason) => reasons[reason].progress === 'Stalled')],
    ['resolve by themselves (`Reconciling`)', all.filter((reason) => reasons[reason].progress === 'Reconciling')],
    ['stay as they are, by your choice', all.filter((reason) => reasons[reason].progress === 'Settled')],
  ];
  const gathered = gather.map(({ what, command }) => `# ${what}\n${command}`).join('\n');
  const sections = all.map(
    (reason) => `### ${reason}

${reasons[reason].meaning}

**Look at:**

\`\`\`sh
${lookAt[reason]}
\`\`\`

**Do:** ${reasons[reason].remedy}`,
  );
  return `# Troubleshooting

${generatedFrom('src/api/v1alpha1/reasons.ts and hack/generate/troubleshooting.ts')}

Every object shows what it waits for. Begin with the objects that are not Ready, and follow the column REASON. An
object may also be Ready with a reason, such as Paused or ProviderUnavailable:

\`\`\`sh
kubectl get vps -A -o wide
\`\`\`

${markdownTable(
  ['reasons that', ''],
  groups.map(([what, which]) => [what, links(which)]),
)}

Whether each VM has the region, package and template of its spec:

\`\`\`sh
kubectl get vps -A -o custom-columns='NAMESPACE:.metadata.namespace,NAME:.metadata.name,AS-SPECIFIED:.status.conditions[?(@.type=="AsSpecified")].status'
\`\`\`

To reconcile an object now, and retry what is in backoff:

\`\`\`sh
kubectl -n NAMESPACE annotate vps NAME --overwrite vps247.com/reconcile-requested-at="$(date)"
\`\`\`

## Objects without any condition

A new object has conditions within a second, also while the operator waits for the provider (Observing). If it has none,
the operator is not running, not ready, or watches other namespaces or labels. Its log shows what it waits for.

\`\`\`sh
kubectl -n vps247-system get pods
${looks.log}
\`\`\`

## Deletions that do not end

The object has \`DeletionBlocked\`, with one of these reasons: ${links(all.filter((reason) => reasons[reason].blocksDeletion))}. To let the object go and keep its machine, see
[disaster recovery](disaster-recovery.md#delete-an-object-and-keep-its-vm).

## If the operator is wrong

It says that it has done, or waits for, what it should not. Gather this before anything is changed, and open an issue:

\`\`\`sh
${gathered}
\`\`\`

None of these prints a key or a password; \`helm get values\` prints what you gave it, so look through that. Never post the content of a Secret. To stop the operator meanwhile, set the annotation
\`vps247.com/paused: "true"\` at the object. A key or a password that shows anywhere but in its Secret is reported [in private](../SECURITY.md).

## By reason

${sections.join('\n\n')}
`;
}
