import { nearest } from '../domain/nearest-names.ts';
import { complete } from './complete.ts';
import type { Context, World } from './context.ts';
import { type ExitCode, Failure } from './failure.ts';
import { overview, verbHelp } from './help.ts';
import { checkOptions, kubectlOptions, parseCommandLine } from './options.ts';
import { timeoutOf } from './wait.ts';
import { verbOf, verbs } from './verbs.ts';

/** Runs one command. Every failure is one sentence on stderr. */
export async function run(args: readonly string[], world: World, version: string): Promise<ExitCode> {
  const { screen } = world;
  try {
    if (args[0] === '__complete') {
      screen.print(await complete(args.slice(1), (words) => world.kubectl(forgiving(words))));
      return 0;
    }
    return await runVerb(args, world, version);
  } catch (error) {
    screen.progress(undefined);
    if (error instanceof Failure) {
      screen.note(`Error: ${error.message}`);
      return error.exitCode;
    }
    const message = error instanceof Error ? error.message : String(error);
    screen.note(`Error: the plugin failed (${message}). Report it with the command that you ran.`);
    return 1;
  }
}

async function runVerb(args: readonly string[], world: World, version: string): Promise<ExitCode> {
  const { screen, kubectl, ...rest } = world;
  const line = parseCommandLine(args);
  const [name, ...names] = line.words;
  if (line.options.version === true || name === 'version') {
    screen.print(`kubectl-vps ${version}`);
    return 0;
  }
  if (name === undefined || name === 'help') {
    screen.print(names[0] === undefined ? overview() : verbHelp(names[0]));
    return 0;
  }
  const verb = verbOf(name);
  if (verb === undefined) {
    // The first letter is rarely mistyped, and without it every short word is near to some verb.
    const near = nearest(
      name,
      Object.keys(verbs).filter((one) => one[0] === name[0]),
    );
    const hint = near === undefined ? '"kubectl vps --help" lists the verbs.' : `Did you mean "${near}"?`;
    throw new Failure(`Unknown verb ${JSON.stringify(name)}. ${hint}`, 2);
  }
  if (line.options.help === true) {
    screen.print(verbHelp(name));
    return 0;
  }
  checkOptions(name, verb.options, line.options);
  const { options } = line;
  // Before anything is changed.
  timeoutOf(options);
  return verb.run({
    ...rest,
    screen,
    kubectl: kubectl(kubectlOptions(options)),
    ...operands(verb, names, line.rest),
    options,
  });
}

/** After `--` follows a command for a verb that takes one, and further names otherwise. */
function operands(
  { usage }: { readonly usage: string },
  names: readonly string[],
  rest: readonly string[],
): Pick<Context, 'names' | 'rest'> {
  return usage.includes('-- ') ? { names, rest } : { names: [...names, ...rest], rest: [] };
}

/** The options of an incomplete command line, as far as they can be read. */
function forgiving(words: readonly string[]): readonly string[] {
  try {
    return kubectlOptions(parseCommandLine(words).options);
  } catch {
    return [];
  }
}
