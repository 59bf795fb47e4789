/**
 * `npm run image`: builds the Dockerfile and runs the result, on a machine with neither a container engine nor a registry in
 * reach. Where there is one, `docker build .` (or podman) does the same with the real base images; this stands in for it.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Buildah, Unable } from './buildah.ts';
import { checkImage } from './check.ts';
import { makeStandIns } from './stand-ins.ts';

const root = path.join(import.meta.dirname, '../..');
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'vps247-operator/image');

async function main(): Promise<void> {
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const bases = baseImages(readFileSync(path.join(root, 'Dockerfile'), 'utf8'));
  const image = `localhost/${name}:${version}`;
  await lock();
  // Emptied first as well: a run that was killed could not.
  const work = path.join(cache, 'work');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  using buildah = new Buildah(cache);
  try {
    makeStandIns(buildah, bases, work);
    console.log(`Stand-ins for ${bases.build} and ${bases.run}: Node ${process.version}, this machine's libraries.`);

    const options = ['--build-arg', `VERSION=${version}`, ...npmSettings(work)];
    // The first stage gets a name of its own: pruning spares it, and the next build starts from its layers.
    buildah.build(root, `localhost/${name}:build`, '--target', 'build', ...options);
    buildah.build(root, image, ...options);
    buildah.run('rmi', '--prune');
    console.log(`Built ${image} from the Dockerfile.`);

    for (const fact of checkImage(buildah, image, { base: bases.run, version })) console.log(`✓ ${fact}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** One run at a time for each cache: a name that the kernel frees even when this process is killed. */
async function lock(): Promise<void> {
  // It must not keep the process from ending.
  const server = createServer().unref();
  server.listen(`\0vps247-image-${createHash('sha256').update(cache).digest('hex').slice(0, 32)}`);
  try {
    await once(server, 'listening');
  } catch {
    throw new Unable('Another `npm run image` is under way: wait for it to end.');
  }
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
  const setting = (key: string) => {
    const { status, stdout } = spawnSync('npm', ['config', 'get', key], { cwd: work, encoding: 'utf8' });
    if (status !== 0) throw new Unable(`npm could not tell its setting ${key}.`);
    return stdout.trim();
  };
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
  await main();
} catch (error) {
  if (!(error instanceof Unable)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
