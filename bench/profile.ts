/**
 * `npm run profile`: runs the operator under Node's profilers with an existing fleet: from its start until all objects
 * are observed, idle for two polls, and with many power changes at once. Keeps the profiles, for any tool that reads
 * them, and prints the largest costs.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { buildBundle } from '../hack/build.ts';
import { align } from '../hack/demo/table.ts';
import { readOptions, sizes } from './options.ts';
import { type Locate, type Profile, readCpuProfile, readHeapProfile } from './profiles.ts';
import { Bench } from './run.ts';
import { createEnvironment } from './environment.ts';

const usage = `Usage: npm run profile [-- --size N]

Writes CPU and heap profiles of the operator to .out/profile, and prints the largest costs.

  --size N   number of VMs: ${sizes.join(', ')} (default ${sizes.at(-1)})
  --help     show this text`;

const root = join(import.meta.dirname, '..');
const shown = 12;

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const asked = readOptions(args.length === 0 ? ['--size', String(sizes.at(-1))] : args);
  if (asked.kind === 'help' || asked.kind === 'problem' || asked.sizes.length > 1) {
    console.log(asked.kind === 'problem' ? `${asked.problem}\n\n${usage}` : usage);
    return asked.kind === 'help' ? 0 : 2;
  }
  const out = join(root, '.out/profile');
  rmSync(out, { recursive: true, force: true });
  const directory = mkdtempSync(join(tmpdir(), 'vps247-profile-'));
  try {
    await profile(asked.sizes[0] ?? 0, directory, out);
    return 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function profile(size: number, directory: string, out: string): Promise<void> {
  const { file: entry } = await buildBundle(directory, join(root, 'src/main.ts'), { sourcemap: true });
  const locate = locatorOf(entry);
  console.log(`creating ${size} VMs and their objects`);
  const stage = await createEnvironment(entry, directory);
  try {
    const bench = new Bench(stage, size);
    const names = Array.from({ length: size }, (_, index) => `bench-${index + 1}`);
    await bench.populate(names);
    const some = names.slice(0, 1_000);
    const phases: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['start', () => Promise.resolve()],
      ['idle', () => bench.letBe(undefined)],
      ['flips', async () => (await bench.burst(some, 'Halted'), await bench.burst(some, 'Running'))],
    ];
    for (const name of some) await stage.unwatched.createLike(await stage.fleet.get(name));
    for (const [phase, work] of phases) {
      const folder = join(out, phase);
      mkdirSync(folder, { recursive: true });
      console.log(`profiling: ${phase}`);
      await bench.start({
        nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--heap-prof', `--heap-prof-dir=${folder}`],
      });
      await work();
      await bench.stop();
      for (const file of readdirSync(folder)) console.log(describe(phase, join(folder, file), locate));
    }
  } finally {
    await stage.close();
  }
}

/** Finds the sources of the bundle by the source map beside it. */
function locatorOf(entry: string): Locate {
  const map = new SourceMap(JSON.parse(readFileSync(`${entry}.map`, 'utf8')));
  return ({ url, lineNumber, columnNumber }) => {
    if (basename(url) !== basename(entry)) return undefined;
    const found = map.findEntry(lineNumber, columnNumber);
    // Relative to the bundle, so it starts with steps upwards.
    return 'originalSource' in found
      ? found.originalSource.replace(/^(\.\.\/)+.*?(?=src\/|node_modules\/)/, '')
      : undefined;
  };
}

function describe(phase: string, file: string, locate: Locate): string {
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const isHeap = file.endsWith('.heapprofile');
  // `as`: written by Node, in its documented format.
  const read = isHeap
    ? readHeapProfile(content as Parameters<typeof readHeapProfile>[0], locate)
    : readCpuProfile(content as Parameters<typeof readCpuProfile>[0], locate);
  const unit = isHeap
    ? (amount: number) => `${(amount / 2 ** 20).toFixed(1)} MiB`
    : (amount: number) => `${amount.toFixed(0)} ms`;
  const rows = [
    ...sharesOf('by caller', read, read.byFunction, unit),
    ...sharesOf('by module', read, read.byModule, unit),
  ];
  const what = isHeap ? 'memory still held' : 'CPU';
  return `\n${phase}: ${what}, ${unit(read.total)} in all (${relative(root, file)})\n${align(rows).join('\n')}\n`;
}

function sharesOf(
  title: string,
  { total }: Profile,
  shares: Profile['byModule'],
  unit: (amount: number) => string,
): string[][] {
  return [
    ['', '', title],
    ...shares
      .slice(0, shown)
      .map(([name, amount]) => [
        `${((100 * amount) / total).toFixed(1)} %`.padStart(7),
        unit(amount).padStart(9),
        name,
      ]),
  ];
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
