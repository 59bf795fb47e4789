/**
 * `npm run image`: builds the Dockerfile and runs the result, on a machine with neither a container engine nor a registry in
 * reach. Where there is one, `docker build .` (or podman) does the same with the real base images; this stands in for it.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Buildah, Unable } from './buildah.ts';
import { checkImage } from './check.ts';
import { makeStandIns } from './stand-ins.ts';

const root = path.join(import.meta.dirname, '../..');
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'vps247-operator/image');

function main(): void {
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const bases = baseImages(readFileSync(path.join(root, 'Dockerfile'), 'utf8'));
  const image = `localhost/${name}:${version}`;
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  using work = mkdtempDisposableSync(path.join(cache, 'work-'));
  using buildah = new Buildah(cache);

  makeStandIns(buildah, bases, work.path);
  console.log(`Stand-ins for ${bases.build} and ${bases.run}: Node ${process.version} and this machine's libraries.`);

  const options = ['--build-arg', `VERSION=${version}`, ...npmSettings(work.path)];
  // The first stage gets a name of its own: pruning spares it, and the next build starts from its layers.
  buildah.build(root, `localhost/${name}:build`, '--target', 'build', ...options);
  buildah.build(root, image, ...options);
  buildah.run('rmi', '--prune');
  console.log(`Built ${image} from the Dockerfile.`);

  for (const fact of checkImage(buildah, image, { base: bases.run, version })) console.log(`✓ ${fact}`);
}

/** The base images that the Dockerfile names when nobody says otherwise. */
function baseImages(dockerfile: string): { build: string; run: string } {
  const base = (arg: string) => new RegExp(`^ARG ${arg}=(\\S+)$`, 'm').exec(dockerfile)?.[1];
  const [build, run] = [base('BUILD_IMAGE'), base('RUN_IMAGE')];
  if (build === undefined || run === undefined)
    throw new Unable('The Dockerfile lacks ARG BUILD_IMAGE or ARG RUN_IMAGE.');
  return { build, run };
}

/**
 * This machine's npm settings for the build's `npm ci`: as a secret, since they may hold a token, and the certificates they
 * name as a volume. Neither ends up in a layer.
 */
function npmSettings(work: string): string[] {
  const setting = (key: string) =>
    execFileSync('npm', ['config', 'get', key], { cwd: work, encoding: 'utf8', stdio: 'pipe' }).trim();
  const files = ['globalconfig', 'userconfig'].map(setting).filter((file) => existsSync(file));
  const cafile = [setting('cafile'), process.env['NODE_EXTRA_CA_CERTS'] ?? ''].find((file) => existsSync(file));
  const lines = [...files.map((file) => readFileSync(file, 'utf8')), `registry=${setting('registry')}`];
  if (cafile !== undefined) lines.push(`cafile=${cafile}`);
  const npmrc = path.join(work, 'npmrc');
  writeFileSync(npmrc, `${lines.join('\n')}\n`, { mode: 0o600 });
  return ['--secret', `id=npmrc,src=${npmrc}`, ...(cafile === undefined ? [] : ['--volume', `${cafile}:${cafile}:ro`])];
}

// Ctrl-C reaches the running buildah as well; its failure then unwinds this program, which cleans up.
process.once('SIGINT', () => {});
try {
  main();
} catch (error) {
  if (!(error instanceof Unable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
