import { type Reason, reasons } from '../../src/api/v1alpha1/reasons.ts';
import type { ReasonRow } from '../../src/api/v1alpha1/reason-row.ts';
import { checks, commands, gather } from './reason-checks.ts';
import { generatedFrom } from './table.ts';

// `as`: Object.keys knows strings only; the table's type has them all.
const all = Object.keys(reasons) as Reason[];

function links(which: readonly Reason[]): string {
  return which.map((reason) => `[${reason}](#${reason.toLowerCase()})`).join(', ');
}

/** What the conditions and events show for a reason. */
function shown({ ready, synced, progress, blocksDeletion, shows, event }: ReasonRow): string {
  const conditions = [
    ready === 'Keep' ? '`Ready` unchanged' : `\`Ready\` ${ready}`,
    `\`Synced\` ${synced}`,
    ...(progress === 'Settled' ? [] : [`\`${progress}\` True`]),
    ...(shows === undefined ? [] : [`\`${shows}\` True`]),
    ...(blocksDeletion ? ['`DeletionBlocked` True during a deletion'] : []),
  ];
  return `Conditions: ${conditions.join(', ')}. Event: ${event === 'None' ? 'none' : event}.`;
}

function section(reason: Reason): string {
  const { meaning, remedy } = reasons[reason];
  return `### ${reason}

${shown(reasons[reason])}

${meaning}

**Check:**

\`\`\`sh
${checks[reason]}
\`\`\`

**Action:** ${remedy}`;
}

/** docs/conditions.md: what the conditions mean, and for each reason its meaning, what to check and what to do. */
export function renderConditions(): string {
  const waiting = (progress: ReasonRow['progress']) =>
    links(all.filter((reason) => reasons[reason].progress === progress));
  return `# Conditions and troubleshooting

${generatedFrom('src/api/v1alpha1/reasons.ts and hack/generate/reason-checks.ts')}

The conditions of an object show what the operator observed and what it waits for. This page lists every condition and
every reason, with the action that each reason requires.

In the commands, replace NAMESPACE and NAME with those of the object. The operator is in the namespace \`vps247-system\`.

## Find objects that need action

1. List all objects with their reasons and messages. An object can be Ready and have a reason nevertheless, such as
   \`Paused\` or \`ProviderUnavailable\`.

   \`\`\`sh
   kubectl get vps -A -o wide
   \`\`\`

2. Find [the reason](#reasons) on this page. The message of the condition describes the case. You can paste its commands.

3. To retry immediately, trigger a reconciliation:

   \`\`\`sh
   kubectl -n NAMESPACE annotate vps NAME --overwrite vps247.com/reconcile-requested-at="$(date)"
   \`\`\`

To list whether each VM has the region, package and template of its spec:

\`\`\`sh
kubectl get vps -A -o custom-columns=\\
'NAMESPACE:.metadata.namespace,NAME:.metadata.name,AS-SPECIFIED:.status.conditions[?(@.type=="AsSpecified")].status'
\`\`\`

### Objects without conditions

A new object has conditions within a second, also while the operator waits for the provider
([Observing](#observing)). If it has none, the operator isn't running, isn't ready, or watches other namespaces or
labels:

\`\`\`sh
kubectl -n vps247-system get pods
${commands.log}
\`\`\`

### Blocked deletions

While a deletion waits for you, the condition \`DeletionBlocked\` has one of these reasons:
${links(all.filter((reason) => reasons[reason].blocksDeletion))}. To delete the object and keep its VM, see
[disaster recovery](disaster-recovery.md#delete-an-object-and-keep-its-vm).

### Report a bug

If the operator did something wrong, collect this information before you change anything, and open an issue:

\`\`\`sh
${gather.map(({ what, command }) => `# ${what}\n${command}`).join('\n')}
\`\`\`

- None of these commands prints an API key or a password. \`helm get values\` prints your own values: check them. Never
  post the content of a Secret.
- To stop the operator's work on the object meanwhile, [pause it](tasks.md#pause-reconciliation).
- If a key or a password is shown outside its Secret, [report it privately](../SECURITY.md).

## Conditions

- \`Ready\`: the VM exists, and its power state matches the spec. A VM with \`powerState: Halted\` is Ready while it is
  halted.
- \`AsSpecified\`: the VM has the region, package and template of the spec. If it doesn't (\`DiffersFromSpec\`), the
  message has the command that corrects the spec. Unknown (\`NotCompared\`) while no VM exists, the operator can't see
  it, or the provider doesn't report enough of it. \`Ready\` doesn't depend on it.
- \`Synced\`: the last reconciliation succeeded.
- \`CredentialsValid\`: the provider accepts the API key.
- \`Reconciling\`: the operator is working on the object, or waits. Present only while true.
- \`Stalled\`: nothing changes until you act. Present only while true.
- \`Paused\`: the annotation \`vps247.com/paused\` is "true". Present only while true.
- \`DeletionBlocked\`: the object is being deleted, and waits for you. Present only while true.

\`Ready\` and the other conditions have one of the reasons below. Each reason has one meaning and one action.

"\`Ready\` unchanged" means that \`Ready\` keeps its status, because nothing shows that the VM changed. It shows the reason
all the same, for example True with \`ProviderUnavailable\`. If you changed the spec meanwhile, \`Ready\` is Unknown until
the operator can carry out the change.

## Reasons

- Wait for you (\`Stalled\`): ${waiting('Stalled')}.
- Resolve without your action (\`Reconciling\`): ${waiting('Reconciling')}.
- Other: ${waiting('Settled')}.

${all.map(section).join('\n\n')}
`;
}
