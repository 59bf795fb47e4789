import { parseBaseUrl } from '../domain/base-url.ts';
import { formatDuration } from '../domain/duration.ts';
import { nearest } from '../domain/nearest-names.ts';
import { cutToCharacters } from '../domain/text.ts';
import { helpText } from './help.ts';
import {
  flagOf,
  settingNames,
  settingsTable,
  variableOf,
  type Setting,
  type SettingName,
  type Settings,
} from './settings.ts';

/** `problems` are sentences, one for each invalid setting; `help` is the text to print. */
export type Loaded =
  | { readonly settings: Settings }
  | { readonly problems: readonly string[] }
  | { readonly help: string }
  | { readonly version: true };

interface Given {
  readonly text: string;
  /** The flag or variable it came from. */
  readonly source: string;
}

/**
 * Reads all settings from flags (without the program's name) and environment: a flag overrides the variable, and the
 * variable overrides the default. All problems are reported together. Pure.
 */
export function loadSettings(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Loaded {
  if (argv.includes('--help') || argv.includes('-h')) return { help: helpText() };
  if (argv.includes('--version')) return { version: true };

  const { flags, problems } = readFlags(argv);
  problems.push(...misspelledVariables(env));

  const values = new Map<SettingName, unknown>();
  for (const name of settingNames) {
    const given = flags.get(name) ?? fromEnvironment(name, env);
    const { kind, defaultValue }: Setting<unknown> = settingsTable[name];
    const read = kind.read(given?.text ?? defaultValue);
    if (read === undefined && given !== undefined) {
      problems.push(`${given.source} must be ${kind.rule}, not ${quote(kind.show?.(given.text) ?? given.text)}.`);
    }
    // An invalid setting gets its default, so that the rules between settings can still be checked.
    values.set(name, (read ?? kind.read(defaultValue))?.value);
  }
  // `as`: one value for each name of the table, parsed by the kind that determines the property's type.
  const settings = Object.fromEntries(values) as Settings;
  problems.push(...contradictions(settings));
  return problems.length > 0 ? { problems } : { settings };
}

function readFlags(argv: readonly string[]): { flags: Map<SettingName, Given>; problems: string[] } {
  const names = new Map(settingNames.map((name) => [flagOf(name), name]));
  const flags = new Map<SettingName, Given>();
  const problems: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const [flag = '', ...rest] = (argv[index] ?? '').split('=');
    const name = names.get(flag);
    if (name === undefined) {
      problems.push(unknownArgument(flag, [...names.keys(), '--help', '--version']));
      // A word after an unknown flag is most likely its value, and needs no separate message.
      if (flag.startsWith('--') && rest.length === 0 && isValue(argv[index + 1])) index++;
      continue;
    }
    const isSwitch = settingsTable[name].kind.placeholder === undefined;
    let value: string | undefined;
    if (rest.length > 0) value = rest.join('=');
    else if (isSwitch) value = 'true';
    else if (isValue(argv[index + 1])) value = argv[++index];

    if (value === undefined) problems.push(`${flag} needs a value: ${settingsTable[name].kind.rule}.`);
    else if (flags.has(name)) problems.push(`${flag} is given twice; give it once.`);
    else flags.set(name, { text: value, source: flag });
  }
  return { flags, problems };
}

function isValue(argument: string | undefined): boolean {
  return argument !== undefined && !argument.startsWith('--');
}

function unknownArgument(argument: string, known: readonly string[]): string {
  if (!argument.startsWith('-')) return `${quote(argument)} is not a flag; for all flags, see --help.`;
  const suggestion = nearest(argument, known);
  return `${argument} is not a flag of this program; ${suggestion === undefined ? 'see --help.' : `did you mean ${suggestion}?`}`;
}

/** An empty variable counts as unset, because templates of manifests leave some empty. */
function fromEnvironment(name: SettingName, env: Readonly<Record<string, string | undefined>>): Given | undefined {
  const variable = variableOf(name);
  const value = env[variable];
  return value === undefined || value === '' ? undefined : { text: value, source: variable };
}

/**
 * Only similar names are reported: Kubernetes itself sets variables such as VPS247_OPERATOR_SERVICE_HOST in every Pod
 * of a namespace with a Service of that name.
 */
function misspelledVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = settingNames.map(variableOf);
  return Object.keys(env)
    .filter((variable) => variable.startsWith('VPS247_') && !known.includes(variable))
    .toSorted()
    .flatMap((variable) => {
      const suggestion = nearest(variable, known);
      return suggestion === undefined
        ? []
        : [`${variable} is not a setting of this program; did you mean ${suggestion}?`];
    });
}

/** The problems between settings that are valid on their own. */
function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  const apiUrl = parseBaseUrl(settings.apiUrl);
  if (apiUrl.kind === 'Valid' && apiUrl.isPlaintext && !settings.insecureApiUrl) {
    problems.push(
      `${flagOf('apiUrl')} must be https, because API keys are sent there; for a test, also set ${flagOf('insecureApiUrl')}.`,
    );
  }
  problems.push(...ordered.flatMap((order) => orderProblems(settings, order)));
  const { metricsAddress, healthAddress, defaultCredentialsSecret, defaultCredentialsNamespaces } = settings;
  if ((defaultCredentialsSecret === undefined) !== (defaultCredentialsNamespaces.length === 0)) {
    problems.push(
      `${flagOf('defaultCredentialsSecret')} and ${flagOf('defaultCredentialsNamespaces')} must be set together: the key, and the namespaces that may use it.`,
    );
  }
  if (
    metricsAddress.port !== 0 &&
    metricsAddress.port === healthAddress.port &&
    metricsAddress.host === healthAddress.host
  ) {
    problems.push(
      `${flagOf('metricsAddress')} and ${flagOf('healthAddress')} must differ; both have port ${healthAddress.port}.`,
    );
  }
  return problems;
}

/** The names of settings that are durations, because numbers of other units must not be compared with them. */
type DurationName = Extract<
  SettingName,
  `${string}Timeout` | `${string}Interval` | 'retryPeriod' | 'renewDeadline' | 'leaseDuration'
>;

interface Order {
  readonly lesser: DurationName;
  readonly greater: DurationName;
  readonly factor: number;
}

/** `lesser` times `factor` must not exceed `greater`. */
export const ordered: readonly Order[] = [
  { lesser: 'apiConnectTimeout', greater: 'apiResponseTimeout', factor: 1 },
  { lesser: 'urgentPollInterval', greater: 'pollInterval', factor: 1 },
  { lesser: 'retryPeriod', greater: 'renewDeadline', factor: 2 },
  { lesser: 'renewDeadline', greater: 'leaseDuration', factor: 1.2 },
];

function orderProblems(settings: Settings, { lesser, greater, factor }: Order): string[] {
  if (settings[lesser] * factor <= settings[greater]) return [];
  const [low, high] = [formatDuration(settings[lesser]), formatDuration(settings[greater])];
  const rule = factor === 1 ? 'must not be longer than' : `must fit ${factor} times into`;
  return [`${flagOf(lesser)} (${low}) ${rule} ${flagOf(greater)} (${high}).`];
}

function quote(value: string): string {
  return JSON.stringify(cutToCharacters(value, 64));
}
