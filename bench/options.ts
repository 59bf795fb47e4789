import { parseArgs } from 'node:util';

/** What the flags ask for; `problem`: a sentence about those that make no sense. */
export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'problem'; readonly problem: string }
  | { readonly kind: 'run'; readonly sizes: readonly number[]; readonly isKept: boolean };

/** How many machines a run may have. */
export const sizes = [100, 1_000, 10_000] as const;

/** Reads the flags that follow the command; a curve takes every size, and its figures are kept. */
export function readOptions(args: readonly string[]): Asked {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        size: { type: 'string' },
        keep: { type: 'boolean', default: false },
        curve: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return { kind: 'help' };
    if (values.curve && values.size !== undefined)
      return { kind: 'problem', problem: '--curve runs all sizes: leave --size out.' };
    if (values.curve) return { kind: 'run', sizes, isKept: true };
    const { size: text = String(sizes[0]), keep: isKept } = values;
    const size = sizes.find((known) => String(known) === text);
    if (size === undefined) return { kind: 'problem', problem: `--size takes ${sizes.join(', ')}, not "${text}".` };
    return { kind: 'run', sizes: [size], isKept };
  } catch (error) {
    return { kind: 'problem', problem: error instanceof Error ? error.message : String(error) };
  }
}
