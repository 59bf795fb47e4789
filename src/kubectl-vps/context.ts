import type { Kubectl } from './kubectl.ts';
import type { Options } from './options.ts';
import type { Screen } from './screen.ts';

/** Everything outside of the plugin that a verb uses. Tests replace it. */
export interface World {
  readonly kubectl: (globals: readonly string[]) => Kubectl;
  readonly screen: Screen;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Runs a program on this terminal, and returns its exit code. */
  readonly execute: (program: string, args: readonly string[]) => Promise<number>;
  readonly readInput: (file: string) => Promise<string>;
  readonly readFile: (file: string) => string | undefined;
  /** Creates the folders above the file. */
  readonly writeFile: (file: string, text: string) => void;
}

/** What the command line asks of a verb. */
export interface Context extends Omit<World, 'kubectl'> {
  readonly kubectl: Kubectl;
  /** Names of objects, as they were typed. */
  readonly names: readonly string[];
  /** What follows `--`. */
  readonly rest: readonly string[];
  readonly options: Options;
}
