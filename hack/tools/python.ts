/** Programs that are published as Python packages: installed once into a separate environment, then found. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { takeLock } from '../setup/lock.mjs';
import { showProgress } from '../setup/progress.mjs';

/** Why a program isn't available, with the remedy. */
class Missing extends Error {}

const requirements = join(import.meta.dirname, 'requirements.txt');

/** The path of a program from one of the packages in requirements.txt. Throws `Missing`. */
export async function ensurePythonTool(program: string): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'vps247-operator', 'python');
  const key = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(cache, key);
  // Written last, so that an interrupted installation is repeated.
  const stamp = join(folder, '.installed');
  if (!existsSync(stamp)) {
    const lock = await takeLock(join(cache, 'lock'), 'installing Python packages', ({ pid, doing }) => {
      process.stderr.write(`Waiting for process ${pid}, which is ${doing}.\n`);
    });
    try {
      if (!existsSync(stamp)) install(folder, stamp);
    } finally {
      lock.release();
    }
  }
  const path = join(folder, 'bin', program);
  if (!existsSync(path)) throw new Missing(`None of the packages in ${requirements} contains a program ${program}.`);
  return path;
}

function install(folder: string, stamp: string): void {
  const finish = showProgress(() => 'Installing Python packages');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  demand(
    'python3',
    ['-m', 'venv', folder],
    'Python 3 with its module venv is needed (Debian: apt-get install python3-venv)',
  );
  const pip = [
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '--require-hashes',
    '--no-deps',
    '-r',
    requirements,
  ];
  demand(join(folder, 'bin', 'pip'), pip, 'the packages could not be installed');
  writeFileSync(stamp, '');
  finish('Installed Python packages');
}

function demand(program: string, args: readonly string[], otherwise: string): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Missing(`${otherwise}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
}
