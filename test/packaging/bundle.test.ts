import { execFileSync } from 'node:child_process';
import { mkdtempDisposableSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '../../hack/build.ts';
import { packageVersion } from './manifests.ts';

test('the bundle runs where there is nothing but Node, and knows its version', { timeout: 60_000 }, async () => {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-bundle-'));
  const { file, packages } = await buildBundle(folder.path);
  expect(readdirSync(folder.path).toSorted()).toEqual(['THIRD-PARTY-LICENSES', 'vps247-operator.mjs']);

  const answer = execFileSync(process.execPath, [file, '--version'], { cwd: folder.path, env: {}, encoding: 'utf8' });
  expect(answer).toBe(`vps247-operator ${packageVersion()}\n`);

  const licences = readFileSync(path.join(folder.path, 'THIRD-PARTY-LICENSES'), 'utf8');
  const used = ['@kubernetes/client-node', 'got', 'p-retry', 'undici', 'winston'];
  expect(packages).toEqual(expect.arrayContaining(used.map((name) => `node_modules/${name}`)));
  for (const folderName of packages) {
    const name = folderName.replace(/^.*node_modules\//, '');
    expect(licences, name).toContain(`--- ${name} `);
  }
});
