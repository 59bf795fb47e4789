import { readdirSync } from 'node:fs';
import { join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '../..');

/** Files below a folder of the project whose names end so, as paths from its root. */
export function filesBelow(folder: string, ending: string): readonly string[] {
  const names = readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .toSorted();
}

/** All pages: those at the root, docs, examples. */
export const pages: readonly string[] = [
  ...readdirSync(projectRoot)
    .filter((name) => name.endsWith('.md'))
    .toSorted(),
  ...filesBelow('docs', '.md'),
  ...filesBelow('examples', '.md'),
];
