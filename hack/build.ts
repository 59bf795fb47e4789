/**
 * `npm run build`: bundles the operator into one file that needs only Node, `dist/vps247-operator.mjs`, writes the
 * licenses of the bundled packages to `dist/THIRD-PARTY-LICENSES`, and bundles the kubectl plugin into
 * `dist/kubectl-vps.mjs`.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const root = path.join(import.meta.dirname, '..');
// `as`: our own package.json, whose two fields are strings.
const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<string, string>;

interface Bundle {
  readonly file: string;
  readonly bytes: number;
  /** Packages inside the bundle, sorted. */
  readonly packages: readonly string[];
}

/**
 * Writes the bundle of `entry` and the licenses into `outdir`; throws with esbuild's messages if it doesn't build.
 * `sourcemap` adds a source map, for measurements.
 */
export async function buildBundle(
  outdir = path.join(root, 'dist'),
  entry = path.join(root, 'src/main.ts'),
  { sourcemap = false }: { readonly sourcemap?: boolean } = {},
): Promise<Bundle> {
  const file = path.join(outdir, `${name}.mjs`);
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Not minified and without a source map: stack traces stay readable, and a loaded map would use memory permanently.
    minify: false,
    sourcemap: sourcemap && 'external',
    metafile: true,
    write: false,
    plugins: [leanKubernetes],
    logLevel: 'warning',
    legalComments: 'eof',
    define: { OPERATOR_VERSION: JSON.stringify(version) },
    // CommonJS packages call `require` for Node's own modules, which an ES module does not have.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  });
  mkdirSync(outdir, { recursive: true });
  for (const { path: outfile, text } of outputFiles) writeFileSync(outfile, toAscii(text));
  const packages = packagesOf(metafile);
  writeFileSync(path.join(outdir, 'THIRD-PARTY-LICENSES'), packages.map(licenseOf).join('\n'));
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  return { file, bytes, packages };
}

/**
 * Writes the kubectl plugin into `outdir`, as one executable file for Node 18 and later, and returns its path. It contains
 * no package.
 */
export async function buildPlugin(outdir = path.join(root, 'dist')): Promise<string> {
  const file = path.join(outdir, 'kubectl-vps.mjs');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [path.join(root, 'src/kubectl-vps/main.ts')],
    inject: [path.join(root, 'src/kubectl-vps/node-18.ts')],
    outfile: file,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node18',
    write: false,
    logLevel: 'warning',
    define: { OPERATOR_VERSION: JSON.stringify(version) },
    banner: { js: '#!/usr/bin/env node' },
  });
  mkdirSync(outdir, { recursive: true });
  for (const { path: outfile, contents } of outputFiles) writeFileSync(outfile, contents, { mode: 0o755 });
  return file;
}

/**
 * The parts of @kubernetes/client-node that read kubeconfigs and run credential plugins. Its models of every Kubernetes
 * kind and its clients for exec, copy and so on would be bundled even if unused: a sixth of an idle operator's memory.
 */
const leanKubernetes: Plugin = {
  name: 'lean-kubernetes',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: 'config', namespace: 'lean' }));
    onLoad({ filter: /.*/, namespace: 'lean' }, () => ({
      // The library's own loadYaml knows every kind.
      contents: `export * from './config.js';
        export { load as loadYaml } from 'js-yaml';`,
      resolveDir: path.join(root, 'node_modules/@kubernetes/client-node/dist'),
    }));
    onResolve({ filter: /^\.\/gen\/index\.js$/ }, ({ importer }) =>
      importer.endsWith('/client-node/dist/config.js') ? { path: 'models', namespace: 'left-out' } : undefined,
    );
    // Only KubeConfig.makeApiClient uses them.
    onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({
      contents: `const leftOut = () => { throw new Error('The bundle has no generated Kubernetes clients.'); };
        export const createConfiguration = leftOut;
        export class ServerConfiguration { constructor() { leftOut(); } }`,
    }));
  },
};

/**
 * V8 keeps a program's text, and one letter beyond Latin-1 doubles its size. esbuild leaves some in comments and
 * patterns.
 */
function toAscii(text: string): string {
  return text.replaceAll(/[^\0-\x7f]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Folders of the packages with code in the bundle, relative to the project: `node_modules/@scope/name`, nested ones as well. */
function packagesOf({ outputs }: Metafile): string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .map(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
    .filter((folder) => folder !== undefined);
  return [...new Set(folders)].toSorted();
}

/** A package's license file; the few that publish none name it in their package.json. */
function licenseOf(folder: string): string {
  const files = readdirSync(path.join(root, folder));
  const license = files.find((file) => /^(licen[cs]e|copying)/i.test(file));
  const about = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const text = license === undefined ? `(${about.license})\n` : readFileSync(path.join(root, folder, license), 'utf8');
  return `--- ${about.name} ${about.version} (${about.license}) ---\n\n${text}`;
}

if (import.meta.main) {
  try {
    const { file, bytes, packages } = await buildBundle();
    const size = `${(bytes / 1e6).toFixed(1)} MB`;
    console.log(`${path.relative(root, file)}: ${size}, version ${version}, ${packages.length} packages inside`);
    console.log(`${path.relative(root, await buildPlugin())}: the kubectl plugin`);
  } catch (error) {
    // esbuild's own error carries a list of messages, which it has printed already.
    if (!(error instanceof Error && 'errors' in error)) throw error;
    process.exitCode = 1;
  }
}
