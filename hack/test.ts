/**
 * `npm test`: all tests, or those that vitest's own arguments choose (`npm test -- test/plan`). The last line is `N passed, N failed`,
 * from the runner's counts; `.out/test/results.json` holds every result.
 */
import { join } from 'node:path';
import { parseCLI, startVitest, type TestModule, type Vitest } from 'vitest/node';

/** What came out, in tests. */
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
      // Pending: it was cancelled before its turn, and proves nothing.
      counts[state === 'pending' ? 'failed' : state] += 1;
    }
    if (failedOutsideTests(module)) counts.failed += 1;
  }
  // What went wrong between the tests counts too: an error that nobody caught, a control plane that did not start.
  counts.failed += vitest.state.getUnhandledErrors().length;
  return counts;
}

/** A file that could not be loaded, or a hook of a suite that failed, leaves no failed test behind. */
function failedOutsideTests(module: TestModule): boolean {
  return !module.ok() && module.children.allTests('failed').next().done === true;
}

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
const vitest = await startVitest('test', filter, {
  ...options,
  root: join(import.meta.dirname, '..'),
  watch: false,
  reporters: ['default', ['json', { outputFile: join(import.meta.dirname, '../.out/test/results.json') }]],
});
const { passed, failed, skipped } = countTests(vitest);
await vitest.close();
// No test at all is no success: most likely an argument chose none.
if (failed > 0 || passed === 0) process.exitCode = 1;
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
