import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Copy } from './copy.ts';
import { hashOf, type Imports } from './imports.ts';
import { instrument } from './instrument.ts';
import { Runner, regionsFolder } from './runner.ts';
import type { Store } from './store.ts';

/** A test file without any mistake: whether it passes, its duration, and which regions of which modules it runs. */
export interface Baseline {
  /** All files below `test` that it loads. */
  readonly hash: string;
  /** Of each module of `src` that it loads. Hardly depends on other modules. */
  readonly modules: Readonly<Record<string, string>>;
  readonly isSound: boolean;
  readonly ms: number;
  readonly ran: Readonly<Record<string, readonly number[]>>;
}

/** Longer than any test file takes on a busy host. */
const limitMs = 5 * 60_000;

/** Baselines of test files, measured with instrumented modules on first use. */
export class Baselines {
  readonly #imports: Imports;
  readonly #store: Store<Baseline>;
  readonly #copy: Copy;
  readonly #runner: Runner;
  readonly #folder: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(imports: Imports, store: Store<Baseline>, copy: Copy, modules: readonly string[]) {
    this.#imports = imports;
    this.#store = store;
    this.#copy = copy;
    this.#folder = join(copy.folder, '.out/regions');
    mkdirSync(this.#folder, { recursive: true });
    for (const module of modules) writeFileSync(join(copy.folder, module), instrument(module, imports.text(module)));
    this.#runner = new Runner(copy.folder, { [regionsFolder]: this.#folder });
  }

  /** Milliseconds that the test file took when it was last measured, regardless of later changes. */
  lastMs(test: string): number | undefined {
    return this.#store.get(test)?.ms;
  }

  /** As far as `module` is concerned. */
  async get(test: string, module: string): Promise<Baseline> {
    return this.#known(test, module) ?? (await this.#queue(test, module));
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#runner.close();
    this.#copy.remove();
  }

  #known(test: string, module: string): Baseline | undefined {
    const known = this.#store.get(test);
    const isSame = known?.hash === this.#imports.hash(test, 'test/') && known.modules[module] === this.#hashOf(module);
    return isSame ? known : undefined;
  }

  #hashOf(module: string): string {
    return hashOf(this.#imports.text(module));
  }

  #queue(test: string, module: string): Promise<Baseline> {
    const next = this.#last.then(() => this.#known(test, module) ?? this.#measure(test));
    this.#last = next;
    return next;
  }

  async #measure(test: string): Promise<Baseline> {
    const { failure, files } = await this.#runner.run({ changed: [], tests: [test] }, limitMs);
    const isSound = failure === undefined && files.length === 1;
    if (!isSound) console.log(`${test} fails without a mistake and is left out: ${failure?.test} ${failure?.message}`);
    const ran = isSound ? readFileSync(join(this.#folder, `${test.replaceAll('/', '+')}.json`), 'utf8') : '{}';
    const loaded = [...this.#imports.reachedFrom(test).keys()].filter((file) => file.startsWith('src/'));
    const modules = Object.fromEntries(loaded.map((file) => [file, this.#hashOf(file)]));
    const baseline = {
      hash: this.#imports.hash(test, 'test/'),
      modules,
      isSound,
      ms: files[0]?.ms ?? 0,
      ran: JSON.parse(ran),
    };
    this.#store.set(test, baseline);
    return baseline;
  }
}
