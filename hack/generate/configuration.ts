import { flagOf, settingNames, settingsTable, variableOf, type Setting } from '../../src/config/settings.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/configuration.md: every setting with its flag, variable, default and what it accepts. */
export function renderConfiguration(): string {
  const rows = settingNames.map((name) => {
    const { kind, byDefault, sentence }: Setting<unknown> = settingsTable[name];
    const shown = byDefault === '' ? '' : `\`${byDefault}\``;
    return [`\`${flagOf(name)}\``, `\`${variableOf(name)}\``, shown, kind.rule, sentence];
  });
  return `# Settings

${generatedFrom('src/config/settings.ts')}

A flag beats the environment variable, the variable beats the default; an empty variable counts as not set. \`--flag value\` and
\`--flag=value\` mean the same, and a flag that is true or false may stand alone for true. Everything that is wrong is reported at once, in a sentence
each, before anything is contacted; the operator then exits with code 2. \`--help\` prints this table, \`--version\` the version.

Durations are written as in Kubernetes: \`500ms\`, \`90s\`, \`5m\`, \`1h30m\`.

${markdownTable(['flag', 'variable', 'default', 'must be', 'meaning'], rows)}

API keys are no settings: they come from the Secret that a VirtualMachine refers to.
`;
}
