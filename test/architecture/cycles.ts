import { posix } from 'node:path';
import { importsOf, type Source } from './sources.ts';

/** Import cycles between files, as `a.ts → b.ts → a.ts`; types count. At least one of each group of files that import each other. */
export function importCycles(sources: readonly Source[]): string[] {
  const imports = new Map(sources.map(({ path, text }) => [path, importedFiles(path, text)]));
  const done = new Set<string>();
  const cycles: string[] = [];

  function visit(path: string, ancestors: readonly string[]): void {
    const start = ancestors.indexOf(path);
    if (start >= 0) cycles.push([...ancestors.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const imported of imports.get(path) ?? []) visit(imported, [...ancestors, path]);
    done.add(path);
  }

  for (const path of imports.keys()) visit(path, []);
  return cycles;
}

function importedFiles(path: string, text: string): string[] {
  return importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier));
}
