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

- \`Ready\`: the VM matches the spec. A VM that is to be halted, and is, is Ready.
- \`Synced\`: the last reconciliation could do what it had to.
- \`CredentialsValid\`: the provider accepts the API key.
- \`Reconciling\`: work is in progress, or the operator waits for it. Present only while true.
- \`Stalled\`: nothing changes until you act. Present only while true.

\`Ready\` and the other conditions carry one of these reasons. Each has one meaning and one remedy. \`kubectl describe\` shows it with a message about the case at hand; its commands can be pasted. In the commands on this page, NAMESPACE and NAME stand for the object's. "As before" leaves a
Ready machine Ready, because nothing says that it is not.

${markdownTable(['reason', 'Ready', 'Synced', 'shown as', 'event'], overview)}

## Each reason

${details.join('\n\n')}
`;
}
