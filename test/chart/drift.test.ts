import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { chartFiles } from '../../hack/generate/chart/files.ts';
import { renderManifests } from '../../hack/generate/manifests.ts';
import { projectRoot } from '../packaging/manifests.ts';

test('the manifests and the files for kustomize are what helm makes of the chart; else: npm run generate', async () => {
  for (const { path: file, text } of await renderManifests()) {
    expect(readFileSync(path.join(projectRoot, file), 'utf8'), file).toBe(text);
  }
});

test('nothing lies in the chart whose source is gone', () => {
  const files = globSync('deploy/chart/files/**/*.*', { cwd: projectRoot });
  expect(files.toSorted()).toEqual(['deploy/chart/files/test.mjs', ...chartFiles.map((file) => file.path)].toSorted());
});
