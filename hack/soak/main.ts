/**
 * `npm run soak`: objects on a real API server, an emulated provider and two operators as processes of their own, while
 * everything between them goes wrong, by a schedule that follows from the seed. Ends with a receipt; exits 1 when a line
 * of it is not what it must be, and keeps logs and ledger.
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

Lets everything go wrong for a while, and looks what came of it: lost answers, resets, delays, silence, refusals, kills of
operators, robbed leases, restarts of the API server, people at the provider's panel. What happens when follows from the seed.

  --minutes N   how long (default 10, at most 1440; parts such as 0.5 too)
  --seed N      the schedule to repeat (default: any)
  --objects N   how many objects (default 200, at most 1000)
  --help        this text`;

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
  // First of all: whatever ends it, this is how to see it again.
  console.log(
    `seed ${options.seed}   (npm run soak -- --seed ${options.seed} --minutes ${options.minutes} --objects ${options.objects})`,
  );
  // Before Ctrl-C is caught: a build ends with its terminal.
  await ensureComponents(['etcd', 'kube-apiserver']);
  const interruption = new AbortController();
  // Caught for good: npm passes on a Ctrl-C that the terminal has delivered already.
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
    // Machines that others deleted while the operator was down count as gone only after five minutes, when they are many.
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
    console.log(isGood ? 'Everything is as it must be.' : `Logs and ledger are in ${path.relative('.', directory)}`);
    return isGood ? 0 : 1;
  } finally {
    await cluster.close();
  }
}

/** On a terminal one line that renews itself, elsewhere one every ten seconds. */
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
    console.error(`These are not numbers that fit.\n\n${usage}`);
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
