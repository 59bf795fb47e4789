import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Copy } from './copy.ts';
import { type Answer, Runner } from './runner.ts';

/** A chosen mistake, in any file of the project. */
export interface Plant {
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  readonly why: string;
  /** Test files or folders that could notice it, the likeliest first. */
  readonly tests: readonly string[];
  /** Whether the generated files follow, as they do after `npm run generate`. */
  readonly generate?: boolean;
}

export interface Planted {
  readonly plant: Plant;
  readonly verdict: 'found' | 'timed out' | 'survived' | 'not planted';
  /** The test that failed, or why nothing was planted. */
  readonly by: string;
  readonly seconds: number;
}

/** A limit for what hangs: several times what any folder takes on a busy machine. */
const limitMs = { unit: 5 * 60_000, other: 20 * 60_000 } as const;

/** Reads and checks the whole list first: a typing error shows before an hour of tests. */
export function readPlants(path: string): readonly Plant[] {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!Array.isArray(parsed)) throw new Error(`${path} must hold a list`);
  return parsed.map((entry: Partial<Plant>, index) => check(entry, `${path}, entry ${index}`));
}

function check({ file, find, replace, why, tests, generate = false }: Partial<Plant>, where: string): Plant {
  for (const [name, value] of Object.entries({ file, find, replace, why }))
    if (typeof value !== 'string') throw new Error(`${where}: ${name} must be text`);
  if (!Array.isArray(tests) || tests.length === 0) throw new Error(`${where}: tests must name at least one path`);
  // `as`: the compiler doesn't follow the loop.
  return { file, find, replace, why, tests, generate } as Plant;
}

export async function plantAll(
  plants: readonly Plant[],
  copy: Copy,
  report: (planted: Planted) => void,
): Promise<void> {
  const field = new Field(copy);
  try {
    for (const plant of plants) {
      const startedAt = performance.now();
      const verdict = await field.plant(plant);
      report({ plant, ...verdict, seconds: (performance.now() - startedAt) / 1_000 });
    }
  } finally {
    await field.close();
  }
}

class Field {
  readonly #copy: Copy;
  #runner: Runner;
  /** Restored since the last run. */
  #changed: readonly string[] = [];
  /** Whether a test file passes without any mistake. */
  readonly #sound = new Map<string, boolean>();

  constructor(copy: Copy) {
    this.#copy = copy;
    this.#runner = new Runner(copy.folder);
  }

  async plant(plant: Plant): Promise<Pick<Planted, 'verdict' | 'by'>> {
    const unplanted = write(this.#copy.folder, plant);
    const { failure, problem } =
      unplanted === undefined ? await this.#run([plant.file], plant.tests) : { failure: undefined, problem: unplanted };
    this.#copy.reset();
    this.#changed = [plant.file];
    // A control plane with the changed CRD, or code that set-up files loaded, must not reach the next mistake.
    if (!isInMemory(plant)) await this.close();
    if (problem !== undefined) return { verdict: 'not planted', by: problem };
    if (failure === undefined) return { verdict: 'survived', by: '' };
    if (!(await this.#isSound(failure.file)))
      return { verdict: 'not planted', by: `${failure.file} fails without the mistake too` };
    const verdict = failure.isTimeout ? 'timed out' : 'found';
    return { verdict, by: `${failure.file} > ${failure.test} (${failure.message})` };
  }

  async close(): Promise<void> {
    await this.#runner.close();
    this.#runner = new Runner(this.#copy.folder);
  }

  async #isSound(file: string): Promise<boolean> {
    const known = this.#sound.get(file);
    if (known !== undefined) return known;
    const isSound = file === '' || (await this.#run([], [file])).failure === undefined;
    this.#sound.set(file, isSound);
    return isSound;
  }

  #run(written: readonly string[], tests: readonly string[]): Promise<Answer> {
    const changed = [...this.#changed, ...written];
    this.#changed = [];
    return this.#runner.run({ changed, tests }, tests.every(isUnit) ? limitMs.unit : limitMs.other);
  }
}

/** Whether a test file or folder needs neither a control plane nor helm. */
export function isUnit(test: string): boolean {
  return !/^test\/(integration|control-plane|crash|soak|security|chart)\b/.test(test);
}

/** Whether vitest alone loads the changed file, so that the process can go on with the next mistake. */
function isInMemory({ file, tests, generate }: Plant): boolean {
  return tests.every(isUnit) && generate !== true && /^(src|test)\/.*\.ts$/.test(file);
}

/** Writes the mistake; returns a sentence when that isn't possible. */
function write(folder: string, { file, find, replace, generate }: Plant): string | undefined {
  const path = join(folder, file);
  if (!existsSync(path)) return `${file} doesn't exist`;
  const text = readFileSync(path, 'utf8');
  const times = text.split(find).length - 1;
  if (times !== 1) return `the text occurs ${times} times in ${file}`;
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  if (generate !== true) return undefined;
  try {
    execFileSync(process.execPath, ['hack/generate.ts'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
  } catch (error) {
    return `npm run generate failed: ${String(error).split('\n')[1] ?? ''}`;
  }
  return undefined;
}
