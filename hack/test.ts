/**
 * `npm test`: all tests, or those that vitest's own arguments choose (`npm test -- test/plan`). Then it searches
 * everything that they left behind for the keys and passwords planted in them, which counts as one more test. If all
 * tests ran, another one compares the requests of operators to API servers with the permissions of their installation
 * (`.out/test/permissions.txt`). The last line is `N passed, N failed`; `.out/test/results.json` contains every result
 * of the runner.
 */
import { mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseCLI, startVitest, type TestModule, type Vitest } from 'vitest/node';
import { comparePermissions } from '../test/permissions/run.ts';
import { type Recording, whenRecorded } from '../test/secrets/recording.ts';
import { searchRun } from '../test/secrets/run.ts';

/** The results, in tests. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

function countTests(vitest: Vitest): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  for (const module of vitest.state.getTestModules()) {
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      // Pending: it was canceled before it ran, and proves nothing.
      counts[state === 'pending' ? 'failed' : state] += 1;
    }
    if (failedOutsideTests(module)) counts.failed += 1;
  }
  // Errors outside of tests count too: an uncaught error, a control plane that did not start.
  counts.failed += vitest.state.getUnhandledErrors().length;
  return counts;
}

/** Each failure with the first lines of its message, repeated at the end of the output. */
function failures(vitest: Vitest): readonly string[] {
  return vitest.state.getTestModules().flatMap((module) => {
    const tests = [...module.children.allTests('failed')].map((test) => ({
      name: test.fullName,
      errors: test.result().errors ?? [],
    }));
    const all = failedOutsideTests(module) ? [{ name: 'outside of its tests', errors: module.errors() }] : tests;
    return all.map(
      ({ name, errors }) => `FAILED ${module.relativeModuleId} > ${name}: ${firstLines(errors[0]?.message)}`,
    );
  });
}

/** A message can contain the end of a program's log. */
function firstLines(message = '-'): string {
  return message.split('\n').slice(0, 20).join('\nFAILED   ');
}

/** A file that could not be loaded, or a failed hook of a suite, leaves no failed test behind. */
function failedOutsideTests(module: TestModule): boolean {
  return !module.ok() && module.children.allTests('failed').next().done === true;
}

/** The output is searched too, so it is kept. */
function copyOutput(path: string): void {
  const copy = openSync(path, 'w');
  for (const stream of [process.stdout, process.stderr]) {
    const write = stream.write.bind(stream);
    // `as`: one of several signatures; the arguments are passed on unchanged.
    stream.write = ((chunk: string | Uint8Array, ...rest: []) => {
      writeSync(copy, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      return write(chunk, ...rest);
    }) as typeof stream.write;
  }
}

const startedAt = Date.now();
const args = process.argv.slice(2);
const root = join(import.meta.dirname, '..');
const out = join(root, '.out');
mkdirSync(join(out, 'test'), { recursive: true });
copyOutput(join(out, 'test/console.txt'));

let recorded: Recording | undefined;
whenRecorded((recording) => (recorded = recording));

const { filter, options } = parseCLI(['vitest', 'run', ...args]);
const vitest = await startVitest('test', filter, {
  ...options,
  root,
  watch: false,
  reporters: ['default', ['json', { outputFile: join(out, 'test/results.json') }]],
});
const { passed, failed, skipped } = countTests(vitest);
const failing = failures(vitest);
await vitest.close();
const isWhole = args.length === 0;
const verdicts = [await searchRun({ out, startedAt, recorded, isWhole })];
if (isWhole) {
  const manifests = ['install.yaml', 'install-namespaced.yaml'].map((file) => join(root, 'deploy/manifests', file));
  const report = join(out, 'test/permissions.txt');
  verdicts.push(await comparePermissions({ out, startedAt, installations: manifests, report }));
}
for (const { summary, problems } of verdicts) for (const line of [...problems, summary]) console.log(line);
for (const line of failing) console.log(line);
const unsound = verdicts.filter(({ problems }) => problems.length > 0).length;
// A run without tests fails: most likely an argument matched none.
if (failed > 0 || passed === 0 || unsound > 0) process.exitCode = 1;
const counts = `${passed + verdicts.length - unsound} passed, ${failed + unsound} failed`;
console.log(`${counts}${skipped > 0 ? `, ${skipped} skipped` : ''}`);
