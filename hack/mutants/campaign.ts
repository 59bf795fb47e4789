import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Baselines } from './baseline.ts';
import type { Copy } from './copy.ts';
import { hashOf, type Imports } from './imports.ts';
import { regionAt, type Region, regionsOf } from './instrument.ts';
import { apply, keyOf, type Mutant } from './mutate.ts';
import { type Failure, Runner } from './runner.ts';
import type { Store } from './store.ts';

export interface Result {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** The test that failed; empty for survivors. */
  readonly by: string;
  /** How many test files ran. */
  readonly ran: number;
}

export type Verdict = 'found' | 'timed out' | 'survived' | 'not covered';

/** A verdict of an earlier run; valid while its tests are unchanged. */
export interface Known extends Pick<Result, 'verdict' | 'by' | 'ran'> {
  readonly tests: string;
}

export interface Plan {
  readonly imports: Imports;
  readonly baselines: Baselines;
  readonly known: Store<Known>;
  readonly tests: readonly string[];
  /** The limit of test time for one mutant, as measured without a mistake. */
  readonly capMs: number;
  /** `performance.now()` after which no mutant is started. */
  readonly until: number;
}

/** The cost of starting a test file, which its duration doesn't include. */
const startMs = 200;

/** Test files run in stages, because the nearest ones find most mutants; the last stage takes what the limit leaves. */
const stagesMs: readonly number[] = [1_000, 5_000, 20_000];

export class Campaign {
  readonly #plan: Plan;
  readonly #regions = new Map<string, readonly Region[]>();
  /** By module and function: how often a test file found a mutant. */
  readonly #finders = new Map<string, Map<string, number>>();

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Judges the mutants, each copy one at a time. */
  async run(mutants: readonly Mutant[], copies: readonly Copy[], report: (result: Result) => void): Promise<void> {
    const queue = mutants.values();
    await Promise.all(
      copies.map(async (copy) => {
        const field = new Field(copy, this.#plan.imports);
        for (const mutant of queue) {
          report(await this.#judge(mutant, field));
          if (performance.now() > this.#plan.until) break;
        }
        await field.close();
      }),
    );
  }

  async #judge(mutant: Mutant, field: Field): Promise<Result> {
    const tests = this.#testsFor(mutant);
    const key = hashOf(keyOf(mutant), apply(this.#plan.imports.text(mutant.file), mutant));
    const known = this.#plan.known.get(key);
    if (known !== undefined && known.tests === this.#hashOf(known, tests)) {
      this.#learn(mutant, known.by);
      return { mutant, ...known };
    }
    const judged = await this.#test(mutant, tests, field);
    this.#plan.known.set(key, { ...judged, tests: this.#hashOf(judged, tests) });
    this.#learn(mutant, judged.by);
    return { mutant, ...judged };
  }

  async #test(mutant: Mutant, tests: readonly string[], field: Field): Promise<Omit<Result, 'mutant'>> {
    const rest = tests.values();
    let ran = 0;
    let spent = 0;
    for (let stage = 0; spent < this.#plan.capMs; stage += 1) {
      const left = this.#plan.capMs - spent;
      const { chosen, estimate } = await this.#choose(mutant, rest, Math.min(stagesMs[stage] ?? left, left), left);
      if (chosen.length === 0) break;
      const { failure, problem } = await field.run(mutant, chosen, 30_000 + 10 * estimate);
      if (problem !== undefined) throw new Error(problem);
      if (failure !== undefined) {
        await field.confirm(failure, chosen);
        const by = `${failure.file} > ${failure.test}`;
        return { verdict: failure.isTimeout ? 'timed out' : 'found', by, ran: ran + 1 };
      }
      ran += chosen.length;
      spent += estimate;
    }
    return { verdict: ran === 0 ? 'not covered' : 'survived', by: '', ran };
  }

  /** The next tests that run the mutant's region, up to this duration. */
  async #choose(mutant: Mutant, rest: Iterator<string>, limitMs: number, left: number) {
    const region = regionAt(this.#regionsOf(mutant.file), mutant.start);
    const chosen: string[] = [];
    let estimate = 0;
    while (estimate < limitMs) {
      const { value: test, done } = rest.next();
      if (done === true) break;
      // Measuring it would take as long as running it.
      if ((this.#plan.baselines.lastMs(test) ?? 0) > left) continue;
      const { isSound, ran, ms } = await this.#plan.baselines.get(test, mutant.file);
      if (!isSound || ran[mutant.file]?.includes(region) !== true) continue;
      chosen.push(test);
      estimate += startMs + ms;
    }
    return { chosen, estimate };
  }

  /** Those that load the module, the likeliest first: what found mutants of this function, what is near, what is quick. */
  #testsFor(mutant: Mutant): readonly string[] {
    const { imports, baselines, tests } = this.#plan;
    const finders = this.#finders.get(finderKey(mutant));
    const rank = (test: string): number => {
      const reached = imports.reachedFrom(test);
      // The more a test file loads, the longer it usually takes.
      const ms = startMs + (baselines.lastMs(test) ?? reached.size * 30);
      return (ms * (reached.get(mutant.file) ?? 1)) / (1 + 3 * (finders?.get(test) ?? 0));
    };
    return tests.filter((test) => imports.reachedFrom(test).has(mutant.file)).toSorted((a, b) => rank(a) - rank(b));
  }

  #regionsOf(file: string): readonly Region[] {
    let regions = this.#regions.get(file);
    if (regions === undefined) this.#regions.set(file, (regions = regionsOf(file, this.#plan.imports.text(file))));
    return regions;
  }

  #learn(mutant: Mutant, by: string): void {
    const [test = ''] = by.split(' > ');
    if (test === '') return;
    const key = finderKey(mutant);
    const finders = this.#finders.get(key) ?? new Map<string, number>();
    this.#finders.set(key, finders.set(test, (finders.get(test) ?? 0) + 1));
  }

  /**
   * Ignores `src` modules that a test loads: otherwise a change elsewhere would repeat all tests, and rarely matters.
   */
  #hashOf({ verdict, by }: Pick<Result, 'verdict' | 'by'>, tests: readonly string[]): string {
    const [finder = ''] = by.split(' > ');
    const behind = verdict === 'survived' || !tests.includes(finder) ? tests.toSorted() : [finder];
    return hashOf(...behind, ...behind.map((test) => this.#plan.imports.hash(test, 'test/')));
  }
}

function finderKey({ file, function: name }: Mutant): string {
  return `${file} ${name}`;
}

/** A copy into which one mutant at a time is written. */
class Field {
  readonly #copy: Copy;
  readonly #imports: Imports;
  readonly #runner: Runner;
  #written: string | undefined;

  constructor(copy: Copy, imports: Imports) {
    this.#copy = copy;
    this.#imports = imports;
    this.#runner = new Runner(copy.folder);
  }

  /**
   * A process that ended may be caused by the mutant or by the host: it is the mutant's if the same tests pass without
   * it.
   */
  async confirm({ file }: Failure, tests: readonly string[]): Promise<void> {
    if (file !== '' || this.#written === undefined) return;
    writeFileSync(join(this.#copy.folder, this.#written), this.#imports.text(this.#written));
    const { failure } = await this.#runner.run({ changed: [this.#written], tests }, 10 * 60_000);
    if (failure !== undefined) throw new Error(`${tests.join(', ')} fail without a mistake: ${failure.message}`);
  }

  run(mutant: Mutant, tests: readonly string[], limitMs: number): ReturnType<Runner['run']> {
    const changed = [mutant.file];
    const before = this.#written;
    if (before !== undefined && before !== mutant.file) {
      writeFileSync(join(this.#copy.folder, before), this.#imports.text(before));
      changed.push(before);
    }
    writeFileSync(join(this.#copy.folder, mutant.file), apply(this.#imports.text(mutant.file), mutant));
    this.#written = mutant.file;
    return this.#runner.run({ changed, tests }, limitMs);
  }

  close(): Promise<void> {
    return this.#runner.close();
  }
}
