import { parseArgs } from 'node:util';
import { nearest } from '../domain/nearest-names.ts';
import { Failure } from './failure.ts';

interface OptionRow {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** What the help shows for the value. */
  readonly value?: string;
  readonly help: string;
}

/** Options of all verbs. Those of `globalOptions` go to kubectl. */
export const optionTable = {
  namespace: { type: 'string', short: 'n', value: 'NAMESPACE', help: 'namespace of the objects' },
  'all-namespaces': { type: 'boolean', short: 'A', help: 'objects of all namespaces' },
  selector: { type: 'string', short: 'l', value: 'SELECTOR', help: 'objects with these labels' },
  all: { type: 'boolean', help: 'all objects of the namespace, or with -A of the cluster' },
  output: { type: 'string', short: 'o', value: 'FORMAT', help: 'format of the output' },
  wait: { type: 'boolean', help: 'wait until it is done, and show progress' },
  timeout: { type: 'string', value: 'DURATION', help: 'how long --wait waits (default: 10m)' },
  'dry-run': { type: 'boolean', help: 'check and show the change, and store nothing' },
  confirm: { type: 'string', value: 'ANSWER', help: 'the answer to the question, for scripts' },
  set: { type: 'boolean', help: 'set managementPolicy to Plan first' },
  approve: { type: 'boolean', help: 'have the operator carry out the steps' },
  for: { type: 'string', value: 'DURATION', help: 'how long from now, such as 4h' },
  until: { type: 'string', value: 'TIME', help: 'until when, such as 2026-01-02T18:00:00Z' },
  off: { type: 'boolean', help: 'follow the schedule again' },
  deleting: { type: 'boolean', help: 'only objects that are being deleted' },
  login: { type: 'string', value: 'USER', help: 'user to log in as (default: root)' },
  account: { type: 'string', value: 'NAME', help: 'the Account that lists the unmanaged VMs' },
  from: { type: 'string', value: 'FILE', help: "the provider's list of VMs as JSON; - is standard input" },
  directory: { type: 'string', value: 'FOLDER', help: 'where the files are written' },
  context: { type: 'string', value: 'NAME', help: 'context of the kubeconfig' },
  cluster: { type: 'string', value: 'NAME', help: 'cluster of the kubeconfig' },
  user: { type: 'string', value: 'NAME', help: 'user of the kubeconfig' },
  kubeconfig: { type: 'string', value: 'FILE', help: 'the kubeconfig' },
  as: { type: 'string', value: 'USER', help: 'user to impersonate' },
  'request-timeout': { type: 'string', value: 'DURATION', help: 'limit for each request (default: 30s)' },
  help: { type: 'boolean', short: 'h', help: 'show the help' },
  version: { type: 'boolean', help: 'show the version' },
} as const satisfies Readonly<Record<string, OptionRow>>;

export type OptionName = keyof typeof optionTable;
export type Options = {
  readonly [Name in OptionName]?: (typeof optionTable)[Name]['type'] extends 'string' ? string : boolean;
};

/** Options that every verb passes on to kubectl. */
export const globalOptions = ['context', 'cluster', 'user', 'kubeconfig', 'as', 'request-timeout'] as const;
const everywhere: ReadonlySet<string> = new Set([...globalOptions, 'namespace', 'help', 'version']);

export interface CommandLine {
  readonly words: readonly string[];
  /** What follows `--`. */
  readonly rest: readonly string[];
  readonly options: Options;
}

/** Splits the arguments. Throws a Failure that names the option that is unknown, or lacks its value. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { tokens } = parseArgs({
    args: [...args],
    options: optionTable,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const words: string[] = [];
  const rest: string[] = [];
  const values: Record<string, string | boolean> = {};
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? Infinity;
  for (const token of tokens) {
    if (token.kind === 'positional') (token.index < end ? words : rest).push(token.value);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(optionTable, token.name)) throw unknownOption(token.rawName);
    // `as`: checked in the line above.
    const { type } = optionTable[token.name as OptionName];
    if (type === 'string' && (token.value === undefined || token.value === ''))
      throw new Failure(`The option ${token.rawName} needs a value.`, 2);
    if (type === 'boolean' && token.value !== undefined)
      throw new Failure(`The option ${token.rawName} takes no value.`, 2);
    values[token.name] = token.value ?? true;
  }
  // `as`: the loop has checked names and types.
  return { words, rest, options: values as Options };
}

function unknownOption(name: string): Failure {
  const long = Object.keys(optionTable).map((one) => `--${one}`);
  const near = name.startsWith('--') ? nearest(name, long) : undefined;
  return new Failure(`Unknown option ${JSON.stringify(name)}.${near === undefined ? '' : ` Did you mean ${near}?`}`, 2);
}

/** Throws a Failure for an option that the verb doesn't have. */
export function checkOptions(verb: string, allowed: readonly OptionName[], options: Options): void {
  const extra = Object.keys(options).find(
    // `as`: the keys are names of options.
    (name) => !everywhere.has(name) && !allowed.includes(name as OptionName),
  );
  if (extra !== undefined)
    throw new Failure(`"kubectl vps ${verb}" has no option --${extra}. "kubectl vps ${verb} --help" lists them.`, 2);
}

/** The options that kubectl gets with each call. */
export function kubectlOptions(options: Options): readonly string[] {
  const given = globalOptions.flatMap((name) => (options[name] === undefined ? [] : [`--${name}=${options[name]}`]));
  return [
    ...given,
    ...(options['request-timeout'] === undefined ? ['--request-timeout=30s'] : []),
    ...(options.namespace === undefined ? [] : [`--namespace=${options.namespace}`]),
  ];
}
