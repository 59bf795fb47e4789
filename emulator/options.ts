import { parseArgs } from 'node:util';
import type { AccountOptions } from './accounts.ts';
import { defaultLatencies, readLatency, type Latencies, type Latency } from './latencies.ts';
import { defaultBehavior, readBehavior, behaviorTable, type Behavior } from './behavior.ts';

/** The parsed command line. */
export interface ProgramOptions {
  readonly port: number;
  readonly seed: number;
  readonly accounts: readonly AccountOptions[];
  readonly switches: Partial<Behavior>;
  readonly latencies: Partial<Latencies>;
  readonly manualClock: boolean;
}

export const defaultPort = 8_247;
export const defaultKey = 'demo-key';

const flags = ['port', 'seed', 'key', 'switch', 'latency', 'manual-clock', 'help'] as const;
type Flag = (typeof flags)[number];
type Given = Readonly<Record<Flag, readonly string[]>>;

/** Parses the command line. It reports all problems at once, a sentence each. */
export function readOptions(
  args: readonly string[],
):
  | { readonly kind: 'run'; readonly options: ProgramOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'bad'; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const given = collect(args, problems);
  const port = readNumber('port', given.port, defaultPort, 65_535, problems);
  const seed = readNumber('seed', given.seed, 1, 4_294_967_295, problems);
  const switches = readBehavior(Object.fromEntries(pairs('switch', given.switch, problems)));
  problems.push(...switches.problems);
  const latencies = readLatencies(pairs('latency', given.latency, problems), problems);
  const accounts = readAccounts(given.key, problems);
  if (given.help.length > 0) return { kind: 'help' };
  if (problems.length > 0) return { kind: 'bad', problems };
  const manualClock = given['manual-clock'].length > 0;
  return { kind: 'run', options: { port, seed, accounts, switches: switches.switches, latencies, manualClock } };
}

export function helpText(): string {
  const switchLines = Object.entries(behaviorTable).map(
    ([name, { expects, description }]) =>
      `    ${name}=${JSON.stringify(defaultBehavior[name as keyof Behavior]).replaceAll('"', '')}\n        ${description} (${expects})`,
  );
  return [
    'Emulates the API of vps247: VMs that exist in memory only, with faults on request.',
    '',
    `  --port PORT          Port on the local host; 0 selects a free port (default ${defaultPort})`,
    `  --key [OWNER:]KEY    An API key that is accepted; may be repeated (default ${defaultKey}, of owner 1)`,
    '  --seed N             Seed for latencies and passwords (default 1)',
    '  --latency NAME=MS    Milliseconds, or a range such as 200-500; may be repeated',
    '  --switch NAME=VALUE  Behavior that the API documentation leaves open; may be repeated',
    '  --manual-clock       Time advances only with POST /_emulator/clock/advance',
    '  --help               Print this and exit',
    '',
    '  Latencies and their defaults:',
    ...Object.entries(defaultLatencies).map(([name, latency]) => `    ${name}=${writeLatency(latency)}`),
    '',
    '  Switches and their defaults:',
    ...switchLines,
    '',
  ].join('\n');
}

function writeLatency(latency: Latency): string {
  return typeof latency === 'number' ? String(latency) : latency.join('-');
}

function collect(args: readonly string[], problems: string[]): Given {
  const given: Record<Flag, string[]> = {
    port: [],
    seed: [],
    key: [],
    switch: [],
    latency: [],
    'manual-clock': [],
    help: [],
  };
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    options: {
      port: { type: 'string' },
      seed: { type: 'string' },
      key: { type: 'string', multiple: true },
      switch: { type: 'string', multiple: true },
      latency: { type: 'string', multiple: true },
      'manual-clock': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  for (const token of tokens) {
    const flag = token.kind === 'option' ? flags.find((name) => name === token.name) : undefined;
    if (token.kind === 'positional') problems.push(`"${token.value}" is not a flag; for all flags, see --help.`);
    else if (token.kind === 'option' && flag === undefined) {
      problems.push(`Unknown flag ${token.rawName}; for all flags, see --help.`);
    } else if (token.kind === 'option' && flag !== undefined) {
      const isBare = flag === 'help' || flag === 'manual-clock';
      if (isBare && token.value !== undefined) problems.push(`--${flag} takes no value.`);
      else if (!isBare && (token.value ?? '') === '') problems.push(`--${flag} needs a value.`);
      else given[flag].push(token.value ?? '');
    }
  }
  return given;
}

function readNumber(
  flag: Flag,
  given: readonly string[],
  defaultValue: number,
  most: number,
  problems: string[],
): number {
  const text = given.at(-1);
  if (text === undefined) return defaultValue;
  if (/^\d{1,10}$/.test(text) && Number(text) <= most) return Number(text);
  problems.push(`--${flag} takes a whole number up to ${most}, not "${text}".`);
  return defaultValue;
}

function pairs(flag: Flag, given: readonly string[], problems: string[]): (readonly [string, string])[] {
  return given.flatMap((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [[text.slice(0, at), text.slice(at + 1)] as const];
    problems.push(`--${flag} takes NAME=VALUE, not "${text}".`);
    return [];
  });
}

function readLatencies(given: readonly (readonly [string, string])[], problems: string[]): Partial<Latencies> {
  const latencies: Record<string, Latency> = {};
  for (const [name, text] of given) {
    const latency = readLatency(text);
    if (!Object.hasOwn(defaultLatencies, name))
      problems.push(`Unknown latency "${name}"; for all latencies, see --help.`);
    else if (latency === undefined)
      problems.push(`The latency "${name}" takes milliseconds or a range, not "${text}".`);
    else latencies[name] = latency;
  }
  return latencies;
}

function readAccounts(given: readonly string[], problems: string[]): readonly AccountOptions[] {
  const keys = new Map<number, string[]>();
  for (const text of given.length === 0 ? [defaultKey] : given) {
    const match = /^(?:(\d{1,9}):)?([\x21-\x7e]+)$/.exec(text);
    const key = match?.[2];
    if (key === undefined) problems.push('--key takes printable characters without spaces.');
    else keys.set(Number(match?.[1] ?? 1), [...(keys.get(Number(match?.[1] ?? 1)) ?? []), key]);
  }
  return [...keys].map(([ownerId, ownKeys]) => ({ ownerId, keys: ownKeys }));
}
