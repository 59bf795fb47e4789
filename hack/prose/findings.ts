import { createRequire } from 'node:module';
import { TextlintKernel } from '@textlint/kernel';
import type textPlugin from '@textlint/textlint-plugin-text';
import terminology from 'textlint-rule-terminology';
import { terms } from './words.ts';

export interface Finding {
  readonly line: number;
  readonly column: number;
  readonly words: string;
  /** Includes the replacement. */
  readonly message: string;
}

// `as`: a CommonJS package, whose default import differs between Node and Vitest; these are its own types.
const { default: plugin } = createRequire(import.meta.url)('@textlint/textlint-plugin-text') as typeof textPlugin;
const kernel = new TextlintKernel();
const options = {
  ext: '.txt',
  plugins: [{ pluginId: 'text', plugin }],
  rules: [{ ruleId: 'terminology', rule: terminology, options: { defaultTerms: false, terms: terms.map(patternOf) } }],
};

/** A pattern for the rule. The look-ahead disables the rule's own detection of word boundaries. */
function patternOf({ not, but, in: where }: (typeof terms)[number]): readonly [pattern: string, replacement: string] {
  const pattern = `(?:${not.replaceAll(' ', ' +')})(?=)`;
  return [where === 'names' ? pattern : String.raw`\b${pattern}\b`, but];
}

/** All findings in a text of any format, in order: comments, strings and names in code are all checked. */
export async function findingsIn(text: string): Promise<readonly Finding[]> {
  const { messages } = await kernel.lintText(onOneLine(text), options);
  return messages.map(({ fix, message }) => {
    // Each finding of this rule has a replacement, and with it the position.
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
 * The rule checks one line at a time, but a phrase may continue on the next line. Within a paragraph or a comment,
 * spaces replace line breaks and comment marks, so that every other character keeps its position.
 */
function onOneLine(text: string): string {
  return text
    .replaceAll(/\n[ \t]*(?:(?:\*|\/\/|#|>)[ \t]+)?(?=[a-z])/g, (gap) => ' '.repeat(gap.length))
    .replaceAll('\n', '\v');
}
