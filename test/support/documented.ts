import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** A fenced block of shell commands in a page, and the name that the comment before it gives it, if there is one. */
interface Block {
  readonly name: string | undefined;
  readonly script: string;
}

/** The shell blocks of a page, in order. Tests run those named by `<!-- test: name -->`, so that what people are told to type works. */
export function shellBlocks(page: string): readonly Block[] {
  const text = readFileSync(join(root, page), 'utf8');
  const pattern = /(?:<!-- test: (?<name>[-\w]+) -->\n *)?```sh\n(?<script>[\s\S]*?)```/g;
  return [...text.matchAll(pattern)].map(({ groups }) => ({
    name: groups?.['name'],
    script: groups?.['script'] ?? '',
  }));
}

/** One of them by its name. */
export function documented(page: string, name: string): string {
  const found = shellBlocks(page).filter((block) => block.name === name);
  if (found[0] === undefined || found.length > 1) throw new Error(`${page} has ${found.length} blocks named ${name}`);
  return found[0].script;
}
