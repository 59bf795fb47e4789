/**
 * `npm run operator`: the operator from its sources, for the control plane and the emulated provider that `npm run
 * control-plane` and `npm run emulator` run in other terminals. Prepares the control plane like an installation, then
 * runs the operator in this process.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../src/config/load.ts';
import { defaultKey, defaultPort } from '../emulator/options.ts';
import { place } from './control-plane/directories.ts';
import { Cluster } from '../test/support/control-plane.ts';

const operatorNamespace = 'vps247-system';

const usage = `Usage: npm run operator [-- FLAGS OF THE OPERATOR]

Runs the operator from its sources against \`npm run control-plane\` and \`npm run emulator\`, which run in other terminals. It applies
the CRD, the operator's permissions, and a Secret with the emulator's API key in the namespace "default". docs/local-development.md
has the steps.

  --api-url URL       the emulator, if it has another address than http://127.0.0.1:${defaultPort}
  --kubeconfig FILE   another cluster: then nothing is applied, and --api-url is needed
  --help              this text; docs/configuration.md lists all other flags`;

/** A session lasts longer than the usual hour of a token. */
const tokenSeconds = 30 * 24 * 3600;

/** The operator's flags; undefined: nothing to run. */
async function flagsFrom(args: readonly string[]): Promise<readonly string[] | undefined> {
  if (args.includes('--help')) {
    console.log(usage);
    return undefined;
  }
  if (args.includes('--version')) return args;
  const isGiven = (flag: string): boolean => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  const { VPS247_API_URL: variable = '' } = process.env;
  if (isGiven('--kubeconfig')) {
    if (isGiven('--api-url') || variable !== '') return args;
    throw new Error(
      '--kubeconfig names another cluster: give --api-url too. With a provider that lacks their VMs, objects there would get new ones.',
    );
  }
  const emulator = variable === '' ? `http://127.0.0.1:${defaultPort}` : variable;
  const defaults = {
    '--api-url': emulator,
    // Any free port: the first log line shows it.
    '--metrics-address': '127.0.0.1:0',
    '--health-address': '127.0.0.1:0',
    '--log-format': 'text',
    // A short poll interval, so that a change at the emulator shows soon.
    '--poll-interval': '5s',
    // As the chart installs it: it also reconciles Accounts, and a second one in another terminal stays on standby.
    '--accounts': 'true',
    '--leader-election-namespace': operatorNamespace,
  };
  const flags = [
    ...Object.entries(defaults).flatMap(([flag, value]) => (isGiven(flag) ? [] : [`${flag}=${value}`])),
    ...args,
  ];
  const loaded = loadSettings(flags, process.env);
  if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
  await untilThere(() => Promise.resolve(existsSync(place.kubeconfig)), 'npm run control-plane');
  if (!isGiven('--api-url')) {
    await untilThere(() => answers(emulator), 'npm run emulator');
    console.log(`The console of the emulator is at ${emulator}/; open it in a browser.`);
  }
  return [`--kubeconfig=${await prepare()}`, ...flags];
}

async function untilThere(isThere: () => Promise<boolean>, command: string): Promise<void> {
  if (await isThere()) return;
  console.log(`Waiting for \`${command}\`: run it in another terminal.`);
  while (!(await isThere())) await sleep(500);
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return true;
  } catch {
    return false;
  }
}

/**
 * Applies what an installation contains, except the Deployment. Returns a kubeconfig file with the permissions of the
 * operator.
 */
async function prepare(): Promise<string> {
  const cluster = new Cluster(place.kubeconfig);
  try {
    await cluster.applyCrd('deploy/manifests/crds.yaml');
    await cluster.applyRights();
    console.log('Applied the CRD, the policies that protect it and its objects, and the permissions of the operator.');
    await cluster.putSecret('default', defaultKey);
    console.log('Applied Secret vps247-credentials with the API key of the emulator in namespace default.');
    const folder = path.dirname(place.kubeconfig);
    return await cluster.kubeconfigOfServiceAccount(operatorNamespace, 'vps247-operator', folder, tokenSeconds);
  } finally {
    await cluster.close();
  }
}

try {
  const flags = await flagsFrom(process.argv.slice(2));
  if (flags !== undefined) {
    process.argv.splice(2, Infinity, ...flags);
    await import('../src/main.ts');
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
