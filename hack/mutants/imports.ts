import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';

/** Which modules of the project load which, types left out. */
export class Imports {
  readonly #root: string;
  readonly #direct = new Map<string, readonly string[]>();
  readonly #texts = new Map<string, string>();
  readonly #reached = new Map<string, ReadonlyMap<string, number>>();

  constructor(root: string) {
    this.#root = root;
  }

  text(file: string): string {
    let text = this.#texts.get(file);
    if (text === undefined) this.#texts.set(file, (text = readFileSync(join(this.#root, file), 'utf8')));
    return text;
  }

  /** What loading `file` loads too, itself included, with the number of steps. */
  reachedFrom(file: string): ReadonlyMap<string, number> {
    const known = this.#reached.get(file);
    if (known !== undefined) return known;
    const distances = new Map([[file, 0]]);
    for (const [reached, distance] of distances)
      for (const next of this.#importsOf(reached)) if (!distances.has(next)) distances.set(next, distance + 1);
    this.#reached.set(file, distances);
    return distances;
  }

  /** Changes whenever something below `folder` that `file` loads does. */
  hash(file: string, folder = ''): string {
    const loaded = [...this.reachedFrom(file).keys()].filter((reached) => reached.startsWith(folder)).toSorted();
    return hashOf(...loaded, ...loaded.map((reached) => this.text(reached)));
  }

  #importsOf(file: string): readonly string[] {
    let found = this.#direct.get(file);
    if (found === undefined) this.#direct.set(file, (found = this.#parse(file)));
    return found;
  }

  #parse(file: string): readonly string[] {
    if (!/\.m?ts$|\.mjs$/.test(file)) return [];
    const source = this.text(file);
    const { module } = parseSync(file, source);
    const named = [
      ...module.staticImports
        .filter(({ entries }) => entries.length === 0 || entries.some(({ isType }) => !isType))
        .map(({ moduleRequest }) => moduleRequest.value),
      ...module.staticExports.flatMap(({ entries }) =>
        entries.flatMap(({ moduleRequest, isType }) => (moduleRequest === null || isType ? [] : [moduleRequest.value])),
      ),
      ...module.dynamicImports.map(({ moduleRequest: { start, end } }) => source.slice(start + 1, end - 1)),
    ];
    return named.filter((name) => name.startsWith('.')).map((name) => posix.join(posix.dirname(file), name));
  }
}

export function hashOf(...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length} `).update(text);
  return hash.digest('hex').slice(0, 16);
}
