import { createRequire } from 'node:module';
import { TextlintKernel } from '@textlint/kernel';
import type textPlugin from '@textlint/textlint-plugin-text';
import terminology from 'textlint-rule-terminology';
import { terms } from './words.ts';

export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly words: string;
  /** With what to write instead. */
  readonly message: string;
}

// A CommonJS package, whose default import differs between Node and Vitest. `as`: its own types.
const { default: plugin } = createRequire(import.meta.url)('@textlint/textlint-plugin-text') as typeof textPlugin;
const kernel = new TextlintKernel();
const options = {
  ext: '.txt',
  plugins: [{ pluginId: 'text', plugin }],
  rules: [{ ruleId: 'terminology', rule: terminology, options: { defaultTerms: false, terms: terms.map(patternOf) } }],
};

/** For the rule, whose own idea of where words end gives way to that of a pattern with a look-ahead. */
function patternOf({ not, but, in: where }: (typeof terms)[number]): readonly [pattern: string, replacement: string] {
  const pattern = `(?:${not.replaceAll(' ', ' +')})(?=)`;
  return [where === 'names' ? pattern : String.raw`\b${pattern}\b`, but];
}

/** What textlint finds in a text of whatever format, in its order: all of it is read, with comments, strings and names of code. */
export async function findingsIn(text: string): Promise<readonly Finding[]> {
  const { messages } = await kernel.lintText(onOneLine(text), options);
  return messages.map(({ fix, message }) => {
    // Each finding of this rule has a replacement, and with it the place.
    const [start, end] = fix?.range ?? [0, 0];
    const before = text.slice(0, start).split('\n');
    return {
      line: before.length,
      column: (before.at(-1) ?? '').length + 1,
      words: text.slice(start, end),
      message: message.replaceAll(/\s+/g, ' '),
    };
  });
}

/**
 * The rule sees one line at a time, but a phrase may run over the end of a line. Within a paragraph or a comment, blanks replace
 * line breaks and comment marks, so that every other character stays in its place.
 */
function onOneLine(text: string): string {
  return text
    .replaceAll(/\n[ \t]*(?:(?:\*|\/\/|#|>)[ \t]+)?(?=[a-z])/g, (gap) => ' '.repeat(gap.length))
    .replaceAll('\n', '\v');
}
