import { flagOf, settingNames, settingsTable, variableOf, type Setting } from './settings.ts';

const width = 100;

/** The output of `--help`: every flag with its variable, default and description. */
export function helpText(): string {
  const entries = settingNames.map((name) => {
    const { kind, byDefault, sentence }: Setting<unknown> = settingsTable[name];
    const usage = kind.placeholder === undefined ? flagOf(name) : `${flagOf(name)} ${kind.placeholder}`;
    const origin = byDefault === '' ? variableOf(name) : `${variableOf(name)}, default ${byDefault}`;
    return `  ${usage}  (${origin})\n${wrap(sentence)}`;
  });
  return [
    'vps247-operator manages virtual machines at vps247 as Kubernetes objects.',
    'A flag overrides the environment variable in brackets.',
    '',
    ...entries,
    '  --help\n      Print this help and exit.',
    '  --version\n      Print the version and exit.',
    '',
  ].join('\n');
}

function wrap(sentence: string): string {
  const lines = [''];
  for (const word of sentence.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 7 > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `      ${line}`).join('\n');
}
