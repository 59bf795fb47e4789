import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** A fenced block of a page. */
export interface Fence {
  /** The word after the back quotes; empty without one. */
  readonly language: string;
  /** What the comment before it, `<!-- test: name -->`, calls it. */
  readonly name: string | undefined;
  readonly text: string;
  /** Where it begins in the page. */
  readonly line: number;
}

/** All fenced blocks of a page, in order, without the indentation of a list that they are in. */
export function fences(page: string): readonly Fence[] {
  const text = readFileSync(join(root, page), 'utf8');
  const pattern =
    /(?:<!-- test: (?<name>[-\w]+) -->\n+)?^(?<indent> *)```(?<language>\w*)[^\n]*\n(?<text>[\s\S]*?)^ *```$/gm;
  return [...text.matchAll(pattern)].map(({ groups = {}, index }) => ({
    language: groups['language'] ?? '',
    name: groups['name'],
    text: (groups['text'] ?? '').replaceAll(new RegExp(`^${groups['indent'] ?? ''}`, 'gm'), ''),
    line: text.slice(0, index).split('\n').length,
  }));
}

/** A fenced block of shell commands in a page, and the name that the comment before it gives it, if there is one. */
interface Block {
  readonly name: string | undefined;
  readonly script: string;
}

/**
 * The shell blocks of a page, in order. Tests run those named by `<!-- test: name -->`, so that the documented commands work.
 */
export function shellBlocks(page: string): readonly Block[] {
  return fences(page).flatMap(({ language, name, text }) => (language === 'sh' ? [{ name, script: text }] : []));
}

/** One of them by its name. */
export function documented(page: string, name: string): string {
  const found = shellBlocks(page).filter((block) => block.name === name);
  if (found[0] === undefined || found.length > 1) throw new Error(`${page} has ${found.length} blocks named ${name}`);
  return found[0].script;
}
