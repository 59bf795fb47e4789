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

- \`Ready\`: the machine is as asked. A machine that is meant to be halted, and is, is Ready.
- \`Synced\`: the last pass could act as it wanted.
- \`CredentialsValid\`: the provider accepts the API key.
- \`Reconciling\`: work is under way, or waited for. Present only while true.
- \`Stalled\`: nothing will change until a human changes something. Present only while true.

\`Ready\` and the other conditions carry one of these reasons; \`kubectl describe\` shows it with a message about the case at hand. "As before" leaves a
Ready machine Ready, because nothing says that it is not.

${markdownTable(['reason', 'Ready', 'Synced', 'shown as', 'event'], overview)}

## Each reason

${details.join('\n\n')}
`;
}
