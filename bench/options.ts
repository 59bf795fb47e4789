import { parseArgs } from 'node:util';

/** The parsed flags; `problem`: a sentence about invalid ones. */
export type Asked =
  | { readonly kind: 'help' }
  | { readonly kind: 'problem'; readonly problem: string }
  | { readonly kind: 'run'; readonly sizes: readonly number[]; readonly isKept: boolean };

/** The valid sizes of a run. */
export const sizes = [100, 1_000, 10_000] as const;

/** Parses the flags; `--curve` runs every size, and keeps the figures. */
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
