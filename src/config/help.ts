import { flagOf, settingNames, settingsTable, variableOf, type Setting } from './settings.ts';

const width = 100;

/** The output of `--help`: every flag with its variable, default and description. */
export function helpText(): string {
  const entries = settingNames.map((name) => {
    const { kind, defaultValue, description }: Setting<unknown> = settingsTable[name];
    const usage = kind.placeholder === undefined ? flagOf(name) : `${flagOf(name)} ${kind.placeholder}`;
    const origin = defaultValue === '' ? variableOf(name) : `${variableOf(name)}, default ${defaultValue}`;
    return `  ${usage}  (${origin})\n${wrap(description)}`;
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

function wrap(description: string): string {
  const lines = [''];
  for (const word of description.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 7 > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.map((line) => `      ${line}`).join('\n');
}
