/**
 * The kubectl plugin as release files: an npm package, which krew reads too, and the manifest for krew. Both are
 * reproducible for the same commit.
 */
import { createHash } from 'node:crypto';
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { buildPlugin } from './build.ts';
import { packageInfo, repositoryUrl } from './generate/package.ts';

const root = path.join(import.meta.dirname, '..');
const program = 'kubectl-vps';
/** The folder in the archive, as npm has it. */
const folder = 'package';

interface Entry {
  readonly name: string;
  readonly content: Buffer;
  readonly mode: number;
}

/** Writes both files into a folder. `epoch` is the time of the commit, in seconds. */
export async function packPlugin(out: string, epoch: number): Promise<void> {
  using bundle = mkdtempDisposableSync(path.join(os.tmpdir(), 'vps247-plugin-'));
  const file = path.basename(await buildPlugin(bundle.path));
  const { version, license, repository } = packageInfo();
  const manifest = {
    name: program,
    version,
    description: 'kubectl plugin for the VMs of vps247-operator',
    license,
    repository,
    type: 'module',
    // The second name is the one that kubectl's completion looks for.
    bin: { [program]: file, 'kubectl_complete-vps': file },
    engines: { node: '>=18' },
  };
  const entries: readonly Entry[] = [
    { name: 'package.json', content: Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`), mode: 0o644 },
    { name: file, content: readFileSync(path.join(bundle.path, file)), mode: 0o755 },
    { name: 'LICENSE', content: readFileSync(path.join(root, 'LICENSE')), mode: 0o644 },
  ];
  const archive = gzipSync(tar(entries, epoch), { level: 9 });
  const archiveName = `${program}-${version}.tgz`;
  writeFileSync(path.join(out, archiveName), archive);
  const sha256 = createHash('sha256').update(archive).digest('hex');
  writeFileSync(path.join(out, `${program}.krew.yaml`), stringify(krewManifest(version, archiveName, file, sha256)));
}

function krewManifest(version: string, archive: string, file: string, sha256: string): unknown {
  return {
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'vps' },
    spec: {
      version: `v${version}`,
      homepage: repositoryUrl(),
      shortDescription: 'Work with the VMs of vps247-operator',
      description: 'Status, power, plans, import, adoption and release of VMs that vps247-operator manages.',
      caveats: 'The plugin needs Node.js 18 or newer.',
      platforms: [
        {
          selector: { matchExpressions: [{ key: 'os', operator: 'In', values: ['linux', 'darwin'] }] },
          uri: `${repositoryUrl()}/releases/download/v${version}/${archive}`,
          sha256,
          files: [file, 'LICENSE'].map((name) => ({ from: `${folder}/${name}`, to: '.' })),
          bin: file,
        },
      ],
    },
  };
}

const block = 512;

/** An archive in the format ustar, with the same owner and time for all files. */
function tar(entries: readonly Entry[], epoch: number): Buffer {
  const parts = entries.flatMap(({ name, content, mode }) => [
    header(`${folder}/${name}`, content.length, mode, epoch),
    content,
    Buffer.alloc((block - (content.length % block)) % block),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

/** A number as the format has it. */
const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

function header(name: string, size: number, mode: number, epoch: number): Buffer {
  const bytes = Buffer.alloc(block);
  bytes.write(name, 0);
  bytes.write(octal(mode, 7), 100);
  bytes.write(octal(0, 7), 108);
  bytes.write(octal(0, 7), 116);
  bytes.write(octal(size, 11), 124);
  bytes.write(octal(epoch, 11), 136);
  // The checksum counts its own field as spaces.
  bytes.write(' '.repeat(8), 148);
  bytes.write('0', 156);
  bytes.write('ustar\x0000', 257);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}
