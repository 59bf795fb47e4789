import { reasons } from '../../src/api/v1alpha1/reasons.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/conditions.md: what each reason means, what the conditions say for it, and what to do. */
export function renderConditions(): string {
  const overview = Object.entries(reasons).map(([reason, { ready, synced, progress, event }]) => [
    `[${reason}](#${reason.toLowerCase()})`,
    ready === 'Keep' ? 'as before' : ready,
    synced,
    progress === 'Settled' ? '' : progress,
    event,
  ]);
  const details = Object.entries(reasons).map(
    ([reason, { meaning, remedy }]) => `### ${reason}\n\n${meaning}\n\n**What to do:** ${remedy}`,
  );
  return `# Conditions and their reasons

${generatedFrom('src/api/v1alpha1/reasons.ts')}

- \`Ready\`: the VM exists, and its power state matches the spec. A VM that is to be halted, and is, is Ready.
- \`AsSpecified\`: the VM has the region, package and template of the spec. If it doesn't (\`DiffersFromSpec\`), the message
  has the command that corrects the spec. Unknown (\`NotCompared\`) while there is no VM, the operator can't see it,
  or the provider doesn't report enough of it. \`Ready\` doesn't depend on it.
- \`Synced\`: the last reconciliation could do what it had to.
- \`CredentialsValid\`: the provider accepts the API key.
- \`Reconciling\`: work is in progress, or the operator waits for it. Present only while true.
- \`Stalled\`: nothing changes until you act. Present only while true.
- \`Paused\`: the annotation \`vps247.com/paused\` is "true". Present only while true.
- \`DeletionBlocked\`: the object is being deleted, and waits for you. Present only while true.

A new object has conditions within a second. If it has none, check that the operator runs.

\`Ready\` and the other conditions carry one of these reasons. Each has one meaning and one remedy. \`kubectl describe\` shows it with a message about the case at hand; its commands can be pasted. In the commands on this page, NAMESPACE and NAME stand for the object's.

"As before" keeps the status of \`Ready\`, because nothing shows that the VM changed. \`Ready\` shows the reason all the
same, for example True with \`Paused\` or \`ProviderUnavailable\`. If you changed the spec meanwhile, \`Ready\` is Unknown
until the operator can carry the change out.

${markdownTable(['reason', 'Ready', 'Synced', 'shown as', 'event'], overview)}

## Each reason

${details.join('\n\n')}
`;
}
