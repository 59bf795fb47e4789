/** A step of `npm run verify`: two builds are the same, licences are allowed, and the SBOM names every package inside. */
import { mkdtempDisposableSync, readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildBundle } from '../build.ts';
import { makeSbom, purlOf } from '../sbom.ts';

/** SPDX identifiers that ask for no more than to be named. A package under another one needs a decision, not a line here. */
const allowed = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']);

const root = path.join(import.meta.dirname, '../..');
const findings: string[] = [];

using first = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-first-'));
using second = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-second-'));
const { packages } = await buildBundle(first.path);
await buildBundle(second.path);
const files = readdirSync(first.path).toSorted();
if (files.join() !== readdirSync(second.path).toSorted().join()) findings.push('two builds wrote different files');
for (const file of files) {
  const [one, other] = [first, second].map((folder) => readFileSync(path.join(folder.path, file)));
  if (one === undefined || other === undefined || !one.equals(other)) findings.push(`${file}: two builds differ`);
}

const { bomFormat, specVersion, components } = makeSbom(packages);
if (bomFormat !== 'CycloneDX') findings.push(`the SBOM is of the format ${bomFormat}`);
const named = new Set(components.map(({ purl }) => decodeURIComponent(purl)));
for (const folder of packages) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  if (!allowed.has(license)) findings.push(`${name} ${version}: the licence ${JSON.stringify(license)} is not allowed`);
  if (!named.has(purlOf(folder))) findings.push(`${name} ${version} is in the bundle and not in the SBOM`);
}
if (packages.length === 0) findings.push('no package was found in the bundle');

for (const finding of findings) console.error(finding);
if (findings.length === 0) {
  console.log(`✓ two builds: ${files.join(' and ')} are the same, byte for byte`);
  console.log(`✓ ${packages.length} packages in the bundle, each under an allowed licence`);
  console.log(`✓ CycloneDX ${specVersion}: the SBOM names ${components.length} packages, all of them among these`);
}
process.exitCode = findings.length === 0 ? 0 : 1;
