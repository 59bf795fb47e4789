import { execFileSync, spawn } from 'node:child_process';
import { mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { buildBundle } from '../../hack/build.ts';
import { startRawServer } from '../support/raw-server.ts';
import { packageVersion } from './manifests.ts';

test('the bundle runs with Node alone, and knows its version', { timeout: 240_000 }, async () => {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-bundle-'));
  const { file, packages } = await buildBundle(folder.path);
  expect(readdirSync(folder.path).toSorted()).toEqual(['THIRD-PARTY-LICENSES', 'vps247-operator.mjs']);

  const answer = execFileSync(process.execPath, [file, '--version'], { cwd: folder.path, env: {}, encoding: 'utf8' });
  expect(answer).toBe(`vps247-operator ${packageVersion()}\n`);

  // Whatever the bundle leaves out of the library: it reads a kubeconfig, and the token file that this names.
  writeFileSync(path.join(folder.path, 'token'), 'from-file');
  const kubeconfig = path.join(folder.path, 'config');
  const shown = Promise.withResolvers<string | undefined>();
  await using server = await startRawServer(({ headers }, response) => {
    shown.resolve(headers.authorization);
    response.writeHead(401).end();
  });
  writeFileSync(
    kubeconfig,
    `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],
      clusters: [{name: a, cluster: {server: "${server.url}"}}], users: [{name: a, user: {tokenFile: token}}]}`,
  );
  const flags = ['--leader-election=false', '--metrics-address=127.0.0.1:0', '--health-address=127.0.0.1:0'];
  const operator = spawn(process.execPath, [file, ...flags], { env: { KUBECONFIG: kubeconfig }, stdio: 'ignore' });
  try {
    expect(await shown.promise).toBe('Bearer from-file');
  } finally {
    operator.kill('SIGKILL');
  }

  const licenses = readFileSync(path.join(folder.path, 'THIRD-PARTY-LICENSES'), 'utf8');
  const used = ['@kubernetes/client-node', 'got', 'p-retry', 'undici', 'winston'];
  expect(packages).toEqual(expect.arrayContaining(used.map((name) => `node_modules/${name}`)));
  for (const folderName of packages) {
    const name = folderName.replace(/^.*node_modules\//, '');
    expect(licenses, name).toContain(`--- ${name} `);
  }
});
