import { accountResource } from './accounts.ts';
import type { Kubectl } from './kubectl.ts';
import { resource } from './objects.ts';
import { optionTable } from './options.ts';
import { verbOf, verbs } from './verbs.ts';

/** The directive with which the shell doesn't complete file names. */
const noFiles = ':4';

/** What the shell completes: `words` follow `kubectl vps`, and the last one is incomplete. Never fails. */
export async function complete(
  words: readonly string[],
  kubectl: (words: readonly string[]) => Kubectl,
): Promise<string> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const name = before.find((word) => verbOf(word) !== undefined);
  return [...(await suggestions(before, last, name, kubectl)), noFiles].join('\n');
}

async function suggestions(
  before: readonly string[],
  last: string,
  name: string | undefined,
  kubectl: (words: readonly string[]) => Kubectl,
): Promise<readonly string[]> {
  const verb = name === undefined ? undefined : verbOf(name);
  if (last.startsWith('-')) {
    const options = ['namespace', 'context', ...(verb?.options ?? [])];
    return (
      options
        .filter((option) => `--${option}`.startsWith(last))
        // `as`: names of the table.
        .map((option) => `--${option}\t${optionTable[option as keyof typeof optionTable].help}`)
    );
  }
  if (verb === undefined)
    return Object.entries(verbs)
      .filter(([one]) => one.startsWith(last))
      .map(([one, { summary }]) => `${one}\t${summary}`);
  const completed = completedResource(verb.usage);
  if (completed === undefined) return [];
  try {
    const names = await kubectl(before).text(['get', completed, '--output=name']);
    return names
      .split('\n')
      .map((line) => line.replace(/^.*\//, ''))
      .filter((one) => one !== '' && one.startsWith(last) && !before.includes(one));
  } catch {
    return [];
  }
}

function completedResource(usage: string): string | undefined {
  if (usage.startsWith('NAME')) return resource;
  return usage.startsWith('[ACCOUNT]') ? accountResource : undefined;
}
