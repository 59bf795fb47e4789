import { execFileSync } from 'node:child_process';
import {
  constants,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A copy of the project that mistakes are written into, so that the files you edit are never touched. */
export interface Copy {
  readonly folder: string;
  /** Restores every file, whatever a mistake, a generator or a test wrote. */
  reset(): void;
  remove(): void;
}

/** Copies what is committed or would be. The copy is a repository of its own, because some tests ask git which files there are. */
export function makeCopy(root: string): Copy {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vps247-mutants-')));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=mutants', '-c', 'user.email=mutants@localhost', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  for (const file of listFiles(root)) copyFile(join(root, file), join(folder, file));
  // Not a link: bundlers and package lists tell files by where they really are.
  cpSync(join(root, 'node_modules'), join(folder, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
  });
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--no-verify', '--message', 'Copy of the project');
  return {
    folder,
    reset() {
      git('reset', '--quiet', '--hard');
      git('clean', '--quiet', '--force', '-d');
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function listFiles(root: string): readonly string[] {
  return execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '');
}

function copyFile(from: string, to: string): void {
  const found = lstatSync(from, { throwIfNoEntry: false });
  // Deleted but still in the index, or another repository below this one.
  if (found === undefined || found.isDirectory()) return;
  mkdirSync(dirname(to), { recursive: true });
  if (found.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else copyFileSync(from, to);
}
