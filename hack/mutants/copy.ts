import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A copy of the project for the mistakes, so that the files you edit are never touched. */
export interface Copy {
  readonly folder: string;
  /** Restores every file, whatever a mistake, a generator or a test wrote. */
  reset(): void;
  remove(): void;
}

/** Copies what is committed or would be. The copy is a separate repository, because some tests ask git which files there are. */
export function makeCopy(root: string): Copy {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vps247-mutants-')));
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=mutants', '-c', 'user.email=mutants@localhost', ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
  for (const file of listFiles(root)) copyFile(join(root, file), join(folder, file));
  linkFolder(join(root, 'node_modules'), join(folder, 'node_modules'));
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

/** Hard links, because there are many files. Not a link to the folder: bundlers and package lists go by where a file really is. */
function linkFolder(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkFolder(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkFile(source, target);
  }
}

function linkFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // Another file system.
    copyFileSync(from, to);
  }
}
