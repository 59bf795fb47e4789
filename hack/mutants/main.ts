/** `npm run mutants`: plants mistakes one at a time, and reports those that no test notices. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCopy } from './copy.ts';
import { plantAll, type Planted, readPlants } from './plant.ts';

const help = `Usage: npm run mutants -- --plant FILE

Plants mistakes, one at a time, in a copy of the project, and runs the tests that could notice them.

  --plant FILE   plant the mistakes of a JSON file: a list of
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

Report: .out/mutants/planted.md. The exit code is 1 if a mistake survived or could not be planted.
`;

const root = join(import.meta.dirname, '../..');
const out = join(root, '.out/mutants');

/** Prints each verdict as soon as it is there; returns whether all mistakes were found. */
async function plant(path: string): Promise<boolean> {
  const plants = readPlants(path);
  const copy = makeCopy(root);
  process.once('exit', copy.remove);
  const all: Planted[] = [];
  await plantAll(plants, copy, (planted) => {
    all.push(planted);
    console.log(`${all.length}/${plants.length} ${line(planted)}`);
    mkdirSync(out, { recursive: true });
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
const { values } = parseArgs({ options: { plant: { type: 'string' }, help: { type: 'boolean', default: false } } });
if (values.help || values.plant === undefined) console.log(help);
else process.exitCode = (await plant(values.plant)) ? 0 : 1;
