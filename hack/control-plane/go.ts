/** The Go toolchain of this machine, as far as building the programs needs it. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { goVersionFor, type Recipe } from './catalog.ts';
import { Refusal } from './refusal.ts';

/** Where Go keeps what it downloads and compiles. */
export interface GoFolders {
  readonly modules: string;
  readonly buildCache: string;
}

/** How much there is to compile. */
export interface Workload {
  readonly packages: number;
  /** Those that Go's build cache does not hold yet. */
  readonly stale: number;
}

export const insteadOfBuilding = 'set KUBEBUILDER_ASSETS to a folder that contains the programs';

const hint = `Install it from https://go.dev/dl, or ${insteadOfBuilding}`;

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Go, run for one recipe. What it says is appended to `logFile`. */
export class Go {
  readonly #recipe: Recipe;
  readonly #env: NodeJS.ProcessEnv;
  readonly #logFile: string;

  constructor(recipe: Recipe, env: NodeJS.ProcessEnv, logFile: string) {
    this.#recipe = recipe;
    // The programs shall run here, whatever the user builds otherwise. GOTOOLCHAIN is left as it is: a Go that may fetch a newer one does.
    const { GOOS: _os, GOARCH: _arch, GO111MODULE: _modules, ...rest } = env;
    // Compilers that collect less garbage are done a tenth sooner.
    this.#env = { ...rest, CGO_ENABLED: '0', GOGC: '800', GOWORK: 'off' };
    this.#logFile = logFile;
  }

  /** Throws a Refusal if Go is missing or too old. */
  async check(): Promise<GoFolders> {
    const needed = goVersionFor(this.#recipe);
    const { code, lines } = await this.#run(['env', 'GOVERSION', 'GOMODCACHE', 'GOCACHE']);
    const [version = '', modules = '', buildCache = ''] = lines;
    if (code !== 0 || !isAtLeast(version.replace(/^go/, ''), needed)) {
      const found = /^go\d/.test(version) ? `but this is ${version}` : 'but the installed one is older';
      throw new Refusal(`Building ${this.#recipe.name} needs Go ${needed} or newer, ${found}. ${hint}.`);
    }
    return { modules, buildCache };
  }

  /** Downloads the sources if need be. */
  async workload(): Promise<Workload> {
    const { flags } = this.#recipe;
    const { code, lines } = await this.#run(['list', ...flags, '-deps', '-f', '{{.Stale}}', this.#recipe.package]);
    if (code !== 0) throw this.#failed('The sources of', 'could not be downloaded');
    return { packages: lines.length, stale: lines.filter((line) => line === 'true').length };
  }

  /** Builds into the file `output`; `onPackage` is called as the compilation of each package begins. */
  async build(output: string, temporary: string, onPackage: () => void): Promise<void> {
    const args = ['build', ...this.#recipe.flags, '-v', '-o', output, this.#recipe.package];
    const { code } = await this.#run(args, { GOTMPDIR: temporary }, (line) => {
      // Besides the packages, Go prints its downloads, and compiler errors after #.
      if (!/^(go: |#)/.test(line)) onPackage();
    });
    if (code !== 0) throw this.#failed('Building', 'failed');
  }

  #failed(what: string, how: string): Refusal {
    const { name, version } = this.#recipe;
    return new Refusal(
      `${what} ${name} ${version} ${how}. The output of Go is in ${this.#logFile}. Fix the cause, then run the command again.`,
    );
  }

  /** Runs `go`; standard error goes to the log, and line by line to `onLine`. A signal to this process ends it and is a Refusal. */
  async #run(
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    onLine: (line: string) => void = () => {},
  ): Promise<{ code: number | null; lines: string[] }> {
    let child: ChildProcessByStdio<null, Readable, Readable> | undefined;
    let isInterrupted = false;
    const interrupt = () => {
      isInterrupted = true;
      child?.kill();
    };
    // Before Go is started: a signal may come as soon as it runs.
    for (const signal of signals) process.on(signal, interrupt);
    const log = createWriteStream(this.#logFile, { flags: 'a' });
    try {
      child = spawn('go', args, {
        cwd: this.#recipe.moduleFolder,
        env: { ...this.#env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stderr.pipe(log);
      createInterface(child.stderr).on('line', onLine);
      const lines: string[] = [];
      createInterface(child.stdout).on('line', (line) => lines.push(line));
      const code = await this.#end(child);
      if (isInterrupted)
        throw new Refusal(`Building ${this.#recipe.name} was interrupted. The next run continues from there.`);
      return { code, lines };
    } finally {
      for (const signal of signals) process.off(signal, interrupt);
      // Also after a refusal: a log that is opened only later may find its folder gone.
      await finished(log.end());
    }
  }

  #end(child: ChildProcess): Promise<number | null> {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', (error: NodeJS.ErrnoException) => {
      const { name } = this.#recipe;
      const isMissing = error.code === 'ENOENT';
      const sentence = `Building ${name} needs Go ${goVersionFor(this.#recipe)} or newer, but there is no \`go\` on the PATH. ${hint}.`;
      reject(isMissing ? new Refusal(sentence) : error);
    });
    child.once('close', resolve);
    return promise;
  }
}

function isAtLeast(version: string, needed: string): boolean {
  const [major = 0, minor = 0, patch = 0] = numbersOf(version);
  const [neededMajor = 0, neededMinor = 0, neededPatch = 0] = numbersOf(needed);
  return (major - neededMajor || minor - neededMinor || patch - neededPatch) >= 0;
}

/** `1.26rc1` counts as 1.26. */
function numbersOf(version: string): number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? '').split('.').map(Number);
}
