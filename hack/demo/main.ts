/**
 * `npm run demo`: a real kube-apiserver and etcd, the emulated provider, the operator with the rights of its own
 * role, and four machines going through their life. Ends with a receipt read off the emulator's ledger; exits 1 when
 * anything differs from what it must be.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createEmulator } from '../../src/emulator/emulator.ts';
import { serve } from '../../src/emulator/server.ts';
import { ensureComponents } from '../control-plane/components.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { Cluster } from '../kit/cluster.ts';
import { type OperatorProcess, startOperator } from '../kit/operator.ts';
import { play } from './play.ts';

const usage = `Usage: npm run demo [-- --kubeconfig FILE] [--no-stay]

Runs the whole thing: a real control plane, the emulated provider, the operator, and machines going through their life.

  --kubeconfig FILE   use that cluster instead of a control plane of the demo's own
  --no-stay           end after the receipt, also on a terminal
  --help              this text`;

interface Options {
  readonly kubeconfig: string | undefined;
  readonly mayStay: boolean;
}

const operatorNamespace = 'vps247-system';
const apiKey = 'demo-key';

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'number') return options;
  const directory = mkdtempSync(path.join(tmpdir(), 'vps247-demo-'));
  const cleanups: (() => Promise<unknown>)[] = [];
  const interrupted = new Promise<'interrupted'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
  let isGood = false;
  try {
    const ended = await Promise.race([interrupted, run(options, directory, cleanups, interrupted)]);
    isGood = ended === true;
    return ended === 'interrupted' ? 130 : isGood ? 0 : 1;
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    if (isGood) rmSync(directory, { recursive: true, force: true });
    else console.log(`The logs are kept in ${directory}`);
  }
}

async function run(
  options: Options,
  directory: string,
  cleanups: (() => Promise<unknown>)[],
  interrupted: Promise<unknown>,
): Promise<boolean> {
  const kubeconfig = options.kubeconfig ?? (await startCluster(directory, cleanups));
  const cluster = new Cluster(kubeconfig);
  cleanups.push(() => cluster.close());

  const emulator = createEmulator({ seed: 1, accounts: [{ ownerId: 1, keys: [apiKey] }] });
  const provider = await serve(emulator, { port: 0 });
  cleanups.push(() => provider.close());
  console.log(`Provider   ${provider.url} (emulated)`);

  const operator = await install(cluster, provider.url, directory, cleanups);
  const { health, metrics } = await operator.addresses;
  console.log(
    `Operator   process ${operator.pid}, with the rights of service account ${operatorNamespace}/vps247-operator`,
  );
  console.log(`           ${metrics}/metrics, ${health}/readyz\n`);

  const isGood = await play({
    cluster,
    emulator,
    apiKey,
    out: process.stdout,
    isOwnCluster: options.kubeconfig === undefined,
  });
  if (options.mayStay) {
    console.log('\nEverything stays up. To look around, in another terminal:\n');
    console.log(`  export KUBECONFIG=${kubeconfig}`);
    console.log('  kubectl apply -f deploy/samples -n vps247-demo && kubectl get vps -n vps247-demo -w\n');
    console.log('Ctrl-C ends it.');
    await interrupted;
  }
  return isGood;
}

async function startCluster(directory: string, cleanups: (() => Promise<unknown>)[]): Promise<string> {
  await ensureComponents(['etcd', 'kube-apiserver']);
  const startedAt = performance.now();
  const plane = await startControlPlane({ logDir: path.join(directory, 'control-plane') });
  cleanups.push(() => plane.stop());
  console.log(
    `Cluster    ${plane.server} (kube-apiserver and etcd, ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s)`,
  );
  return plane.kubeconfigPath;
}

/** Everything of deploy/manifests but the Deployment: there is no node to run it, so the operator runs as a process, with its rights. */
async function install(
  cluster: Cluster,
  apiUrl: string,
  directory: string,
  cleanups: (() => Promise<unknown>)[],
): Promise<OperatorProcess> {
  const manifests = ['00-namespace', '10-crd', '20-service-account', '30-role'].map(
    (name) => `deploy/manifests/${name}.yaml`,
  );
  await cluster.applyFiles(manifests);
  await cluster.applyCrd();
  const kubeconfig = await cluster.kubeconfigOfServiceAccount(operatorNamespace, 'vps247-operator', directory);
  const operator = startOperator({ kubeconfig, apiUrl, logFile: path.join(directory, 'operator.log') });
  cleanups.push(() => operator.stop());
  return operator;
}

function readOptions(argv: readonly string[]): Options | number {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { kubeconfig: { type: 'string' }, 'no-stay': { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help === true) {
      console.log(usage);
      return 0;
    }
    const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
    return { kubeconfig: values.kubeconfig, mayStay: isTerminal && values['no-stay'] !== true };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    return 2;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
