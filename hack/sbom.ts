/** `node hack/sbom.ts`: what the bundle is made of, as a CycloneDX document on standard output. */
import { spawnSync } from 'node:child_process';
import { mkdtempDisposableSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildBundle } from './build.ts';

const root = path.join(import.meta.dirname, '..');

interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { name: string; readonly 'bom-ref': string } };
  components: readonly { readonly 'bom-ref': string; readonly purl: string }[];
  dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** `packages` are folders, as buildBundle tells them. Throws when npm can't tell what is installed. */
export function makeSbom(packages: readonly string[]): Sbom {
  // Of all that is installed: with --omit=dev, npm leaves out @opentelemetry/api, a dependency of ours and a peer of vitest.
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  const sbom: Sbom = JSON.parse(stdout);
  // npm calls it by the name of the folder, whatever that is here.
  sbom.metadata.component.name = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).name;
  const inside = new Set(packages.map(purlOf));
  sbom.components = sbom.components.filter(({ purl }) => inside.has(decodeURIComponent(purl)));
  const refs = new Set([
    sbom.metadata.component['bom-ref'],
    ...sbom.components.map((component) => component['bom-ref']),
  ]);
  sbom.dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
  return sbom;
}

/** Decoded: `pkg:npm/@scope/name@1.0.0`. */
export function purlOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  return `pkg:npm/${name}@${version}`;
}

if (import.meta.main) {
  using folder = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-sbom-'));
  const { packages } = await buildBundle(folder.path);
  console.log(JSON.stringify(makeSbom(packages), undefined, 2));
}
