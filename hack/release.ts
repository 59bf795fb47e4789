/**
 * `node hack/release.ts FOLDER`: the files of a release, reproducible for the same commit and the same npm: the chart,
 * the SBOM, the manifests, the kubectl plugin, and SHA256SUMS over them. It publishes nothing and needs no permissions.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildBundle } from './build.ts';
import { packPlugin } from './plugin-package.ts';
import { packageChart } from '../test/support/helm.ts';
import { makeSbom } from './sbom.ts';

const root = path.join(import.meta.dirname, '..');
const manifests = path.join(root, 'deploy/manifests');

/** The time of the commit, in seconds since 1970. */
export function sourceDateEpoch(): number {
  return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' }));
}

/**
 * Writes the files into a folder, which must be new or empty, and returns their names. Throws if one can't be built.
 */
export async function writeRelease(folder: string): Promise<readonly string[]> {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new Error(`${folder} is not empty: its files would be released.`);
  const epoch = sourceDateEpoch();
  await packageChart(folder, epoch);
  cpSync(manifests, folder, { recursive: true });
  using bundle = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-release-'));
  const { packages } = await buildBundle(bundle.path);
  const sbom = makeSbom(packages, new Date(epoch * 1_000));
  writeFileSync(path.join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom, undefined, 2)}\n`);
  await packPlugin(folder, epoch);
  const sums = readdirSync(folder)
    .toSorted()
    .map((file) => {
      const sum = createHash('sha256')
        .update(readFileSync(path.join(folder, file)))
        .digest('hex');
      return `${sum}  ${file}\n`;
    });
  writeFileSync(path.join(folder, 'SHA256SUMS'), sums.join(''));
  return readdirSync(folder).toSorted();
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) {
    console.error('Usage: node hack/release.ts FOLDER');
    process.exitCode = 2;
  } else {
    console.log((await writeRelease(folder)).join('\n'));
  }
}
