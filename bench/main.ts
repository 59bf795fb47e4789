/**
 * `npm run bench`: a real kube-apiserver and etcd, the emulated provider in a separate process, the operator with the
 * permissions of its role, and VMs that are created, powered and deleted. Prints counts and times beside their floor;
 * exits 1 if a count exceeds its limit. Times are reported without limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildBundle } from '../hack/build.ts';
import { sectionsOf } from './figures.ts';
import { targetsOf } from './targets.ts';
import { storeResults } from './results-store.ts';
import { readOptions, sizes } from './options.ts';
import type { Results } from './results.ts';
import { run } from './run.ts';
import { createEnvironment } from './environment.ts';
import { findWrong, renderGoals, renderTable } from './table.ts';

const usage = `Usage: npm run bench [-- --size N [--keep] | --curve]

Measures the operator on a real API server against the emulated provider: calls, writes, time, CPU, memory.

  --size N   number of VMs: ${sizes.join(', ')} (default ${sizes[0]}, two minutes; the largest takes fifteen)
  --keep     stores the figures in docs/performance.json, from which npm run generate renders the page
  --curve    runs every size, and stores the figures
  --help     show this text`;

type Say = (text: string) => void;

/** The exit code. */
async function main(): Promise<number> {
  const asked = readOptions(process.argv.slice(2));
  if (asked.kind === 'help') {
    console.log(usage);
    return 0;
  }
  if (asked.kind === 'problem') {
    console.error(`${asked.problem}\n\n${usage}`);
    return 2;
  }
  const startedAt = performance.now();
  const say: Say = (text) =>
    console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${text}`);
  const directory = mkdtempSync(join(tmpdir(), 'vps247-bench-'));
  const code = await bench(asked.sizes, asked.isKept, directory, say);
  if (code === 0 || code === 130) rmSync(directory, { recursive: true, force: true });
  else console.error(`The logs are kept in ${directory}`);
  return code;
}

async function bench(chosen: readonly number[], isKept: boolean, directory: string, say: Say): Promise<number> {
  say('building the operator');
  const { file: entry } = await buildBundle(directory);
  const interrupted = new Promise<130>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(130));
  });
  const all: Results[] = [];
  for (const size of chosen) {
    const results = await Promise.race([interrupted, measure(size, entry, join(directory, String(size)), say)]);
    if (results === 130) return 130;
    all.push(results);
    // Immediately, because the last run takes the longest.
    if (isKept) storeResults(results);
    console.log(`\n${renderGoals(targetsOf(results))}\n`);
  }
  const wrong = all.flatMap((results) => findWrong(sectionsOf(results)));
  console.log(
    wrong.length === 0 ? 'All counts are within their limits.' : `Counts outside their limits:\n${wrong.join('\n')}`,
  );
  return wrong.length === 0 ? 0 : 1;
}

async function measure(size: number, entry: string, directory: string, say: Say): Promise<Results> {
  say(`starting a control plane and the provider for ${size} machines`);
  const stage = await createEnvironment(entry, directory);
  try {
    // Part by part, so that an interrupted run has shown its results.
    return await run(stage, size, { say, show: (section) => console.log(`${renderTable([section])}\n`) });
  } finally {
    await stage.close();
  }
}

try {
  process.exitCode = await main();
  // Work that was in progress at a Ctrl-C must not continue.
  if (process.exitCode === 130) process.exit();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
