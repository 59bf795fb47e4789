import { type Verdicts, verdicts } from '../gitops/health-table.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/gitops-health.md: how GitOps tools interpret each reason. Pure. */
export function renderVerdicts(): string {
  const rows = Object.entries(verdicts).map(([reason, row]) => [
    `[${reason}](conditions.md#${reason.toLowerCase()})`,
    cell('kstatus', row, row.wasReady),
    cell('argo', row, row.wasReady),
    row.because,
  ]);
  return `# Health in Argo CD and Flux

${generatedFrom('hack/gitops/health-table.ts')}

The column *Flux* shows the result of the kstatus library, which Flux, kpt, and Helm 4 use. The column
*Argo CD* shows the result of the script [health.lua](../deploy/gitops/argocd/health.lua). Tests run
both for every reason.

- An object that was never reconciled, or not since its spec changed, is InProgress and Progressing.
- An object that is being deleted is Terminating and Progressing.
- "If it was Ready" means: Ready with the current spec, before the reason occurred.

${markdownTable(['reason', 'Flux', 'Argo CD', 'explanation'], rows)}
`;
}

function cell(tool: keyof Verdicts, row: Verdicts, wasReady: Verdicts = row): string {
  return row[tool] === wasReady[tool] ? row[tool] : `${row[tool]}; ${wasReady[tool]} if it was Ready`;
}
