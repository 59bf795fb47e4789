/**
 * A process that runs tests of the copy of the project it belongs to, again and again, with vitest loaded once. Orders come as messages,
 * and each is answered by one (`runner.ts`).
 */
import { join } from 'node:path';
import { createVitest, type TestModule, type TestSpecification, type Vitest } from 'vitest/node';
import { mergeConfig } from 'vitest/config';
import config from '../../vitest.config.ts';
import { type Answer, type Failure, type Order, regionsFolder } from './runner.ts';

/** Vitest would run the files that failed or took long first; the order is the caller's. */
class GivenOrder {
  sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files);
  }
  shard = this.sort;
}

async function start(root: string): Promise<Vitest> {
  const setupFiles = process.env[regionsFolder] === undefined ? [] : [join(root, 'hack/mutants/record.ts')];
  // Options given here would reach the root only, not its projects.
  const projects = (config.test?.projects ?? []).map((project) =>
    typeof project === 'object' && 'test' in project ? mergeConfig(project, { test: { setupFiles } }) : project,
  );
  const vitest = await createVitest('test', {
    ...config.test,
    projects,
    config: false,
    root,
    watch: false,
    run: true,
    bail: 1,
    maxWorkers: 1,
    reporters: [],
    // A mistake may allocate without end; the machine has other uses for its memory.
    execArgv: ['--max-old-space-size=1536'],
    sequence: { sequencer: GivenOrder },
  });
  await vitest.standalone();
  return vitest;
}

async function run(vitest: Vitest, root: string, { changed, tests }: Order): Promise<Answer> {
  for (const file of changed) vitest.invalidateFile(join(root, file));
  // What the previous order left: its failed tests would stop this one at once.
  vitest.state.idMap.clear();
  vitest.state.filesMap.clear();
  vitest.state.clearErrors();
  const specifications: TestSpecification[] = [];
  for (const test of tests) {
    const matches = await vitest.globTestSpecifications([test]);
    // A filter is a part of a path; a file's own path means that file only.
    const exact = matches.filter(({ moduleId }) => moduleId === join(root, test));
    specifications.push(...(exact.length > 0 ? exact : matches));
  }
  if (specifications.length === 0)
    return { failure: undefined, files: [], problem: `no test file matches ${tests.join(', ')}` };
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications);
  const failure = testModules.map(failureOf).find((found) => found !== undefined) ?? outside(unhandledErrors);
  const files = testModules.map((module) => ({
    file: module.relativeModuleId,
    ms: module.diagnostic().duration + module.diagnostic().collectDuration,
    tests: [...module.children.allTests()].filter((test) => test.result().state !== 'skipped').length,
  }));
  return { failure, files, problem: undefined };
}

function failureOf(module: TestModule): Failure | undefined {
  const [test] = module.children.allTests('failed');
  if (test === undefined && module.ok()) return undefined;
  const message = (test?.result().errors ?? module.errors())[0]?.message ?? '';
  const name = test?.fullName ?? 'outside of its tests';
  return {
    file: module.relativeModuleId,
    test: name,
    message: firstLine(message),
    isTimeout: /^(Test|Hook) timed out/.test(message),
  };
}

function outside(errors: readonly unknown[]): Failure | undefined {
  const [error] = errors;
  if (error === undefined) return undefined;
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  return { file: '', test: 'outside of all tests', message: firstLine(message), isTimeout: false };
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200);
}

const root = join(import.meta.dirname, '../..');
const vitest = await start(root);
process.on('message', (order: Order | 'end') => {
  if (order === 'end') void vitest.close().finally(() => process.exit(0));
  else
    run(vitest, root, order).then(
      (answer) => process.send?.(answer),
      (error: unknown) => process.send?.({ failure: undefined, files: [], problem: String(error) } satisfies Answer),
    );
});
// Its parent is gone, and a test may be looping: nothing of this process group stays.
process.once('disconnect', () => process.kill(-process.pid, 'SIGKILL'));
process.send?.('ready');
