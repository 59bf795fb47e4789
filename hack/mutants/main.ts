/** `npm run mutants`: makes small mistakes one at a time, and reports those that no test finds. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Baseline, Baselines } from './baseline.ts';
import { Campaign, type Known, type Result } from './campaign.ts';
import { refusedByCompiler } from './compile.ts';
import { type Copy, makeCopy } from './copy.ts';
import { equivalents, isExcused } from './equivalent.ts';
import { Imports } from './imports.ts';
import { keyOf, mutantsOf } from './mutate.ts';
import { isUnit, plantAll, type Planted, readPlants } from './plant.ts';
import { renderSurvivors, renderTable } from './report.ts';
import { Store } from './store.ts';

const help = `Usage: npm run mutants -- [OPTIONS] [PATH ...]

Makes small mistakes in the source (mutants), one at a time, in a copy of the project, and runs the unit tests that run the
changed code until one fails. A mutant that all of them pass survives: a test is missing, or the code does nothing.

Which mutants:
  PATH ...       files or folders below src
  --base COMMIT  without paths: the files changed since this commit; default: the merge base with main
  --all          all files of src/{api,plan,provider,queue,reconcile,status,watch}
  --sample N     a random choice of N mutants
  --seed N       seed of the choice and of the order; default: random, printed
  --minutes N    start no mutant after this time; default: 30, with --all no limit
  --cap N        seconds of tests for each mutant, as measured without a mistake; default: 60
  --workers N    mutants at the same time; default: one for each core

Planted mistakes:
  --plant FILE   instead: the mistakes of a JSON file, a list of
                   { "file": "src/plan/power.ts",    any file of the project
                     "find": "waited >= grace",      text that occurs once in it
                     "replace": "waited > grace",
                     "why": "one second late",
                     "tests": ["test/plan"],         test files or folders, the likeliest first
                     "generate": true }              optional: run \`npm run generate\` after planting, for a
                                                     mistake in the source of generated files (CRD, chart)
                 Tests run until the first one fails: the mistake is found. It survives when all pass.
                 Name the tests narrowly: a mistake that survives costs the time of all of them.
  --help         print this text

Reports: .out/mutants/report.md, for --plant .out/mutants/planted.md. Verdicts are kept in .out/mutants/known.jsonl and used
again until the file or the tests change. Mutants that change nothing are listed, with reasons, in hack/mutants/equivalent.ts.
The exit code is 1 if a planted mistake survived or could not be planted, or if a listed mutant no longer exists.
`;

const root = join(import.meta.dirname, '../..');
const out = join(root, '.out/mutants');
const folders = ['api', 'plan', 'provider', 'controller', 'reconcile', 'status', 'kubernetes/cache'].map(
  (name) => `src/${name}/`,
);

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    plant: { type: 'string' },
    base: { type: 'string' },
    all: { type: 'boolean', default: false },
    sample: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
    cap: { type: 'string', default: '60' },
    workers: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});

function copyProject(): Copy {
  const copy = makeCopy(root);
  process.once('exit', copy.remove);
  return copy;
}

/** Prints each verdict as soon as it is there; returns whether all mistakes were found. */
async function plant(path: string): Promise<boolean> {
  const plants = readPlants(path);
  const all: Planted[] = [];
  await plantAll(plants, copyProject(), (planted) => {
    all.push(planted);
    console.log(`${all.length}/${plants.length} ${line(planted)}`);
    writeFileSync(join(out, 'planted.md'), `# Planted mistakes\n\n${all.map((one) => `- ${line(one)}\n`).join('')}`);
  });
  const counts = Map.groupBy(all, ({ verdict }) => verdict);
  console.log([...counts].map(([verdict, list]) => `${list.length} ${verdict}`).join(', '));
  return all.every(({ verdict }) => verdict === 'found' || verdict === 'timed out');
}

function line({ plant: { file, find, replace, why }, verdict, by, seconds }: Planted): string {
  const change = `${file}: ${JSON.stringify(find)} → ${JSON.stringify(replace)}`;
  return `${verdict} (${seconds.toFixed(1)} s): ${why}. ${change}${by === '' ? '' : `\n  ${by}`}`;
}

/** The modules whose mutants are wanted. */
function chosenFiles(): readonly string[] {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  const every = globSync('src/**/*.ts', { cwd: root }).toSorted();
  if (positionals.length > 0) return every.filter((file) => positionals.some((path) => isBelow(file, path)));
  const inFolders = every.filter((file) => folders.some((folder) => file.startsWith(folder)));
  if (values.all) return inFolders;
  const base = values.base ?? git('merge-base', 'HEAD', 'main');
  const changed = new Set(git('diff', '--name-only', base).split('\n'));
  return inFolders.filter((file) => changed.has(file));
}

function isBelow(file: string, path: string): boolean {
  return file === path || file.startsWith(path.endsWith('/') ? path : `${path}/`);
}

/** Fisher and Yates, with a generator that is the same everywhere (mulberry32). */
function shuffle<Item>(items: readonly Item[], seed: number): readonly Item[] {
  let state = seed;
  const random = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Returns whether every listed equivalent still is a mutant. */
async function mutate(): Promise<boolean> {
  const startedAt = performance.now();
  const imports = new Imports(root);
  const gone = equivalents.filter(
    (row) => !mutantsOf(row.file, imports.text(row.file)).some((mutant) => isExcused(mutant, row)),
  );
  for (const row of gone)
    console.log(`hack/mutants/equivalent.ts: ${row.file} ${row.function} has no ${row.kind} "${row.text}"`);

  const files = chosenFiles();
  const all = files.flatMap((file) => mutantsOf(file, imports.text(file)));
  const wanted = all.filter((mutant) => !equivalents.some((row) => isExcused(mutant, row)));
  const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : Number(values.seed);
  const sample = shuffle(wanted, seed).slice(0, values.sample === undefined ? undefined : Number(values.sample));
  if (sample.length === 0) return gone.length === 0;
  const copies = Array.from({ length: Number(values.workers) }, copyProject);
  const [copy = copyProject()] = copies;
  const refused = refusedByCompiler(copy, sample, (file) => imports.text(file));
  const chosen = sample.filter((mutant) => !refused.has(mutant));
  console.log(
    `${files.length} files, ${all.length} mutants, ${all.length - wanted.length} of them equivalent; ${sample.length} chosen with --seed ${seed}, the compiler refuses ${refused.size} of them`,
  );

  const mutated = new Set(chosen.map(({ file }) => file));
  const tests = globSync('test/**/*.test.ts', { cwd: root })
    // The mistakes of the model checker don't fit a source that has another one.
    .filter(
      (test) =>
        isUnit(test) &&
        test !== 'test/model-check/mutations.test.ts' &&
        [...imports.reachedFrom(test).keys()].some((file) => mutated.has(file)),
    )
    .toSorted();
  const store = new Store<Baseline>(join(out, 'tests.jsonl'));
  const baselines = new Baselines(imports, store, copyProject(), globSync('src/**/*.ts', { cwd: root }));
  const minutes = values.minutes === undefined ? (values.all ? Infinity : 30) : Number(values.minutes);
  const until = startedAt + minutes * 60_000;
  const known = new Store<Known>(join(out, 'known.jsonl'));
  const campaign = new Campaign({ imports, baselines, known, tests, capMs: Number(values.cap) * 1_000, until });
  const results: Result[] = [];
  await campaign.run(chosen, copies, (result) => {
    results.push(result);
    console.log(`${results.length}/${chosen.length} ${result.verdict} ${describe(result)}`);
  });
  await baselines.close();
  const took = `${results.length} mutants in ${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes`;
  const table = `${took}\n\n${renderTable(results)}`;
  const rest =
    results.length < chosen.length
      ? `\n${chosen.length - results.length} mutants were not tried in ${minutes} minutes.\n`
      : '';
  const survivors = renderSurvivors(results, (file) => imports.text(file));
  writeFileSync(join(out, 'report.md'), `# Mutants\n\n${table}${rest}\n## Survivors\n\n${survivors}`);
  console.log(`\n${table}${rest}\n${survivors}`);
  return gone.length === 0;
}

function describe({ mutant, by }: Result): string {
  const [file, name, kind, text = '', replacement = ''] = keyOf(mutant).split('\n');
  return `${file} ${name} ${kind}: ${text.slice(0, 80)} → ${replacement.slice(0, 80)}${by === '' ? '' : ` (${by})`}`;
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
mkdirSync(out, { recursive: true });
if (values.help) console.log(help);
else process.exitCode = (await (values.plant === undefined ? mutate() : plant(values.plant))) ? 0 : 1;
