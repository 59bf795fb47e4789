import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderApi } from './generate/api.ts';
import { renderArgoConfig } from './generate/argocd.ts';
import { renderConditions } from './generate/conditions.ts';
import { renderConfiguration } from './generate/configuration.ts';
import { renderCrd } from './generate/crd.ts';
import { renderMetrics } from './generate/metrics.ts';
import { renderCurves, renderPerformance } from './generate/performance.ts';
import { renderVerdicts } from './generate/verdicts.ts';
import { currentVersion, goldenFolder, isReleased } from './golden/versions.ts';

/** Everything that is generated and committed. `render` is pure: the same source yields the same text. */
const pages: readonly { readonly path: string; readonly render: () => string }[] = [
  { path: 'crds/virtualmachines.vps247.com.yaml', render: renderCrd },
  // A copy, so that one `kubectl apply -f deploy/manifests` installs everything.
  { path: 'deploy/manifests/10-crd.yaml', render: renderCrd },
  { path: 'deploy/gitops/argocd/argocd-cm.yaml', render: renderArgoConfig },
  { path: 'docs/api.md', render: renderApi },
  { path: 'docs/conditions.md', render: renderConditions },
  { path: 'docs/configuration.md', render: renderConfiguration },
  { path: 'docs/gitops-health.md', render: renderVerdicts },
  { path: 'docs/metrics.md', render: renderMetrics },
  { path: 'docs/performance-curve.svg', render: renderCurves },
  { path: 'docs/performance.md', render: renderPerformance },
  // What is out is not changed any more.
  ...(isReleased(currentVersion())
    ? []
    : [{ path: `${goldenFolder}/${currentVersion()}/crd.yaml`, render: renderCrd }]),
];

/**
 * `npm run generate` writes what differs; with `--check` it writes nothing and fails when something does.
 * Returns the exit code.
 */
async function generate(isCheck: boolean): Promise<number> {
  const root = join(import.meta.dirname, '..');
  const stale: string[] = [];
  for (const { path, render } of pages) {
    const file = join(root, path);
    const text = render();
    // A file that cannot be read is one to be written.
    const present = await readFile(file, 'utf8').catch(() => undefined);
    if (present === text) continue;
    stale.push(path);
    if (isCheck) continue;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  if (stale.length === 0) console.log(`${pages.length} generated files are up to date`);
  else console.log(isCheck ? `Not up to date, run npm run generate: ${stale.join(', ')}` : `Wrote ${stale.join(', ')}`);
  return isCheck && stale.length > 0 ? 1 : 0;
}

process.exitCode = await generate(process.argv.includes('--check'));
