import { type Kind, type Mutant, oneLine } from './mutate.ts';

/** A mutant that no test can find, because the program does the same. */
export interface Equivalent {
  readonly file: string;
  readonly function: string;
  readonly kind: Kind;
  /** What is replaced, on one line. */
  readonly text: string;
  /** Left out for all mutants of the text. */
  readonly replacement?: string;
  readonly reason: string;
}

/** A row that fits no mutant fails the run: what it excused is gone. */
export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/provider/account/turns.ts',
    function: 'Turns.grant',
    kind: 'assignment',
    text: 'this.#cancelTimer = undefined;',
    reason: 'Cancelling a timer that is over or cancelled does nothing.',
  },
];

export function isExcused(mutant: Mutant, { file, function: name, kind, text, replacement }: Equivalent): boolean {
  return (
    mutant.file === file &&
    mutant.function === name &&
    mutant.kind === kind &&
    mutant.text === text &&
    (replacement === undefined || oneLine(mutant.replacement) === replacement)
  );
}
