import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Copy } from './copy.ts';
import { apply, type Mutant } from './mutate.ts';

/** The compiler keeps all of them in memory. */
const batch = 500;

/** A harmful mutant often leaves a name unused or a line unreachable. */
const options = { noUnusedLocals: false, noUnusedParameters: false, allowUnreachableCode: true };

/**
 * The mutants that the compiler refuses. Each is compiled as a module beside its own, all in one run; what a mutant changes for the
 * modules that import it doesn't show.
 */
export function refusedByCompiler(
  { folder }: Pick<Copy, 'folder'>,
  mutants: readonly Mutant[],
  textOf: (file: string) => string,
): ReadonlySet<Mutant> {
  const refused = new Set<Mutant>();
  for (let start = 0; start < mutants.length; start += batch) {
    const some = mutants.slice(start, start + batch);
    const byPath = new Map(some.map((mutant, index) => [siblingOf(mutant, index), mutant]));
    const texts = new Map([...byPath].map(([path, mutant]) => [path, compiledText(textOf(mutant.file), mutant)]));
    const originals = new Set(some.map(({ file }) => file));
    for (const path of compile(folder, texts, originals)) {
      if (originals.has(path)) throw new Error(`${path} doesn't compile without a mistake`);
      const mutant = byPath.get(path);
      if (mutant !== undefined) refused.add(mutant);
    }
  }
  return refused;
}

/**
 * The module as it is compiled. Behind a condition that is always met the other branch is dead, and so are its errors: it keeps what the
 * condition says of types, and the branch that runs loses it. A lone semicolon may not be the body of an `if`.
 */
function compiledText(source: string, mutant: Mutant): string {
  if (mutant.replacement === ';') return apply(source, { ...mutant, replacement: '{}' });
  if (mutant.kind !== 'condition') return apply(source, mutant);
  const operator = mutant.replacement === 'true' ? '||' : '&&';
  const replacement = `((${source.slice(mutant.start, mutant.end)}) ${operator} (0 as unknown as boolean))`;
  return apply(source, { ...mutant, replacement });
}

function siblingOf({ file }: Mutant, index: number): string {
  return file.replace(/\.ts$/, `.mutant-${index}.ts`);
}

/** The paths of the modules with errors. */
function compile(
  folder: string,
  modules: ReadonlyMap<string, string>,
  originals: ReadonlySet<string>,
): readonly string[] {
  const config = join(folder, 'tsconfig.mutants.json');
  for (const [path, text] of modules) writeFileSync(join(folder, path), text);
  writeFileSync(
    config,
    JSON.stringify({
      extends: './tsconfig.json',
      compilerOptions: options,
      include: [],
      files: [...originals, ...modules.keys()],
    }),
  );
  try {
    const { stdout, error } = spawnSync(join(folder, 'node_modules/.bin/tsc'), ['--pretty', 'false', '-p', config], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: Infinity,
    });
    if (error !== undefined) throw error;
    return [...stdout.matchAll(/^(\S+?)\(\d+,\d+\): error /gm)].map(([, path = '']) => path);
  } finally {
    for (const path of modules.keys()) rmSync(join(folder, path));
    rmSync(config);
  }
}
