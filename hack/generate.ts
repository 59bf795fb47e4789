import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { renderAccountApi } from './generate/account.ts';
import { renderApi } from './generate/api.ts';
import { renderChart } from './generate/chart/chart.ts';
import { renderAccountCrdTemplate, renderCrdTemplate } from './generate/chart/crd.ts';
import { chartFiles } from './generate/chart/files.ts';
import { renderChartReadme } from './generate/chart/readme.ts';
import { renderSchema } from './generate/chart/schema.ts';
import { renderArgoConfig } from './generate/argocd.ts';
import { renderConditions } from './generate/conditions.ts';
import { renderConfiguration } from './generate/configuration.ts';
import { renderAccountCrd, renderCrd } from './generate/crd.ts';
import { type Page, renderManifests } from './generate/manifests.ts';
import { renderMetrics } from './generate/metrics.ts';
import { renderDashboard } from './generate/monitoring/dashboards.ts';
import { renderMonitoring } from './generate/monitoring/page.ts';
import { renderRules, renderRuleTests, renderRunbooks } from './generate/monitoring/rules.ts';
import { renderPerformance } from './generate/performance.ts';
import { renderRbac } from './generate/rbac.ts';
import { renderSizing } from './generate/sizing.ts';
import { renderVerdicts } from './generate/gitops-health.ts';
import { goldenChartFiles, leftInGoldenChart } from './golden/chart.ts';
import { currentVersion, goldenFolder, isReleased } from './golden/versions.ts';

/** Everything that is generated and committed. `render` is pure: the same source yields the same text. */
const pages: readonly { readonly path: string; readonly render: () => string }[] = [
  { path: 'crds/virtualmachines.vps247.com.yaml', render: renderCrd },
  { path: 'crds/accounts.vps247.com.yaml', render: renderAccountCrd },
  // Before the chart, which contains copies of them.
  { path: 'deploy/monitoring/dashboards/fleet.json', render: () => renderDashboard('fleet') },
  { path: 'deploy/monitoring/dashboards/machine.json', render: () => renderDashboard('machine') },
  { path: 'deploy/monitoring/dashboards/operator.json', render: () => renderDashboard('operator') },
  { path: 'deploy/monitoring/rules.yaml', render: () => renderRules() },
  { path: 'deploy/monitoring/tests/rules.test.yaml', render: renderRuleTests },
  { path: 'deploy/chart/Chart.yaml', render: renderChart },
  { path: 'deploy/chart/README.md', render: renderChartReadme },
  { path: 'deploy/chart/templates/crd.yaml', render: renderCrdTemplate },
  { path: 'deploy/chart/templates/account-crd.yaml', render: renderAccountCrdTemplate },
  { path: 'deploy/chart/values.schema.json', render: renderSchema },
  ...chartFiles,
  { path: 'deploy/gitops/argocd/argocd-cm.yaml', render: renderArgoConfig },
  { path: 'docs/account-api.md', render: renderAccountApi },
  { path: 'docs/api.md', render: renderApi },
  { path: 'docs/conditions.md', render: renderConditions },
  { path: 'docs/configuration.md', render: renderConfiguration },
  { path: 'docs/gitops-health.md', render: renderVerdicts },
  { path: 'docs/metrics.md', render: renderMetrics },
  { path: 'docs/monitoring.md', render: renderMonitoring },
  { path: 'docs/runbooks.md', render: renderRunbooks },
  { path: 'docs/performance.md', render: renderPerformance },
  { path: 'docs/sizing.md', render: renderSizing },
  // A released version doesn't change any more.
  ...(isReleased(currentVersion())
    ? []
    : [
        { path: `${goldenFolder}/${currentVersion()}/crd.yaml`, render: renderCrd },
        ...goldenChartFiles(currentVersion()),
      ]),
];

/** Generated from the manifests that helm renders. */
const pagesOfManifests: typeof pages = [{ path: 'docs/rbac.md', render: renderRbac }];

const root = join(import.meta.dirname, '..');

/** Wraps Markdown at the same width as the handwritten pages. */
async function formatted({ path, text }: Page): Promise<Page> {
  if (!path.endsWith('.md')) return { path, text };
  const filepath = join(root, path);
  return { path, text: await format(text, { ...(await resolveConfig(filepath)), filepath }) };
}

/** The pages whose file differs. */
async function staleOf(raw: readonly Page[]): Promise<readonly Page[]> {
  const rendered = await Promise.all(raw.map(formatted));
  // An unreadable file is written.
  const present = await Promise.all(
    rendered.map(({ path }) => readFile(join(root, path), 'utf8').catch(() => undefined)),
  );
  return rendered.filter(({ text }, index) => present[index] !== text);
}

/** Writes the files that differ, and returns their paths. */
async function write(rendered: readonly Page[]): Promise<readonly string[]> {
  const stale = await staleOf(rendered);
  for (const { path, text } of stale) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return stale.map(({ path }) => path);
}

/** Files of the draft's chart that the present one no longer has. */
function leftOver(): readonly string[] {
  return isReleased(currentVersion()) ? [] : leftInGoldenChart(currentVersion());
}

function renderPages(): readonly Page[] {
  return [...pages, ...pagesOfManifests].map(({ path, render }) => ({ path, text: render() }));
}

/**
 * `npm run generate` writes the files that differ: first those from pure sources, then those that helm renders from the
 * chart. With `--check` it writes nothing and fails if a pure one differs; `npm test` checks the rest, for which helm
 * must be built. Returns the exit code.
 */
async function generate(isCheck: boolean): Promise<number> {
  if (isCheck) {
    const stale = [...(await staleOf(renderPages())).map(({ path }) => path), ...leftOver()];
    console.log(
      stale.length === 0
        ? `${pages.length + pagesOfManifests.length} generated files are up to date`
        : `Not up to date, run npm run generate: ${stale.join(', ')}`,
    );
    return stale.length > 0 ? 1 : 0;
  }
  const written: string[] = [];
  // One after the other: the chart embeds files that were generated before it.
  for (const { path, render } of pages) written.push(...(await write([{ path, text: render() }])));
  for (const path of leftOver()) {
    await rm(join(root, path));
    written.push(path);
  }
  written.push(...(await write(await renderManifests())));
  for (const { path, render } of pagesOfManifests) written.push(...(await write([{ path, text: render() }])));
  console.log(written.length === 0 ? 'All generated files are up to date' : `Wrote ${written.join(', ')}`);
  return 0;
}

process.exitCode = await generate(process.argv.includes('--check'));
