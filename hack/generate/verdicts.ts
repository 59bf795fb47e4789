import { type Verdicts, verdicts } from '../gitops/verdicts.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/gitops-health.md: what the tools of GitOps make of each reason. Pure. */
export function renderVerdicts(): string {
  const rows = Object.entries(verdicts).map(([reason, row]) => [
    `[${reason}](conditions.md#${reason.toLowerCase()})`,
    cell('kstatus', row, row.wasReady),
    cell('argo', row, row.wasReady),
    row.because,
  ]);
  return `# What GitOps tools make of each reason

${generatedFrom('hack/gitops/verdicts.ts')}

The second column is the library kstatus, which Flux, kpt and Helm 4 ask; the third is Argo CD with the script
[deploy/gitops/argocd/health.lua](../deploy/gitops/argocd/health.lua). Tests run both over every reason. An object that nobody has looked at yet, or not since its
spec changed, is InProgress and Progressing; one that is being deleted is Terminating and Progressing. "If it was Ready" means: as this very spec asks, before the reason came up.

${markdownTable(['reason', 'Flux (kstatus)', 'Argo CD', 'because'], rows)}
`;
}

function cell(tool: keyof Verdicts, row: Verdicts, wasReady: Verdicts = row): string {
  return row[tool] === wasReady[tool] ? row[tool] : `${row[tool]}; ${wasReady[tool]} if it was Ready`;
}
