import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

/** An error that the user can fix: printed as one sentence, without a stack trace. */
export class Unable extends Error {}

/**
 * Where buildah, as root, records which registry had which blob, regardless of `--root`: removed again unless it
 * existed before.
 */
const BLOB_NOTES = ['/var/lib/containers', '/var/lib/containers/cache'];

/** Debian's buildah with a separate store, so that it neither uses nor changes images and settings of the host. */
export class Buildah implements Disposable {
  readonly #store: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #leftover = BLOB_NOTES.find((folder) => !existsSync(folder));

  /** Opens (and creates) the store in `cache`, for one user at a time; installs buildah if possible. */
  constructor(cache: string) {
    if (process.getuid?.() !== 0)
      throw new Unable('buildah needs root here: run this as root, or use `docker build .`.');
    installBuildah();
    // `RUN --mount=type=cache` keeps npm's downloads under TMPDIR.
    const tmp = path.join(cache, 'tmp');
    mkdirSync(tmp, { recursive: true });
    this.#env = { ...process.env, TMPDIR: tmp };
    const store = (driver: string) => {
      const folder = path.join(cache, driver);
      return ['--root', folder, '--runroot', `${folder}-run`, '--storage-driver', driver];
    };
    // overlay shares files between layers; vfs copies every layer whole but works on any file system.
    const works = spawnSync('buildah', [...store('overlay'), 'info'], { env: this.#env }).status === 0;
    this.#store = store(works ? 'overlay' : 'vfs');
    // The unfinished build of a killed run would prevent its images from being pruned.
    this.run('rm', '--all');
  }

  /** Standard output of a buildah command, trimmed; throws with the end of its output if it fails. */
  run(command: string, ...args: readonly string[]): string {
    const result = spawnSync('buildah', [...this.#store, command, ...args], { env: this.#env, encoding: 'utf8' });
    if (result.status !== 0) {
      const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-40).join('\n');
      throw new Unable(`buildah ${command} failed (${result.signal ?? result.status}):\n${output}`);
    }
    return result.stdout.trim();
  }

  /** Builds a folder's Dockerfile. Nothing is pulled: every base image must be in the store. */
  build(folder: string, tag: string, ...options: readonly string[]): void {
    this.run(
      'bud',
      '--pull=never',
      '--isolation',
      'chroot',
      '--layers',
      '--force-rm',
      '--tag',
      tag,
      ...options,
      folder,
    );
  }

  /** An image's configuration, or undefined if the image doesn't exist. */
  inspect(image: string): ImageConfig | undefined {
    if (this.run('images', '--quiet', '--filter', `reference=${image}`) === '') return undefined;
    return JSON.parse(this.run('inspect', '--type', 'image', image)).OCIv1.config;
  }

  /**
   * The digest of the image's manifest in the store. A registry would have another one, because layers are compressed
   * for the upload.
   */
  digest(image: string): string {
    return JSON.parse(this.run('inspect', '--type', 'image', image)).FromImageDigest;
  }

  /** Unpacks an image; removed with its mounts afterwards. */
  inContainer<T>(image: string, use: (container: string) => T): T {
    const container = this.run('from', '--pull-never', image);
    try {
      return use(container);
    } finally {
      this.run('rm', container);
    }
  }

  [Symbol.dispose](): void {
    if (this.#leftover !== undefined) rmSync(this.#leftover, { recursive: true, force: true });
  }
}

/**
 * The part of an OCI image's configuration that is used here; fields are missing if the Dockerfile doesn't set them.
 */
interface ImageConfig {
  readonly User?: string;
  readonly Entrypoint?: readonly string[];
  /** Each as `NAME=value`. */
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

function installBuildah(): void {
  if (spawnSync('buildah', ['--version']).status === 0) return;
  console.log('Installing the Debian package buildah …');
  const install = () => aptGet('install', '--no-install-recommends', 'buildah');
  if (!install() && !(aptGet('update') && install())) {
    throw new Unable('No buildah here and apt-get could not install it: install buildah, or use `docker build .`.');
  }
}

function aptGet(...args: readonly string[]): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', ['-qq', '-y', ...args], { env }).status === 0;
}
