import { type HealthRow, healthTable, type ToolHealth } from '../gitops/health-table.ts';
import { generatedFrom } from './table.ts';

/** docs/gitops-health.md: how GitOps tools interpret each reason, grouped by the result. Pure. */
export function renderVerdicts(): string {
  const groups = Map.groupBy(
    Object.entries(healthTable),
    ([, row]) => `${resultOf('kstatus', row)}, ${resultOf('argo', row)}`,
  );
  const sections = [...groups].map(([, rows]) => renderGroup(rows));
  return `# Health in Argo CD and Flux

${generatedFrom('hack/gitops/health-table.ts')}

This page lists the health that GitOps tools show for each reason of an object:

- **Flux**: the result of the kstatus library, which Flux, kpt, and Helm 4 use.
- **Argo CD**: the result of the script [health.lua](../deploy/gitops/argocd/health.lua).

Tests run both for every reason. Independent of the reason:

- An object that was never reconciled, or not since its spec changed, is InProgress and Progressing.
- An object that is being deleted is Terminating and Progressing.

"If it was Ready" means: Ready with the current spec, before the reason occurred.

${sections.join('\n\n')}
`;
}

/** Reasons with the same result, in one item for each explanation. */
function renderGroup(rows: readonly (readonly [string, HealthRow])[]): string {
  const [[, first] = ['', undefined]] = rows;
  if (first === undefined) return '';
  const items = Map.groupBy(rows, ([, { because }]) => because);
  const list = [...items].map(([because, of]) => {
    const reasons = of.map(([reason]) => `[${reason}](conditions.md#${reason.toLowerCase()})`);
    return `- ${because.charAt(0).toUpperCase()}${because.slice(1)}: ${reasons.join(', ')}.`;
  });
  return `## ${resultOf('kstatus', first)} in Flux, ${resultOf('argo', first)} in Argo CD

${list.join('\n')}`;
}

function resultOf(tool: keyof ToolHealth, { wasReady, ...row }: HealthRow): string {
  const ready = wasReady?.[tool] ?? row[tool];
  return ready === row[tool] ? ready : `${row[tool]} (${ready} if it was Ready)`;
}
