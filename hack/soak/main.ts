/**
 * `npm run soak`: objects on a real API server, an emulated provider and two operators in separate processes, while a
 * schedule, determined by the seed, injects faults everywhere between them. Ends with a summary; exits 1 if a line of
 * it is outside its limit, and keeps logs and ledger.
 */
import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildBundle } from '../build.ts';
import { ensureComponents } from '../control-plane/components.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { Cluster } from '../../test/support/control-plane.ts';
import { soak } from './soak.ts';

const usage = `Usage: npm run soak [-- --minutes N] [--seed N] [--objects N]

Injects faults for a while, then checks the result: lost responses, resets, delays, silence, refusals, kills of
operators, stolen leases, restarts of the API server, actions in the provider's control panel. The seed determines the
schedule.

  --minutes N   duration (default 10, at most 1440; fractions such as 0.5 too)
  --seed N      seed of the schedule (default: random)
  --objects N   number of objects (default 200, at most 1000)
  --help        print this text`;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly objects: number;
}

const directory = path.join(import.meta.dirname, '../../.out/soak');
const namespace = 'vps247-soak';

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'number') return options;
  // First, so that every run can be repeated, however it ends.
  console.log(
    `seed ${options.seed}   (npm run soak -- --seed ${options.seed} --minutes ${options.minutes} --objects ${options.objects})`,
  );
  // Before Ctrl-C is caught: Ctrl-C in the terminal also ends a build.
  await ensureComponents(['etcd', 'kube-apiserver']);
  const interruption = new AbortController();
  // Caught permanently: npm forwards a Ctrl-C that the terminal has delivered already.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort());
  try {
    return await run(options, interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) throw error;
    console.log(`Interrupted; the logs are in ${path.relative('.', directory)}`);
    return 130;
  }
}

async function run({ minutes, seed, objects }: Options, signal: AbortSignal): Promise<number> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const { file: entry } = await buildBundle(path.join(directory, 'bundle'));
  await using plane = await startControlPlane({ logDir: path.join(directory, 'control-plane') });
  const cluster = new Cluster(plane.kubeconfigPath);
  try {
    await cluster.applyRights();
    await cluster.applyCrd();
    await cluster.createNamespace(namespace);
    signal.throwIfAborted();
    const kubeconfig = await cluster.kubeconfigOfServiceAccount('vps247-system', 'vps247-operator', directory);
    const seconds = minutes * 60;
    // Many VMs that were deleted while the operator was down count as deleted only after five minutes.
    const patience = Math.max(600, seconds / 2);
    const places = { cluster, namespace, kubeconfig, entry, directory };
    const restartApiServer = (): Promise<void> => plane.restartApiServer();
    const { isGood, text } = await soak({
      ...places,
      operators: 2,
      restartApiServer,
      seed,
      seconds,
      objects,
      patience,
      showProgress,
      signal,
    });
    console.log(`\n${text}\n`);
    console.log(isGood ? 'All checks passed.' : `Logs and ledger are in ${path.relative('.', directory)}`);
    return isGood ? 0 : 1;
  } finally {
    await cluster.close();
  }
}

/** On a terminal one line that is updated, elsewhere a new line every ten seconds. */
function showProgress(describe: () => string): () => void {
  const { stdout } = process;
  const tell = (): void => void stdout.write(stdout.isTTY ? `\r${describe()}\u001B[K` : `${describe()}\n`);
  const ticker = setInterval(tell, stdout.isTTY ? 1_000 : 10_000);
  return () => {
    clearInterval(ticker);
    tell();
  };
}

function readOptions(args: string[]): Options | number {
  try {
    const { values } = parseArgs({
      args,
      options: {
        minutes: { type: 'string', default: '10' },
        seed: { type: 'string', default: String(randomInt(1, 1_000_000)) },
        objects: { type: 'string', default: '200' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      console.log(usage);
      return 0;
    }
    const [minutes, seed, objects] = [values.minutes, values.seed, values.objects].map(Number);
    if (isWithin(minutes, 0.1, 1_440) && isWhole(seed, 0, 2 ** 32) && isWhole(objects, 1, 1_000))
      return { minutes, seed, objects };
    console.error(`Invalid numbers.\n\n${usage}`);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  return 2;
}

function isWithin(value: number | undefined, least: number, most: number): value is number {
  return value !== undefined && value >= least && value <= most;
}

function isWhole(value: number | undefined, least: number, most: number): value is number {
  return Number.isInteger(value) && isWithin(value, least, most);
}

try {
  process.exit(await main());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
