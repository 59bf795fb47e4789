import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** Environment variable: the folder that each test file writes what ran of the instrumented modules to. */
export const regionsFolder = 'MUTANTS_REGIONS';

/** Tests to run; files that were written since the last order are named, because vitest doesn't watch them. */
export interface Order {
  readonly changed: readonly string[];
  /** Paths of test files or folders, in the order in which they run. The first failure ends the run. */
  readonly tests: readonly string[];
}

export interface Failure {
  readonly file: string;
  readonly test: string;
  readonly message: string;
  readonly isTimeout: boolean;
}

export interface Answer {
  readonly failure: Failure | undefined;
  readonly files: readonly { readonly file: string; readonly ms: number; readonly tests: number }[];
  /** Why no verdict is possible. */
  readonly problem: string | undefined;
}

/** Runs tests in a copy of the project. What hangs, or ends its process, is a failure as well. */
export class Runner {
  readonly #folder: string;
  readonly #env: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  constructor(folder: string, env: Readonly<Record<string, string>> = {}) {
    this.#folder = folder;
    this.#env = env;
  }

  async run(order: Order, limitMs: number): Promise<Answer> {
    const child = (this.#child ??= await this.#start());
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const fail = (message: string, isTimeout: boolean): void => {
      this.kill();
      resolve({ failure: { file: order.tests[0] ?? '', test: '', message, isTimeout }, files: [], problem: undefined });
    };
    const watchdog = setTimeout(() => fail(`no end after ${Math.round(limitMs / 1_000)} s`, true), limitMs);
    const onExit = (): void => fail('the test process ended', false);
    child.once('exit', onExit).once('message', resolve).send(order);
    try {
      return await promise;
    } finally {
      clearTimeout(watchdog);
      child.off('exit', onExit).off('message', resolve);
    }
  }

  /** Ends vitest in good order: a shared control plane stops with it. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, 'exit');
    child.send('end');
    const watchdog = setTimeout(() => end(child), 60_000);
    await ended;
    clearTimeout(watchdog);
  }

  kill(): void {
    if (this.#child !== undefined) end(this.#child);
    this.#child = undefined;
  }

  async #start(): Promise<ChildProcess> {
    // The copy's own program: it and the tests must load the same vitest. And a separate process group: a test process that loops doesn't end by itself when its parent does.
    const child = fork(join(this.#folder, 'hack/mutants/worker.ts'), {
      cwd: this.#folder,
      // `npm ci` in the project must not take Node away.
      execPath: join(this.#folder, 'node_modules/.bin/node'),
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, ...this.#env, NODE_DISABLE_COMPILE_CACHE: '1' },
    });
    await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('vitest did not start'))),
    ]);
    return child;
  }
}

function end({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
