import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildPlugin } from '../../hack/build.ts';
import { packPlugin } from '../../hack/plugin-package.ts';
import { packageVersion } from './manifests.ts';

/** Removes what Node 18 lacks of the language's library. */
const likeNode18 = `
for (const name of ['toSorted', 'toReversed', 'toSpliced', 'with']) delete Array.prototype[name];
for (const name of ['isWellFormed', 'toWellFormed']) delete String.prototype[name];
for (const name of ['union', 'intersection', 'difference']) delete Set.prototype[name];
delete Promise.withResolvers; delete Object.groupBy; delete Map.groupBy; delete Array.fromAsync;`;

const item = (name: string) => ({
  apiVersion: 'vps247.com/v1alpha1',
  metadata: { name, namespace: 'a', uid: 'u' },
  spec: {},
});

test('the plugin is one module that imports nothing but Node, and works with the library of Node 18', async () => {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-plugin-'));
  const file = await buildPlugin(folder.path);
  const text = readFileSync(file, 'utf8');
  const imports = Array.from(text.matchAll(/^import\b[^"]*"([^"]+)";$/gm), ([, name]) => name);
  expect(imports.length).toBeGreaterThan(3);
  expect(imports.filter((name) => name?.startsWith('node:') !== true)).toEqual([]);
  expect(text.split('\n', 1)).toEqual(['#!/usr/bin/env node']);

  const preload = path.join(folder.path, 'like-node-18.mjs');
  writeFileSync(preload, likeNode18);
  const bin = path.join(folder.path, 'bin');
  mkdirSync(bin);
  writeFileSync(
    path.join(bin, 'kubectl'),
    `#!/bin/sh\necho '${JSON.stringify({ items: [item('web'), item('db')] })}'\n`,
  );
  chmodSync(path.join(bin, 'kubectl'), 0o755);
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['--import', preload, file, ...args], { env: { PATH: bin }, encoding: 'utf8' });
  expect(run('resume', '--all')).toMatchObject({ status: 0, stdout: 'db: not paused\nweb: not paused\n', stderr: '' });
  expect(run('stpo')).toMatchObject({
    status: 2,
    stdout: '',
    stderr: 'Error: Unknown verb "stpo". Did you mean "stop"?\n',
  });
  expect(run('--version').stdout).toBe(`kubectl-vps ${packageVersion()}\n`);
});

test('npm installs the archive, under the names that kubectl looks for; the manifest for krew names its files', async () => {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-plugin-'));
  await packPlugin(folder.path, 1_700_000_000);
  const archive = path.join(folder.path, `kubectl-vps-${packageVersion()}.tgz`);
  const prefix = path.join(folder.path, 'prefix');
  const quiet = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  execFileSync('npm', ['install', '--global', '--prefix', prefix, ...quiet, archive], {
    env: { ...process.env, npm_config_cache: path.join(folder.path, 'cache') },
  });
  const run = (name: string, ...args: readonly string[]): string =>
    execFileSync(path.join(prefix, 'bin', name), args, { encoding: 'utf8' });
  expect(run('kubectl-vps', '--version')).toBe(`kubectl-vps ${packageVersion()}\n`);
  expect(run('kubectl_complete-vps', 'adopt')).toMatch(/^adopt-back\t.*\n:4\n$/);

  const { spec } = parse(readFileSync(path.join(folder.path, 'kubectl-vps.krew.yaml'), 'utf8'));
  const [platform] = spec.platforms;
  expect(platform.sha256).toBe(createHash('sha256').update(readFileSync(archive)).digest('hex'));
  expect(platform.uri).toMatch(new RegExp(`^https://.*/v${packageVersion()}/kubectl-vps-${packageVersion()}\\.tgz$`));
  const listed = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
  for (const { from } of platform.files) expect(listed).toContain(from);
  expect(platform.files).toContainEqual({ from: `package/${platform.bin}`, to: '.' });
  // krew refuses a longer one.
  expect(spec.shortDescription.length).toBeLessThanOrEqual(50);
});

test('two archives of one commit are equal', async () => {
  using first = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-plugin-'));
  using second = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-plugin-'));
  const contents = [];
  for (const { path: out } of [first, second]) {
    await packPlugin(out, 1_700_000_000);
    contents.push(readFileSync(path.join(out, `kubectl-vps-${packageVersion()}.tgz`)).toString('base64'));
  }
  expect(contents[0]).toBe(contents[1]);
});
