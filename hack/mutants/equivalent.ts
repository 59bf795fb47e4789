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
  {
    file: 'src/status/patch.ts',
    function: 'patch',
    kind: 'element',
    text: 'altered: undefined',
    reason: 'A field that is missing reads as undefined.',
  },
  {
    file: 'src/status/status.ts',
    function: 'recordOf',
    kind: 'element',
    text: '...(ownerId === undefined ? {} : { ownerId })',
    reason: 'The status keeps the owner as long as it keeps the id, and this record keeps the id.',
  },
  {
    file: 'src/status/status.ts',
    function: 'equal',
    kind: 'operand',
    text: 'Array.isArray(a)',
    replacement: 'false',
    reason: 'An array is not a record, so the lines below also return false unless both are arrays.',
  },
  {
    file: 'src/status/status.ts',
    function: 'equal',
    kind: 'operand',
    text: 'Array.isArray(b)',
    replacement: 'false',
    reason: 'An array is not a record, so the lines below also return false unless both are arrays.',
  },
  {
    file: 'src/api/v1alpha1/flaws.ts',
    function: 'flawOf',
    kind: 'condition',
    text: "typeof value === 'string'",
    replacement: 'true',
    reason: 'The schema bounds the length of strings only, and no other value of the schema has a length below 0.',
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
