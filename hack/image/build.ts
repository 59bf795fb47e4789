import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Buildah, Unable } from './buildah.ts';
import { makeFakes } from './fakes.ts';

const root = path.join(import.meta.dirname, '../..');
const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache'), 'vps247-operator/image');

/** The built image, in its store. */
export interface Built {
  readonly buildah: Buildah;
  readonly image: string;
  /** Its base image. */
  readonly base: string;
  readonly version: string;
}

/**
 * Builds the Dockerfile on stand-ins for its base images, prints progress line by line, and returns the result of
 * `use`. Throws `Unable` with a sentence if that isn't possible here.
 */
export async function buildImage<T>(use: (built: Built) => T): Promise<T> {
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const bases = baseImages(readFileSync(path.join(root, 'Dockerfile'), 'utf8'));
  const image = `localhost/${name}:${version}`;
  const lock = await takeLock();
  // Emptied first as well, because a killed run left its files.
  const work = path.join(cache, 'work');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true, mode: 0o700 });
  try {
    using buildah = new Buildah(cache);
    makeFakes(buildah, bases, work);
    console.log(`Stand-ins for ${bases.build} and ${bases.run}: Node ${process.version}, this machine's libraries.`);

    const options = ['--build-arg', `VERSION=${version}`, ...npmSettings(work)];
    // The first stage gets a name, so that pruning keeps it and the next build reuses its layers.
    buildah.build(root, `localhost/${name}:build`, '--target', 'build', ...options);
    buildah.build(root, image, ...options);
    buildah.run('rmi', '--prune');
    console.log(`Built ${image} from the Dockerfile.`);
    return use({ buildah, image, base: bases.run, version });
  } finally {
    rmSync(work, { recursive: true, force: true });
    lock.close();
  }
}

/** One process at a time for each cache: an abstract socket, which the kernel frees even if this process is killed. */
async function takeLock(): Promise<Server> {
  // It must not keep the process running.
  const server = createServer().unref();
  server.listen(`\0vps247-image-${createHash('sha256').update(cache).digest('hex').slice(0, 32)}`);
  try {
    await once(server, 'listening');
  } catch {
    throw new Unable('The image is being built by another process: wait for it to end.');
  }
  return server;
}

/** The default base images of the Dockerfile. */
function baseImages(dockerfile: string): { build: string; run: string } {
  const base = (arg: string) => new RegExp(`^ARG ${arg}=(\\S+)$`, 'm').exec(dockerfile)?.[1];
  const [build, run] = [base('BUILD_IMAGE'), base('RUN_IMAGE')];
  if (build === undefined || run === undefined)
    throw new Unable('The Dockerfile lacks ARG BUILD_IMAGE or ARG RUN_IMAGE.');
  return { build, run };
}

/**
 * The npm settings of this host for the build's `npm ci`: as a secret, because they may contain a token, and the
 * certificates that they name as a volume. Neither ends up in a layer.
 */
function npmSettings(work: string): string[] {
  const setting = (key: string) => {
    const { status, stdout } = spawnSync('npm', ['config', 'get', key], { cwd: work, encoding: 'utf8' });
    if (status !== 0) throw new Unable(`npm did not print its setting ${key}.`);
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
