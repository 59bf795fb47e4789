/**
 * A step of `npm run verify`: bundle and release files are reproducible in another folder at another time, licenses are allowed, and the
 * SBOM is valid CycloneDX and names every package in the bundle.
 */
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { cpSync, mkdirSync, mkdtempDisposableSync, readdirSync, readFileSync, utimesSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildBundle } from '../build.ts';
import { chartFolder, packageChart } from '../../test/support/helm.ts';
import { sourceDateEpoch, writeRelease } from '../release.ts';
import { purlOf } from '../sbom.ts';

/**
 * SPDX identifiers of licenses that only require attribution. A package under another one needs a decision, not a line
 * here.
 */
const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

const root = path.join(import.meta.dirname, '../..');
const findings: string[] = [];

using first = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-first-'));
using second = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-second-'));

/** Files of one kind in both folders, which must be equal. */
function compare(kind: string): readonly string[] {
  const [one = '', other = ''] = [first, second].map((folder) => path.join(folder.path, kind));
  const files = readdirSync(one).toSorted();
  if (files.join() !== readdirSync(other).toSorted().join())
    findings.push(`${kind}: made twice, there are other files`);
  for (const file of files) {
    const [text, otherText] = [one, other].map((folder) => readFileSync(path.join(folder, file)));
    if (text === undefined || otherText === undefined || !text.equals(otherText)) {
      findings.push(`${kind}: made twice, ${file} differs`);
    }
  }
  return files;
}

const { packages } = await buildBundle(path.join(first.path, 'bundle'));
await buildBundle(path.join(second.path, 'bundle'));
const bundled = compare('bundle');

await writeRelease(path.join(first.path, 'release'));
await writeRelease(path.join(second.path, 'release'));
const released = compare('release');

// The modification times of a checkout must not matter either: a copy of the chart, each file of which is an hour old.
const copy = path.join(second.path, 'copy');
cpSync(chartFolder, copy, { recursive: true });
const anHourAgo = Date.now() / 1_000 - 3_600;
for (const file of readdirSync(copy, { recursive: true, encoding: 'utf8' })) {
  utimesSync(path.join(copy, file), anHourAgo, anHourAgo);
}
for (const [folder, chart] of [
  [first.path, chartFolder],
  [second.path, copy],
] as const) {
  mkdirSync(path.join(folder, 'chart'));
  await packageChart(path.join(folder, 'chart'), sourceDateEpoch(), chart);
}
const [archive] = compare('chart');

const text = readFileSync(path.join(first.path, 'release/sbom.cdx.json'), 'utf8');
const complaint = await new Validation.JsonStrictValidator(Spec.Version.v1dot5).validate(text);
if (complaint !== null) findings.push(`the SBOM breaks the schema of CycloneDX: ${JSON.stringify(complaint)}`);
// `as`: validated against that schema just above.
const { specVersion, components } = JSON.parse(text) as { specVersion: string; components: { purl: string }[] };
const named = new Set(components.map(({ purl }) => decodeURIComponent(purl)));
for (const folder of packages) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  if (!allowed.has(license)) findings.push(`${name} ${version}: the license ${JSON.stringify(license)} is not allowed`);
  if (!named.has(purlOf(folder))) findings.push(`${name} ${version} is in the bundle and not in the SBOM`);
}
// Some are installed twice, in nested folders.
const inside = new Set(packages.map(purlOf));
if (inside.size === 0) findings.push('no package was found in the bundle');
if (components.length !== inside.size)
  findings.push(`the SBOM names ${components.length} packages, not ${inside.size}`);

for (const finding of findings) console.error(finding);
if (findings.length === 0) {
  console.log(`✓ made twice, the same byte for byte: ${bundled.join(' and ')} of the bundle`);
  console.log(`✓ and of a release: ${released.join(', ')}`);
  console.log(`✓ and ${archive}, whenever its files were checked out`);
  console.log(`✓ ${inside.size} packages in the bundle, each under an allowed license`);
  console.log(
    `✓ the SBOM keeps the schema of CycloneDX ${specVersion} and names ${components.length} packages, those in the bundle`,
  );
}
process.exitCode = findings.length === 0 ? 0 : 1;
