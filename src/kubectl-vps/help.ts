import { exitCodes } from './failure.ts';
import { globalOptions, type OptionName, optionTable } from './options.ts';
import { table } from './screen.ts';
import { verbOf, verbs } from './verbs.ts';

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');

function optionRow(name: OptionName): readonly [string, string] {
  const row = optionTable[name];
  const short = 'short' in row ? `-${row.short}, ` : '';
  return [`${short}--${name}${'value' in row ? ` ${row.value}` : ''}`, row.help];
}

/** The help of the plugin. */
export function overview(): string {
  return `Work with the VMs of vps247-operator.

Usage: kubectl vps VERB [OPTIONS]

Verbs:
${indent(table(Object.entries(verbs).map(([name, { summary }]) => [name, summary])))}

Options of every verb:
${indent(table((['namespace', ...globalOptions, 'help', 'version'] as const).map(optionRow)))}

Exit codes:
${indent(table(Object.entries(exitCodes).map(([code, meaning]) => [code, meaning.replaceAll('`', '')])))}

"kubectl vps VERB --help" shows the options and examples of a verb.`;
}

/** The help of one verb. */
export function verbHelp(name: string): string {
  const verb = verbOf(name);
  if (verb === undefined) return overview();
  const options: readonly OptionName[] = ['namespace', ...verb.options];
  return `${verb.description}

Usage: kubectl vps ${name} ${verb.usage}

Options:
${indent(table(options.map(optionRow)))}

Examples:
${verb.examples.map((example) => `  kubectl vps ${example}`).join('\n')}`;
}
