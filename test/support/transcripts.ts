import { fences } from './documented.ts';

interface Command {
  readonly typed: string;
  readonly shows: string;
}

/** A block of a page with commands and what they print. */
export interface Transcript {
  readonly name: string;
  readonly line: number;
  readonly commands: readonly Command[];
}

/** The blocks `console` of a page, in order. */
export function transcriptsOf(page: string): readonly Transcript[] {
  return fences(page)
    .filter(({ language }) => language === 'console')
    .map(({ name = '', text, line }) => ({ name, line, commands: commandsIn(text) }));
}

/** Each line that begins with `$` is a command, and what follows is what it prints. */
function commandsIn(text: string): readonly Command[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [typed = '', ...shows] = part.split('\n');
      return { typed, shows: shows.join('\n') };
    });
}

/** Whether a page shows what was printed. A line `...` of the page stands for any lines, or none. */
export function isShown(printed: string, shows: string): boolean {
  const escaped = `${shows}\n`.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/^(?:\\\.){3}\n/gm, '(?:.*\n)*')}$`).test(`${printed}\n`);
}
