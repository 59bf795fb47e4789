import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** A file of the project; `path` is relative to its root, with slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

export const root = join(import.meta.dirname, '..', '..');

const notOurs: ReadonlySet<string> = new Set(['node_modules', '.git', '.out', 'dist', 'coverage']);

/** All text files below `folder` of the project, without what is installed or built. */
export function readSources(folder: string): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (notOurs.has(entry.name)) return [];
    if (entry.isDirectory()) return readSources(path);
    return entry.isFile()
      ? [{ path: relative('.', path).replaceAll(sep, '/'), text: readFileSync(join(root, path), 'utf8') }]
      : [];
  });
}

const statement = /^\s*(?:import|export)\s[^'"`;]*?\bfrom\s*'([^']+)'|^\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'/gm;

/** What a file imports or re-exports, types included, as it is written. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(statement)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? '');
}
