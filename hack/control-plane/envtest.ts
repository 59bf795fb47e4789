/** The official archive of etcd, kube-apiserver and kubectl that envtest, the test kit of controller-runtime, uses as well. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { takeLock } from '../setup/lock.mjs';
import { showProgress } from '../setup/progress.mjs';
import { cacheFolder, isProgram } from './catalog.ts';
import { download, DownloadError, type Patience, type Progress } from './download.ts';

export const archivedPrograms = ['etcd', 'kube-apiserver', 'kubectl'] as const;

/** The archive for one kind of machine. */
export interface Archive {
  /** Of Kubernetes: `v1.36.2`. */
  readonly version: string;
  readonly url: string;
  /** SHA-512, in hex. */
  readonly hash: string;
}

interface Needs {
  readonly env: NodeJS.ProcessEnv;
  readonly output: { write(text: string): unknown; isTTY?: boolean };
  readonly patience?: Patience | undefined;
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The pinned archive for this kind of machine, if there is one. */
export function pinnedArchive(platform = process.platform, arch = process.arch): Archive | undefined {
  // `as`: the file is part of this program.
  const { releases } = parse(readFileSync(join(import.meta.dirname, 'envtest-releases.yaml'), 'utf8')) as {
    releases: Record<string, Record<string, { hash: string; selfLink: string }>>;
  };
  for (const [version, files] of Object.entries(releases)) {
    const entry = files[`envtest-${version}-${platform}-${architectures[arch]}.tar.gz`];
    if (entry !== undefined) return { version, url: entry.selfLink, hash: entry.hash };
  }
  return undefined;
}

/** Where a mirror has the archive: the last two parts of the path are the same. */
function urlOf({ url }: Archive, { ENVTEST_MIRROR: mirror }: NodeJS.ProcessEnv): string {
  const path = new URL(url).pathname.split('/').slice(-2).join('/');
  return mirror ? `${mirror.replace(/\/+$/, '')}/${path}` : url;
}

function folderOf({ version, hash }: Archive, env: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), `envtest-${version}-${process.platform}-${process.arch}-${hash.slice(0, 12)}`);
}

/** The folder with the programs of the archive, which is downloaded unless it is there. Rejects with a DownloadError. */
export async function ensureArchive(archive: Archive, needs: Needs): Promise<string> {
  const folder = folderOf(archive, needs.env);
  if (isComplete(folder)) return folder;
  const lock = await takeLock(`${folder}.lock`, 'downloading the control plane', ({ pid, doing }) => {
    needs.output.write(`Waiting for process ${pid}, which is ${doing}.\n`);
  });
  try {
    // The process that was waited for may have downloaded it.
    if (!isComplete(folder)) await downloadInto(folder, archive, needs);
    return folder;
  } finally {
    lock.release();
  }
}

function isComplete(folder: string): boolean {
  return archivedPrograms.every((name) => isProgram(join(folder, name)));
}

async function downloadInto(folder: string, archive: Archive, { env, output, patience }: Needs): Promise<void> {
  const what = `the control plane (Kubernetes ${archive.version})`;
  let progress: Progress = { received: 0, total: undefined };
  const finish = showProgress(() => `Downloading ${what}${megabytes(progress)}`, output);
  let lastWords: string | undefined;
  try {
    const file = `${folder}.tar.gz`;
    await download({
      url: urlOf(archive, env),
      hash: archive.hash,
      file,
      env,
      onProgress: (now) => (progress = now),
      ...(patience === undefined ? {} : { patience }),
    });
    try {
      await unpack(file, folder, env);
    } finally {
      rmSync(file);
    }
    lastWords = `Downloaded ${what}`;
  } finally {
    finish(lastWords);
  }
}

function megabytes({ received, total }: Progress): string {
  if (received === 0) return '';
  const of = total === undefined ? '' : ` of ${(total / 1e6).toFixed(0)}`;
  return `: ${(received / 1e6).toFixed(0)}${of} MB`;
}

/** The folder appears with all programs in it, or not at all. */
async function unpack(file: string, folder: string, env: NodeJS.ProcessEnv): Promise<void> {
  const [parent, prefix] = [dirname(folder), `.${basename(folder)}-`];
  // The lock is held: what is there already is left over from a process that was killed.
  for (const entry of readdirSync(parent)) {
    if (entry.startsWith(prefix)) rmSync(join(parent, entry), { recursive: true, force: true });
  }
  const workshop = mkdtempSync(join(parent, prefix));
  try {
    await promisify(execFile)('tar', ['-xzf', file, '-C', workshop, '--no-same-owner'], { env }).catch((error) => {
      throw new DownloadError(`\`tar\` can't unpack the archive (${error.code})`, { cause: error });
    });
    const unpacked = join(workshop, 'controller-tools', 'envtest');
    if (!isComplete(unpacked)) throw new DownloadError(`the archive lacks one of ${archivedPrograms.join(', ')}`);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(parent, { recursive: true });
    renameSync(unpacked, folder);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}
