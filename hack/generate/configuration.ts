import { exitCodes, secondSignal } from '../../src/config/exit-codes.ts';
import { flagOf, settingNames, settingsTable, variableOf, type Setting } from '../../src/config/settings.ts';
import { generatedFrom, markdownTable } from './table.ts';

/** docs/configuration.md: every setting with its flag, variable, default and what it accepts. */
export function renderConfiguration(): string {
  const rows = settingNames.map((name) => {
    const { kind, byDefault, sentence }: Setting<unknown> = settingsTable[name];
    const shown = byDefault === '' ? '' : `\`${byDefault}\``;
    return [`\`${flagOf(name)}\``, `\`${variableOf(name)}\``, shown, kind.rule, sentence];
  });
  const codes = Object.values(exitCodes).map(({ code, meaning, remedy }) => [String(code), meaning, remedy]);
  const signals = Object.entries(secondSignal).map(([signal, code]) => [
    String(code),
    `A second signal, ${signal}: it ended at once, whatever was under way. That is on record.`,
    'start it again',
  ]);
  return `# Settings

${generatedFrom('src/config/settings.ts, src/config/exit-codes.ts')}

A flag beats the environment variable, the variable beats the default; an empty variable counts as not set. \`--flag value\` and
\`--flag=value\` mean the same, and a flag that is true or false may stand alone for true. Everything that is wrong is reported at once, in a sentence
each, before anything is contacted; the operator then exits with code 2. \`--help\` prints this table, \`--version\` the version.

The Helm chart has each of them under \`config\`, by its name in camel case (\`config.pollInterval\`), except \`watchNamespaces\` and \`takeOverFrom\`; helm refuses what does not fit. [The chart's README](../deploy/chart/README.md) lists them.

Durations are written as in Kubernetes: \`500ms\`, \`90s\`, \`5m\`, \`1h30m\`.

${markdownTable(['flag', 'variable', 'default', 'must be', 'meaning'], rows)}

API keys are no settings: they come from the Secret that a VirtualMachine refers to.

## Exit codes

What can be mended while the operator waits does not end it: an API server that does not answer or does not know it, a CustomResourceDefinition that is missing or older than
the operator needs, a right that is missing, a Lease that cannot be written. It says in one sentence what is missing, serves \`/readyz\` as not ready until it is there, and goes on by itself.

${markdownTable(['code', 'meaning', 'what to do'], [...codes, ...signals])}
`;
}
