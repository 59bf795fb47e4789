/**
 * A step of `npm run verify`: validates every rendering of the chart and every file generated from it with the schemas
 * of the oldest supported Kubernetes, of the newest, and of one between them; an unknown field is an error.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { renderChart } from '../../test/support/helm.ts';
import { ensurePythonTool } from '../tools/python.ts';
import { demand, valuesFiles } from './chart-values.ts';

const root = path.join(import.meta.dirname, '../..');
const versions = ['1.31', '1.34', '1.37'];
/** Kinds without a schema in Kubernetes: the Prometheus Operator's, which the step `monitors` checks. */
const otherKinds = /^WARN \S+ Couldn't find schema for kind (?:ServiceMonitor|PodMonitor|PrometheusRule) /;

const program = await ensurePythonTool('kubernetes-validate');
const folder = path.join(root, '.out/verify/renderings');
rmSync(folder, { recursive: true, force: true });
for (const version of versions) {
  const files = globSync(['deploy/manifests/*.yaml', 'deploy/kustomize/**/!(kustomization).yaml'], { cwd: root });
  mkdirSync(path.join(folder, version), { recursive: true });
  for (const { name, values } of valuesFiles()) {
    const { text, complaint } = await renderChart(values, { args: ['--kube-version', version] });
    demand(complaint === '', `${name}: ${complaint}`);
    const file = path.join(folder, version, name);
    writeFileSync(file, text);
    files.push(file);
  }
  const { status, stdout, stderr } = spawnSync(program, ['--strict', '--kubernetes-version', version, ...files], {
    cwd: root,
    encoding: 'utf8',
  });
  const lines = stdout.trim().split('\n');
  const bad = lines.filter((line) => !line.startsWith('INFO ') && !otherKinds.test(line));
  demand(status === 0 && bad.length === 0, `Kubernetes ${version}:\n${bad.join('\n')}\n${stderr}`);
  const valid = lines.filter((line) => line.endsWith(`against version ${version}`)).length;
  const others = lines.length - valid;
  demand(valid > 0, `nothing was validated for Kubernetes ${version}`);
  console.log(
    `✓ Kubernetes ${version}: ${valid} objects in ${files.length} files are valid; ${others} are the Prometheus Operator's, which Kubernetes has no schema for`,
  );
}
