import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { chartFiles } from '../../hack/generate/chart/files.ts';
import { keptFiles } from '../../hack/golden/chart.ts';
import { renderManifests } from '../../hack/generate/manifests.ts';
import { packageChart } from '../support/helm.ts';
import { packageVersion, projectRoot } from '../packaging/manifests.ts';

test('the manifests and the files for kustomize equal the output of helm for the chart; else: npm run generate', async () => {
  for (const { path: file, text } of await renderManifests()) {
    expect(readFileSync(path.join(projectRoot, file), 'utf8'), file).toBe(text);
  }
});

test('the chart contains no file without a source', () => {
  const files = globSync('deploy/chart/files/**/*.*', { cwd: projectRoot });
  expect(files.toSorted()).toEqual(['deploy/chart/files/test.mjs', ...chartFiles.map((file) => file.path)].toSorted());
});

test('the golden set of the chart equals the package of helm, except the README', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'vps247-package-'));
  try {
    await packageChart(folder, 0);
    const archive = path.join(folder, `vps247-operator-${packageVersion()}.tgz`);
    const listed = execFileSync('tar', ['--list', '--gzip', '--file', archive], { encoding: 'utf8' });
    const files = listed.trimEnd().split('\n');
    expect(files.toSorted()).toEqual(['README.md', ...keptFiles()].map((file) => `vps247-operator/${file}`).toSorted());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
