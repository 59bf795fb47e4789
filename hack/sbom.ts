/** The content of the bundle, as a CycloneDX document. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');

interface Sbom {
  readonly bomFormat: string;
  readonly specVersion: string;
  serialNumber?: string;
  readonly metadata: {
    timestamp: string;
    readonly component: { name: string; readonly 'bom-ref': string };
  };
  components: readonly { readonly 'bom-ref': string; readonly purl: string }[];
  dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * `packages` are folders, as buildBundle returns them; `madeAt` is the time of the sources, so that the same sources
 * give the same SBOM. Throws if npm can't list the installed packages.
 */
export function makeSbom(packages: readonly string[], madeAt: Date): Sbom {
  // Of all installed packages: with --omit=dev, npm leaves out @opentelemetry/api, a dependency of the operator and an
  // optional peer of vitest.
  const args = ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  const sbom: Sbom = JSON.parse(stdout);
  // npm uses the name of the folder, which varies.
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
  sbom.metadata.timestamp = madeAt.toISOString();
  // npm uses a random number; a hash of the content identifies the same SBOM.
  delete sbom.serialNumber;
  sbom.serialNumber = uuidOf(JSON.stringify(sbom));
  return sbom;
}

/** Decoded: `pkg:npm/@scope/name@1.0.0`. */
export function purlOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  return `pkg:npm/${name}@${version}`;
}

/** A UUID of version 8 (RFC 9562), which applications define. */
function uuidOf(text: string): string {
  const hash = createHash('sha256').update(text).digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`, `8${hash.slice(17, 20)}`];
  return `urn:uuid:${[...parts, hash.slice(20, 32)].join('-')}`;
}
